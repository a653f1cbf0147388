import { createHash } from 'node:crypto';
import type { FieldNotes } from '../../api/gen/descriptions.ts';
import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { Handler } from '../contracts.ts';
import { derivedFrom, type KindRegistry } from '../kinds/kind-registry.ts';
import { sendPageNotFound } from '../response/send.ts';
import { buildDefinitions, DefinitionNames, type MergeRule, type SchemaTable } from './definitions.ts';
import { encodeGnostic, GNOSTIC_ACCEPTED, GNOSTIC_MEDIA_TYPE } from './gnostic-encoding.ts';
import type { SwaggerDocument } from './openapi-document.ts';
import { toOpenApiV3 } from './openapi-v3.ts';
import { buildPaths } from './paths.ts';

export interface OpenApiConfig {
  kinds: Pick<KindRegistry, 'all'>;
  schemas: () => SchemaTable;
  mergeRule: MergeRule;
  notes?: FieldNotes;
  /** The version of the API, as `/version` gives it. */
  version: string;
}

interface Answer {
  body: Uint8Array;
  etag: string;
}

/**
 * Answers `/openapi/v2` (JSON and the protobuf form of kubectl up to 1.26), `/openapi/v3` and the documents that it lists.
 * Documents are made when first asked for and kept until the kinds that they are made of change.
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
  const answerFor = (key: string, make: () => Uint8Array | Promise<Uint8Array>): Promise<Answer> => {
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
      const document = () => buildSwagger(config.kinds.all(), protobuf ? withoutParameterNotes(config) : config);
      const answer = protobuf
        ? answerFor('v2.pb', () => encodeGnostic(document()))
        : answerFor('v2.json', () => json(document()));
      return send(await answer, protobuf ? GNOSTIC_MEDIA_TYPE : 'application/json');
    }
    if (request.path === '/openapi/v3')
      return send(await answerFor('v3', () => json(indexOf(documents, config.version))), 'application/json');
    const name = request.path.replace(/^\/openapi\/v3\//, '');
    const kinds = documents.get(name);
    if (!kinds) return sendPageNotFound(response);
    return send(await answerFor(`v3/${name}`, () => json(toOpenApiV3(buildSwagger(kinds, config, 'v3')))), 'application/json');

    async function send({ body, etag }: Answer, contentType: string): Promise<void> {
      if (request.headers['if-none-match'] === etag) {
        response.writeHead(304, { etag });
        response.end();
        return;
      }
      response.writeHead(200, { 'content-type': contentType, 'content-length': String(body.length), etag, vary: 'Accept' });
      response.end(body);
    }
  };
}

async function toAnswer(make: () => Uint8Array | Promise<Uint8Array>): Promise<Answer> {
  const body = await make();
  return { body, etag: `"${createHash('sha256').update(body).digest('hex').slice(0, 40).toUpperCase()}"` };
}

const sameItems = <T>(a: readonly T[] | undefined, b: readonly T[] | undefined) =>
  a !== undefined && a.length === b?.length && a.every((item, i) => item === b[i]);

function json(document: object): Uint8Array {
  return Buffer.from(JSON.stringify(document));
}

const withoutParameterNotes = (config: OpenApiConfig): OpenApiConfig =>
  config.notes ? { ...config, notes: { ...config.notes, parameters: {} } } : config;

function buildSwagger(kinds: readonly KindDefinition[], config: OpenApiConfig, form: 'v2' | 'v3' = 'v2'): SwaggerDocument {
  const schemas = config.schemas();
  const coreFirst = [...kinds].sort((a, b) => Number(a.group !== '') - Number(b.group !== ''));
  // Names come from all kinds, so that a type is called the same in every document.
  const names = new DefinitionNames(
    [...config.kinds.all()].sort((a, b) => Number(a.group !== '') - Number(b.group !== '')),
    schemas,
  );
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: config.version },
    paths: Object.assign({}, ...coreFirst.map((kind) => buildPaths(kind, names, config.notes?.parameters ?? {}))),
    definitions: buildDefinitions(coreFirst, names, { ...config, schemas, form }),
  };
}

function groupByPath(kinds: readonly KindDefinition[]): Map<string, KindDefinition[]> {
  const groups = new Map<string, KindDefinition[]>();
  for (const kind of kinds) {
    const path = `${kind.group ? 'apis' : 'api'}/${apiVersionOf(kind)}`;
    groups.set(path, [...(groups.get(path) ?? []), kind]);
  }
  return groups;
}

/** Clients cache a document by the hash in its address; it changes with the server's version and kinds. */
function indexOf(documents: ReadonlyMap<string, readonly KindDefinition[]>, version: string): object {
  const paths = [...documents].map(([name, kinds]) => {
    const hash = createHash('sha256')
      .update(version)
      .update(kinds.map((kind) => kind.kind + (kind.ownSchema?.fingerprint ?? '')).join())
      .digest('hex')
      .toUpperCase();
    return [name, { serverRelativeURL: `/openapi/v3/${name}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(paths) };
}
