import { createHash } from 'node:crypto';
import type { FieldNotes } from '../../api/gen/descriptions.ts';
import { apiVersionOf, type KindDefinition, listKindOf } from '../../api/machinery/kind.ts';
import { parseAccept } from '../../std/accept.ts';
import type { Clock } from '../../std/clock.ts';
import { jsonTextInSteps } from '../../std/json-in-steps.ts';
import type { Steps } from '../../std/pauses.ts';
import { runInTurns } from '../../std/turn-pace.ts';
import type { Handler } from '../contracts.ts';
import { derivedFrom, type KindRegistry } from '../kinds/kind-registry.ts';
import { Pieces } from '../response/long-body.ts';
import { sendPageNotFound, writeBody } from '../response/send.ts';
import { DefinitionNames, type SchemaTable } from './definition-names.ts';
import { DefinitionWriter, type MergeRule } from './definitions.ts';
import { type DiscoveryPath, discoveryPaths, pageItem, resourcesPath } from './discovery-paths.ts';
import { type DocumentForm, type DocumentFrame, DocumentWriter } from './document-writer.ts';
import { GNOSTIC_ACCEPTED, GNOSTIC_MEDIA_TYPE, SWAGGER_PROTOBUF } from './gnostic-encoding.ts';
import { OPENAPI_V3_JSON, SWAGGER_JSON } from './json-forms.ts';
import { OperationWriter } from './operations.ts';
import { SharedParameters } from './path-item.ts';
import { buildPaths } from './paths.ts';

export interface OpenApiConfig {
  kinds: Pick<KindRegistry, 'all'>;
  schemas: () => SchemaTable;
  mergeRule: MergeRule;
  notes?: FieldNotes;
  /** The version of the API, as `/version` gives it. */
  version: string;
  clock: Pick<Clock, 'now'>;
}

interface Answer {
  readonly pieces: readonly Buffer[];
  readonly etag: string;
}

/** What is answered is made of these. */
interface Current {
  /** Kinds of version 3's documents, by the documents' names. */
  readonly documents: ReadonlyMap<string, readonly KindDefinition[]>;
  readonly pages: readonly DiscoveryPath[];
  readonly addresses: Readonly<Record<string, DocumentAddress>>;
}

/**
 * Answers `/openapi/v2` (JSON and the protobuf form of kubectl up to 1.26), `/openapi/v3` and the documents that it lists.
 * Documents are made when first asked for and kept until the kinds that they are made of change; with turns for others in between, since
 * hundreds of custom kinds make megabytes.
 */
