import { createHash } from 'node:crypto';
import type { FieldNotes } from '../../api/gen/descriptions.ts';
import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import { parseAccept } from '../../std/accept.ts';
import type { Clock } from '../../std/clock.ts';
import { jsonTextInSteps } from '../../std/json-in-steps.ts';
import { Pace, runWithPauses, type Steps } from '../../std/pauses.ts';
import type { Handler } from '../contracts.ts';
import { derivedFrom, type KindRegistry } from '../kinds/kind-registry.ts';
import { sendPageNotFound } from '../response/send.ts';
import { DefinitionNames, type SchemaTable } from './definition-names.ts';
import { DefinitionWriter, type MergeRule } from './definitions.ts';
import { type DiscoveryPath, discoveryPaths, pageItem, resourcesPath } from './discovery-paths.ts';
import { encodeGnostic, GNOSTIC_ACCEPTED, GNOSTIC_MEDIA_TYPE } from './gnostic-encoding.ts';
import type { PathItem, SwaggerDocument } from './openapi-document.ts';
import { toOpenApiV3 } from './openapi-v3.ts';
import { OperationWriter } from './operations.ts';
import { shareParameters } from './path-item.ts';
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
  body: Uint8Array;
  etag: string;
}

/**
 * Answers `/openapi/v2` (JSON and the protobuf form of kubectl up to 1.26), `/openapi/v3` and the documents that it lists.
 * Documents are made when first asked for and kept until the kinds that they are made of change; with turns for others in between, since
 * hundreds of custom kinds make megabytes.
 */
