import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { allKinds } from '../../api/all-kinds.ts';
import { definitionKey } from '../../api/gen/descriptions.ts';
import { schemaTable } from '../../api/machinery/schema.ts';
import type { Handler, RequestContext, ServerRequest, ServerResponse } from '../contracts.ts';
import { ChangingKinds } from '../kinds/kind-registry.ts';
import { operationsOf, type SwaggerDocument } from './openapi-document.ts';
import { createOpenApiHandler } from './serve-openapi.ts';

/** What the official client, which is made from upstream's own document, sends by one of its methods. */
interface ClientOperation {
  readonly id: string;
  readonly description: string;
  readonly path: string;
  readonly method: string;
  /** Query parameters and their types. */
  readonly query: readonly string[];
  readonly answer: string;
}

const client = join(dirname(fileURLToPath(import.meta.resolve('@kubernetes/client-node'))), 'gen', 'apis');

/** Not served here: logs of the master, the storage versions of several servers, and groups whose versions are all alphas. */
const NOT_SERVED = /^\/(logs\/|apis\/(internal\.apiserver|storagemigration)\.k8s\.io\/)/;
/** What upstream's release does not serve by default. */
const NOT_BY_DEFAULT = /^\/apis\/[^/]+\/v\d+(alpha|beta)\d+\//;

/** Types of older releases. */
const GONE = new Set(['IoK8sApiCoreV1ClaimSource', 'IoK8sApiCoreV1Handler', 'IoK8sApiNetworkingV1NetworkPolicyStatus']);

function* clientOperations(): Generator<ClientOperation> {
  for (const file of readdirSync(client).filter((name) => name.endsWith('Api.js') && name !== 'CustomObjectsApi.js')) {
    const group = file.replace(/Api\.js$/, '');
    const declared = readFileSync(join(client, file.replace(/\.js$/, '.d.ts')), 'utf8');
    const methods = readFileSync(join(client, file), 'utf8').split(/^ {4}async /m);
    for (const text of methods.slice(1)) {
      const path = /localVarPath = '([^']+)'/.exec(text)?.[1];
      if (!path) continue;
      const name = /^\w+/.exec(text)![0];
      const said = new RegExp(`/\\*\\*\\n\\s*\\* ([^\\n]+)\\n(?:\\s*\\*[^\\n]*\\n)*\\s*${name}\\(`).exec(declared)?.[1] ?? '';
      yield {
        id: operationId(name, group),
        description: plain(said),
        path,
        method: /HttpMethod\.(\w+)/.exec(text)![1]!.toLowerCase(),
        query: [...text.matchAll(/setQueryParam\("(\w+)", ObjectSerializer\.serialize\(\w+, "(\w+)"/g)].map(
          ([, parameter, type]) => `${parameter} ${type === 'number' ? 'integer' : type}`,
        ),
        answer: new RegExp(`${name}WithHttpInfo\\(.*Promise<HttpInfo<(\\w+)>>`).exec(declared)?.[1] ?? '',
      };
    }
  }
}

/** `readNamespacedPod` of `CoreV1` is `readCoreV1NamespacedPod`. */
function operationId(name: string, group: string): string {
  const [, verb = '', rest = ''] = /^([a-z]+)(.*)$/.exec(name)!;
  return `${verb}${group}${rest}`;
}

const plain = (text: string) => text.replace(/&#39;|&#x27;/g, "'").replace(/\\(.)/g, '$1');

async function documentNow(): Promise<SwaggerDocument> {
  const handler: Handler = createOpenApiHandler({
    kinds: new ChangingKinds(allKinds),
    schemas: () => schemaTable,
    mergeRule: () => undefined,
    version: 'v1.36.0',
    clock: { now: () => 0 },
  });
  let body = '';
  const response: Partial<ServerResponse> = {
    writeHead: () => undefined,
    end: (chunk) => {
      body = String(chunk);
    },
  };
  const request: Partial<ServerRequest> = { method: 'GET', path: '/openapi/v2', headers: {} };
  await handler({ request } as RequestContext, response as ServerResponse);
  return JSON.parse(body) as SwaggerDocument;
}

function ownOperations({ paths, parameters = {} }: SwaggerDocument): Map<string, Omit<ClientOperation, 'path' | 'method'>> {
  const found = new Map<string, Omit<ClientOperation, 'path' | 'method'>>();
  for (const [path, item] of Object.entries(paths))
    for (const [method, operation] of operationsOf(item)) {
      const whole = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((parameter) =>
        '$ref' in parameter ? parameters[parameter.$ref.replace('#/parameters/', '')]! : parameter,
      );
      const answer = operation.responses[200]?.schema;
      found.set(`${method} ${path}`, {
        id: operation.operationId,
        description: operation.description,
        query: whole.filter((parameter) => parameter.in === 'query').map(({ name, type }) => `${name} ${type}`),
        answer: answer?.$ref?.replace(/^.*\./, '') ?? answer?.type ?? '',
      });
    }
  return found;
}

test('the document has every operation that the official client knows, with its name, its words, its parameters and its answer', async () => {
  const own = ownOperations(await documentNow());
  const seen = new Set<string>();
  const problems: string[] = [];
  for (const operation of clientOperations()) {
    if (NOT_SERVED.test(operation.path) || NOT_BY_DEFAULT.test(operation.path)) continue;
    const key = `${operation.method} ${operation.path}`;
    seen.add(key);
    const ours = own.get(key);
    if (!ours) {
      problems.push(`${key} is missing`);
      continue;
    }
    const isPage = !/\/v\d+\/./.test(operation.path) || operation.path.startsWith('/openid');
    const differs = (what: string, mine: unknown, theirs: unknown) => {
      if (JSON.stringify(mine) !== JSON.stringify(theirs))
        problems.push(`${key}: ${what} ${JSON.stringify(mine)}, not ${JSON.stringify(theirs)}`);
    };
    if (!isPage) differs('id', ours.id, operation.id);
    differs('description', ours.description, operation.description);
    differs('query', [...ours.query].sort(), [...operation.query].sort());
    if (!operation.answer.toLowerCase().endsWith(ours.answer.toLowerCase()))
      problems.push(`${key}: answers ${ours.answer}, not ${operation.answer}`);
  }
  assert.deepEqual(problems, []);
  const more = [...own.keys()].filter(
    (key) => !seen.has(key) && !/\/watch\//.test(key) && !NOT_BY_DEFAULT.test(key.replace(/^\w+ /, '')),
  );
  assert.deepEqual(more, []);
});

test("types are called as in upstream's document, from which the models of another package are made", async () => {
  const { definitions } = await documentNow();
  const own = new Set(Object.keys(definitions).map(definitionKey));
  const models = ['kubernetes-models', '@kubernetes-models/apimachinery'].flatMap((name) =>
    readdirSync(join(dirname(fileURLToPath(import.meta.resolve(name))), '_schemas'))
      .filter((file) => file.endsWith('.d.ts'))
      .map((file) => file.slice(0, -'.d.ts'.length)),
  );
  const missing = models.filter((model) => !own.has(model) && !GONE.has(model) && !/V\d+(alpha|beta)\d+/.test(model));
  assert.ok(models.length > 500);
  assert.deepEqual(missing, []);
});