export function createOpenApiHandler(config: OpenApiConfig): Handler {
  let answers = new Map<string, Promise<Answer>>();
  let previous = new Map<string, readonly KindDefinition[]>();
  const current = derivedFrom(config.kinds, (all): Current => {
    const documents = groupByPath(all);
    // Documents of groups in which nothing changed are as they were.
    const same = (name: string) => sameItems(documents.get(name), previous.get(name));
    answers = new Map([...answers].filter(([key]) => key.startsWith('v3/') && same(key.slice(3))));
    previous = documents;
    const pages = discoveryPaths(all);
    return { documents, pages, addresses: addressesOf(documents, pages, config.version) };
  });
  const answerFor = (key: string, make: () => Steps<Buffer[]>): Promise<Answer> => {
    let answer = answers.get(key);
    if (!answer) {
      answer = Promise.resolve(runInTurns(toAnswer(make())));
      answers.set(key, answer);
      // Who asked hears of it; the next one shall try again.
      answer.catch(() => answers.delete(key));
    }
    return answer;
  };
  return async ({ request }, response) => {
    const { documents, pages, addresses } = current();
    const accept = request.headers['accept'] ?? '';
    if (request.path === '/openapi/v2') {
      const protobuf = GNOSTIC_ACCEPTED.test(accept);
      // Only kubectl reads the protobuf form, with each write, and it shows nobody what parameters are for.
      const answer = protobuf
        ? answerFor('v2.pb', () => swagger(withoutParameterNotes(config), SWAGGER_PROTOBUF))
        : answerFor('v2.json', () => swagger(config, SWAGGER_JSON));
      return send(await answer, protobuf ? GNOSTIC_MEDIA_TYPE : 'application/json');
    }
    if (request.path === '/openapi/v3') return send(await answerFor('v3', () => index(addresses)), 'application/json');
    const name = request.path.replace(/^\/openapi\/v3\//, '');
    const kinds = documents.get(name);
    const page = pages.find((candidate) => candidate.name === name);
    if (!kinds && !page) return sendPageNotFound(response);
    if (!takesJson(accept)) {
      response.writeHead(406, { 'cache-control': UNCACHED, vary: 'Accept' });
      return response.end();
    }
    const hash = request.query.get('hash');
    const { serverRelativeURL: location } = addresses[name]!;
    if (hash && !location.endsWith(`?hash=${hash}`)) {
      response.writeHead(301, { 'cache-control': UNCACHED, 'content-length': '0', location, vary: 'Accept' });
      return response.end();
    }
    const make = () => (kinds ? openApiV3(kinds, config) : openApiV3OfPage(page!, config));
    const lasting = hash ? { 'cache-control': 'public, immutable', expires: inAYear(config.clock.now()) } : undefined;
    return send(await answerFor(`v3/${name}`, make), 'application/json', lasting);

    async function send(
      { pieces, etag }: Answer,
      contentType: string,
      caching: Caching = { 'cache-control': UNCACHED },
    ): Promise<void> {
      if (request.headers['if-none-match'] === etag) {
        response.writeHead(304, { etag, ...caching });
        response.end();
        return;
      }
      const headers = { 'content-type': contentType, etag, vary: 'Accept', ...caching };
      await writeBody(request, response, 200, headers, new Pieces(pieces));
    }
  };
}

type Caching = Readonly<Record<string, string>>;

/** Kept, and asked for again each time. */
const UNCACHED = 'no-cache, private';

const inAYear = (nowMs: number) => new Date(nowMs + 365 * 24 * 3600_000).toUTCString();

/** Version 3's documents come in no other form here. */
const takesJson = (accept: string) =>
  accept === '' || parseAccept(accept).some(({ type }) => ['application/json', 'application/*', '*/*'].includes(type));

function* toAnswer(document: Steps<Buffer[]>): Steps<Answer> {
  const pieces = yield* document;
  const hash = createHash('sha256');
  for (const piece of pieces) {
    hash.update(piece);
    yield;
  }
  return { pieces, etag: `"${hash.digest('hex').slice(0, 40).toUpperCase()}"` };
}

const sameItems = <T>(a: readonly T[] | undefined, b: readonly T[] | undefined) =>
  a !== undefined && a.length === b?.length && a.every((item, i) => item === b[i]);

const withoutParameterNotes = (config: OpenApiConfig): OpenApiConfig =>
  config.notes ? { ...config, notes: { ...config.notes, parameters: {} } } : config;

/** Names come from all kinds, so that a type is called the same in every document. */
function namesOf({ kinds, schemas }: OpenApiConfig): DefinitionNames {
  return new DefinitionNames(coreFirst(kinds.all()), schemas());
}

const coreFirst = (kinds: readonly KindDefinition[]) =>
  [...kinds].sort((a, b) => Number(a.group !== '') - Number(b.group !== ''));

/** Version 3's documents by their addresses. */
function* index(addresses: Current['addresses']): Steps<Buffer[]> {
  return [Buffer.from(yield* jsonTextInSteps({ paths: addresses }))];
}

/** Version 2's document of all that is served. */
function* swagger(config: OpenApiConfig, form: DocumentForm): Steps<Buffer[]> {
  const names = namesOf(config);
  const kinds = coreFirst(config.kinds.all());
  const definitions = new DefinitionWriter(names, { ...config, schemas: config.schemas(), form: 'v2' });
  const operations = new OperationWriter(config.notes?.parameters ?? {});
  const parameters = new SharedParameters();
  const writer = new DocumentWriter(form);
  for (const kind of kinds) {
    const paths = buildPaths(kind, names, operations);
    for (const item of Object.values(paths)) parameters.replaceIn(item);
    yield* writer.addPaths(paths);
    yield* definitions.addKind(kind);
    yield* writer.addDefinitions(definitions.takeCustom(kind));
  }
  for (const { path, page } of [...discoveryPaths(kinds), ...builtInVersions(kinds).map(resourcesPath)]) {
    yield* writer.addPaths({ [path]: pageItem(page, names) });
    if (page.schema) definitions.add(page.schema);
  }
  definitions.markMeta(builtInVersions(kinds));
  return yield* finish(writer, definitions, form, { ...frameOf(config), parameters: parameters.all() });
}

/** Version 3's document of one group and version. */
function* openApiV3(kinds: readonly KindDefinition[], config: OpenApiConfig): Steps<Buffer[]> {
  const names = namesOf(config);
  const definitions = new DefinitionWriter(names, { ...config, schemas: config.schemas(), form: 'v3' });
  const operations = new OperationWriter(config.notes?.parameters ?? {});
  const writer = new DocumentWriter(OPENAPI_V3_JSON);
  for (const version of builtInVersions(kinds)) {
    const { path, page } = resourcesPath(version);
    yield* writer.addPaths({ [path]: pageItem(page, names) });
    definitions.add(page.schema!);
  }
  for (const kind of kinds) {
    yield* writer.addPaths(buildPaths(kind, names, operations));
    yield* definitions.addKind(kind);
    yield* writer.addDefinitions(definitions.takeCustom(kind));
  }
  definitions.markMeta(builtInVersions(config.kinds.all()));
  return yield* finish(writer, definitions, OPENAPI_V3_JSON, frameOf(config));
}

/** Version 3's document of a page. */
function* openApiV3OfPage({ path, page }: DiscoveryPath, config: OpenApiConfig): Steps<Buffer[]> {
  const names = namesOf(config);
  const definitions = new DefinitionWriter(names, { ...config, schemas: config.schemas(), form: 'v3' });
  const writer = new DocumentWriter(OPENAPI_V3_JSON);
  if (page.schema) definitions.add(page.schema);
  definitions.markMeta([]);
  yield* writer.addPaths({ [path]: pageItem(page, names) });
  return yield* finish(writer, definitions, OPENAPI_V3_JSON, frameOf(config));
}

function* finish(
  writer: DocumentWriter,
  { definitions }: DefinitionWriter,
  form: DocumentForm,
  frame: DocumentFrame,
): Steps<Buffer[]> {
  yield* writer.addDefinitions(definitions);
  return yield* writer.finish((...parts) => form.join(frame, ...parts));
}

const frameOf = ({ version }: OpenApiConfig): DocumentFrame => ({
  swagger: '2.0',
  info: { title: 'Kubernetes', version },
  security: [{ BearerToken: [] }],
  securityDefinitions: {
    BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' },
  },
});

/** The groups and versions of kinds that are none of custom resources. */
function builtInVersions(kinds: readonly KindDefinition[]): Pick<KindDefinition, 'group' | 'version'>[] {
  const versions = new Map<string, Pick<KindDefinition, 'group' | 'version'>>();
  for (const kind of kinds) if (!kind.ownSchema) versions.set(apiVersionOf(kind), { group: kind.group, version: kind.version });
  return [...versions.values()];
}

const groupByPath = (kinds: readonly KindDefinition[]): Map<string, KindDefinition[]> =>
  Map.groupBy(kinds, (kind) => `${kind.group ? 'apis' : 'api'}/${apiVersionOf(kind)}`);

interface DocumentAddress {
  readonly serverRelativeURL: string;
}

/** All that a document says of a kind, in short: of one that is built in, the server's version tells the rest. */
function contentOf(kind: KindDefinition): string {
  const { ownSchema, resource, namespaced, parts, actions } = kind;
  if (!ownSchema) return kind.kind;
  const subresources = [...parts, ...actions].map(({ name }) => name);
  return JSON.stringify([kind.kind, listKindOf(kind), resource, namespaced, subresources, ownSchema.fingerprint]);
}

/** Clients cache a document by the hash in its address; it changes with the server's version and kinds. */
function addressesOf(
  documents: ReadonlyMap<string, readonly KindDefinition[]>,
  pages: readonly DiscoveryPath[],
  version: string,
): Record<string, DocumentAddress> {
  const address = (name: string, content: string) => {
    const hash = createHash('sha256').update(version).update(content).digest('hex').toUpperCase();
    return [name, { serverRelativeURL: `/openapi/v3/${name}?hash=${hash}` }] as const;
  };
  const paths = [
    ...pages.map(({ name }) => address(name, '')),
    ...[...documents].map(([name, kinds]) => address(name, kinds.map(contentOf).join())),
  ];
  return Object.fromEntries(paths.sort(([a], [b]) => (a < b ? -1 : 1)));
}