export function createOpenApiHandler(config: OpenApiConfig): Handler {
  let answers = new Map<string, Promise<Answer>>();
  let previous = new Map<string, readonly KindDefinition[]>();
  const documentsNow = derivedFrom(config.kinds, (all) => {
    const documents = groupByPath(all);
    // Documents of groups in which nothing changed are as they were.
    const same = (name: string) => sameItems(documents.get(name), previous.get(name));
    answers = new Map([...answers].filter(([key]) => key.startsWith('v3/') && same(key.slice(3))));
    previous = documents;
    return documents;
  });
  const answerFor = (key: string, make: () => Promise<Uint8Array>): Promise<Answer> => {
    let answer = answers.get(key);
    if (!answer) {
      answer = toAnswer(make);
      answers.set(key, answer);
      // Who asked hears of it; the next one shall try again.
      answer.catch(() => answers.delete(key));
    }
    return answer;
  };
  return async ({ request }, response) => {
    const documents = documentsNow();
    const accept = request.headers['accept'] ?? '';
    if (request.path === '/openapi/v2') {
      const protobuf = GNOSTIC_ACCEPTED.test(accept);
      // Only kubectl reads the protobuf form, with each write, and it shows nobody what parameters are for.
      const document = () => wholeDocument(protobuf ? withoutParameterNotes(config) : config);
      const answer = protobuf
        ? answerFor('v2.pb', async () => encodeGnostic(await runWithPauses(document())))
        : answerFor('v2.json', async () => json(await runWithPauses(document())));
      return send(await answer, protobuf ? GNOSTIC_MEDIA_TYPE : 'application/json');
    }
    const pages = discoveryPaths(config.kinds.all());
    const addresses = addressesOf(documents, pages, config.version);
    if (request.path === '/openapi/v3') return send(await answerFor('v3', () => json({ paths: addresses })), 'application/json');
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
    const make = async () => {
      const made = kinds ? await runWithPauses(documentOf(kinds, config)) : pageDocument(page!, config);
      return json(await runWithPauses(toOpenApiV3(made)));
    };
    const lasting = hash ? { 'cache-control': 'public, immutable', expires: inAYear(config.clock.now()) } : undefined;
    return send(await answerFor(`v3/${name}`, make), 'application/json', lasting);

    async function send(
      { body, etag }: Answer,
      contentType: string,
      caching: Caching = { 'cache-control': UNCACHED },
    ): Promise<void> {
      if (request.headers['if-none-match'] === etag) {
        response.writeHead(304, { etag, ...caching });
        response.end();
        return;
      }
      const headers = { 'content-type': contentType, 'content-length': String(body.length), etag, vary: 'Accept', ...caching };
      response.writeHead(200, headers);
      response.end(body);
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

async function toAnswer(make: () => Promise<Uint8Array>): Promise<Answer> {
  const body = await make();
  return { body, etag: `"${createHash('sha256').update(body).digest('hex').slice(0, 40).toUpperCase()}"` };
}

const sameItems = <T>(a: readonly T[] | undefined, b: readonly T[] | undefined) =>
  a !== undefined && a.length === b?.length && a.every((item, i) => item === b[i]);

async function json(document: object): Promise<Uint8Array> {
  return Buffer.from(await runWithPauses(jsonTextInSteps(document)));
}

/** So many kinds are described between two pauses, some milliseconds. */
const KINDS = 20;

const withoutParameterNotes = (config: OpenApiConfig): OpenApiConfig =>
  config.notes ? { ...config, notes: { ...config.notes, parameters: {} } } : config;

/** Names come from all kinds, so that a type is called the same in every document. */
function namesOf({ kinds, schemas }: OpenApiConfig): DefinitionNames {
  return new DefinitionNames(coreFirst(kinds.all()), schemas());
}

const coreFirst = (kinds: readonly KindDefinition[]) =>
  [...kinds].sort((a, b) => Number(a.group !== '') - Number(b.group !== ''));

const sorted = <T>(entries: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Version 2's document of all that is served. */
function* wholeDocument(config: OpenApiConfig): Steps<SwaggerDocument> {
  const names = namesOf(config);
  const kinds = coreFirst(config.kinds.all());
  const writer = new DefinitionWriter(names, { ...config, schemas: config.schemas(), form: 'v2' });
  const operations = new OperationWriter(config.notes?.parameters ?? {});
  const paths: Record<string, PathItem> = {};
  const pace = new Pace(KINDS);
  for (const kind of kinds) {
    Object.assign(paths, buildPaths(kind, names, operations));
    writer.addKind(kind);
    if (pace.due(1)) yield;
  }
  for (const { path, page } of [...discoveryPaths(kinds), ...builtInVersions(kinds).map(resourcesPath)]) {
    paths[path] = pageItem(page, names);
    if (page.schema) writer.add(page.schema);
  }
  writer.markMeta(builtInVersions(kinds));
  yield;
  const parameters = yield* shareParameters(paths);
  return { ...document(config, sorted(paths), sorted(writer.definitions)), parameters };
}

/** What version 3's document of one group and version is made from. */
function* documentOf(kinds: readonly KindDefinition[], config: OpenApiConfig): Steps<SwaggerDocument> {
  const names = namesOf(config);
  const writer = new DefinitionWriter(names, { ...config, schemas: config.schemas(), form: 'v3' });
  const operations = new OperationWriter(config.notes?.parameters ?? {});
  const paths: Record<string, PathItem> = {};
  const pace = new Pace(KINDS);
  for (const version of builtInVersions(kinds)) {
    const { path, page } = resourcesPath(version);
    paths[path] = pageItem(page, names);
    writer.add(page.schema!);
  }
  for (const kind of kinds) {
    Object.assign(paths, buildPaths(kind, names, operations));
    writer.addKind(kind);
    if (pace.due(1)) yield;
  }
  writer.markMeta(builtInVersions(config.kinds.all()));
  return document(config, sorted(paths), sorted(writer.definitions));
}

/** What version 3's document of a page is made from. */
function pageDocument({ path, page }: DiscoveryPath, config: OpenApiConfig): SwaggerDocument {
  const names = namesOf(config);
  const writer = new DefinitionWriter(names, { ...config, schemas: config.schemas(), form: 'v3' });
  if (page.schema) writer.add(page.schema);
  writer.markMeta([]);
  return document(config, { [path]: pageItem(page, names) }, sorted(writer.definitions));
}

function document(
  { version }: OpenApiConfig,
  paths: SwaggerDocument['paths'],
  definitions: SwaggerDocument['definitions'],
): SwaggerDocument {
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version },
    paths,
    definitions,
    security: [{ BearerToken: [] }],
    securityDefinitions: {
      BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' },
    },
  };
}

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
    ...[...documents].map(([name, kinds]) =>
      address(name, kinds.map((kind) => kind.kind + (kind.ownSchema?.fingerprint ?? '')).join()),
    ),
  ];
  return sorted(Object.fromEntries(paths));
}
