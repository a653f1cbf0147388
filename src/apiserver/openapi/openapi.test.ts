import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { allKinds } from '../../api/all-kinds.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { Handler, RequestContext, ServerRequest, ServerResponse } from '../contracts.ts';
import { ChangingKinds } from '../kinds/kind-registry.ts';
import type { SchemaTable } from './definition-names.ts';
import { GNOSTIC_MEDIA_TYPE } from './gnostic-encoding.ts';
import type { SwaggerDocument } from './openapi-document.ts';
import { createOpenApiHandler, type OpenApiConfig } from './serve-openapi.ts';

const schemas: SchemaTable = JSON.parse(readFileSync(new URL('../../api/gen/schema.json', import.meta.url), 'utf8'));
const config: OpenApiConfig = {
  kinds: new ChangingKinds(allKinds),
  schemas: () => schemas,
  mergeRule: (schema, field) =>
    schema === 'V1PodSpec' && field === 'containers' ? { mergeKey: 'name', strategy: 'merge' } : undefined,
  notes: {
    descriptions: {
      V1PodSpec: { '': 'What a pod is.', containers: 'What runs in it.', securityContext: 'Of the client.' },
      V1PodList: { items: 'The pods.' },
      IoK8sApiCoreV1PodSpec: { securityContext: 'Who it runs as.' },
    },
    choices: { IoK8sApiCoreV1PodSpec: { restartPolicy: ['Always', 'Never'] } },
    parameters: { watch: 'Shows what changes.', name: 'name of a thing' },
  },
  version: 'v1.36.0',
  clock: { now: () => Date.parse('2026-01-01T00:00:00Z') },
};
const handler = createOpenApiHandler(config);

interface Answer {
  status: number;
  headers: Readonly<Record<string, string | readonly string[]>>;
  body: Buffer;
}

async function get(address: string, headers: Record<string, string> = {}, asked: Handler = handler): Promise<Answer> {
  let answer: Answer = { status: 0, headers: {}, body: Buffer.alloc(0) };
  const response: ServerResponse = {
    headersSent: false,
    writeHead: (status, sent = {}) => {
      answer = { ...answer, status, headers: sent };
    },
    write: () => true,
    end: (chunk) => {
      answer.body = Buffer.from(chunk ?? '');
    },
    drained: async () => undefined,
  };
  const { pathname: path, searchParams: query } = new URL(address, 'https://server');
  const request = { method: 'GET', path, query, headers } as Partial<ServerRequest> as ServerRequest;
  await asked({ request } as RequestContext, response);
  return answer;
}

const json = async <T>(path: string): Promise<T> => JSON.parse((await get(path)).body.toString()) as T;

/** Every `$ref` below a value. */
function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' && typeof inner === 'string' ? [inner] : references(inner),
  );
}

test('every kind has a definition under its upstream name, and every reference leads somewhere', async () => {
  const document = await json<SwaggerDocument>('/openapi/v2');
  const pod = document.definitions['io.k8s.api.core.v1.Pod']!;
  assert.deepEqual(pod['x-kubernetes-group-version-kind'], [{ group: '', version: 'v1', kind: 'Pod' }]);
  assert.equal(
    document.definitions['io.k8s.api.core.v1.PodSpec']!.properties!['containers']!['x-kubernetes-patch-merge-key'],
    'name',
  );
  assert.ok(document.definitions['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta']);
  const missing = new Set(
    references(document).filter(
      (ref) =>
        !Object.hasOwn(document.definitions, ref.replace('#/definitions/', '')) &&
        !Object.hasOwn(document.parameters!, ref.replace('#/parameters/', '')),
    ),
  );
  assert.deepEqual([...missing], []);
  for (const kind of allKinds) {
    const marks = Object.values(document.definitions).flatMap(
      (definition) => definition['x-kubernetes-group-version-kind'] ?? [],
    );
    assert.ok(
      marks.some((mark) => mark.kind === kind.kind && mark.group === kind.group && mark.version === kind.version),
      kind.kind,
    );
  }
});

test('types, fields and lists are described, in all forms', async () => {
  const { definitions } = await json<SwaggerDocument>('/openapi/v2');
  assert.equal(definitions['io.k8s.api.core.v1.PodSpec']!.description, 'What a pod is.');
  assert.equal(definitions['io.k8s.api.core.v1.PodSpec']!.properties!['containers']!.description, 'What runs in it.');
  assert.equal(definitions['io.k8s.api.core.v1.PodList']!.properties!['items']!.description, 'The pods.');
  assert.match((await get('/openapi/v3/api/v1')).body.toString(), /"description":"What runs in it\."/);
  assert.ok((await get('/openapi/v2', { accept: GNOSTIC_MEDIA_TYPE })).body.includes('What runs in it.'));
});

test('a PATCH says that it takes fieldValidation, which is how kubectl learns that the server validates', async () => {
  interface V3 {
    paths: Record<string, { patch?: { parameters: { name: string }[]; 'x-kubernetes-group-version-kind': object } }>;
    components: { schemas: Record<string, unknown> };
  }
  const document = await json<V3>('/openapi/v3/apis/apps/v1');
  const patch = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']!.patch!;
  assert.deepEqual(patch['x-kubernetes-group-version-kind'], { group: 'apps', version: 'v1', kind: 'Deployment' });
  assert.ok(patch.parameters.some((parameter) => parameter.name === 'fieldValidation'));
  const missing = references(document).filter(
    (ref) => !(ref.replace('#/components/schemas/', '') in document.components.schemas),
  );
  assert.deepEqual(missing, []);
});

test('the index of version 3 names a document for every group and version', async () => {
  const index = await json<{ paths: Record<string, { serverRelativeURL: string }> }>('/openapi/v3');
  for (const { serverRelativeURL } of Object.values(index.paths)) {
    const { status } = await get(serverRelativeURL.split('?')[0]!);
    assert.equal(status, 200, serverRelativeURL);
  }
  assert.equal((await get('/openapi/v3/apis/nobody/v1')).status, 404);
});

/** Reads the fields of one protobuf message: field number → payloads. */
function fieldsOf(bytes: Buffer): Map<number, Buffer[]> {
  const fields = new Map<number, Buffer[]>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const start = at;
    const length = (tag & 7) === 2 ? varint() : 0;
    if ((tag & 7) === 0) varint();
    const from = (tag & 7) === 2 ? at : start;
    at = (tag & 7) === 2 ? at + length : at;
    const list = fields.get(tag >> 3) ?? [];
    fields.set(tag >> 3, [...list, bytes.subarray(from, at)]);
  }
  assert.equal(at, bytes.length);
  return fields;
}

test('the protobuf form has the same definitions and paths as the JSON', async () => {
  const document = await json<SwaggerDocument>('/openapi/v2');
  const { body, headers } = await get('/openapi/v2', { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' });
  assert.equal(headers['content-type'], GNOSTIC_MEDIA_TYPE);
  const message = fieldsOf(body);
  assert.equal(message.get(1)![0]!.toString(), '2.0');
  const namesIn = (field: number, entries: number) =>
    fieldsOf(message.get(field)![0]!)
      .get(entries)!
      .map((entry) => fieldsOf(entry).get(1)![0]!.toString());
  assert.deepEqual(namesIn(9, 1), Object.keys(document.definitions));
  assert.deepEqual(namesIn(8, 2), Object.keys(document.paths));
});

test('a client that has the document already gets 304', async () => {
  const first = await get('/openapi/v2');
  const second = await get('/openapi/v2', { 'if-none-match': String(first.headers['etag']) });
  assert.equal(second.status, 304);
  assert.equal(second.body.length, 0);
});

test('a document that is asked for by its hash may be kept; by another hash, the way to it is shown; and it is JSON or nothing', async () => {
  const { paths } = await json<{ paths: Record<string, { serverRelativeURL: string }> }>('/openapi/v3');
  const { serverRelativeURL } = paths['apis/apps/v1']!;
  const kept = await get(serverRelativeURL);
  assert.equal(kept.status, 200);
  assert.equal(kept.headers['cache-control'], 'public, immutable');
  assert.equal(kept.headers['expires'], 'Fri, 01 Jan 2027 00:00:00 GMT');
  const plain = await get('/openapi/v3/apis/apps/v1');
  assert.deepEqual([plain.status, plain.headers['cache-control']], [200, 'no-cache, private']);
  const old = await get('/openapi/v3/apis/apps/v1?hash=OLD');
  assert.deepEqual([old.status, old.headers['location'], old.body.length], [301, serverRelativeURL, 0]);
  const protobuf = { accept: 'application/com.github.proto-openapi.spec.v3@v1.0+protobuf' };
  assert.equal((await get(serverRelativeURL, protobuf)).status, 406);
  assert.equal((await get(serverRelativeURL, { accept: 'text/html, */*' })).status, 200);
});

test('a field that refers to another type has its own description, fields say which values and which merges they know', async () => {
  const { definitions } = await json<SwaggerDocument>('/openapi/v2');
  const spec = definitions['io.k8s.api.core.v1.PodSpec']!.properties!;
  assert.equal(spec['securityContext']!.description, 'Who it runs as.');
  assert.deepEqual(spec['restartPolicy']!.enum, ['Always', 'Never']);
  assert.deepEqual(spec['containers']!['x-kubernetes-list-map-keys'], ['name']);
  assert.equal(spec['tolerations']!['x-kubernetes-list-type'], 'atomic');
  assert.equal(spec['nodeSelector']!['x-kubernetes-map-type'], 'atomic');
  assert.equal(definitions['io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector']!['x-kubernetes-map-type'], 'atomic');
  const v3 = await json<{ components: { schemas: Record<string, { properties: Record<string, object> }> } }>(
    '/openapi/v3/api/v1',
  );
  assert.deepEqual(v3.components.schemas['io.k8s.api.core.v1.PodSpec']!.properties['securityContext'], {
    description: 'Who it runs as.',
    allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.PodSecurityContext' }],
  });
});

test('parameters say what they are for, except in the form that kubectl reads with each write', async () => {
  const v2 = await json<SwaggerDocument>('/openapi/v2');
  const found = (path: string, method: 'get' | 'delete') => {
    const item = v2.paths[path]!;
    return new Map(
      [...(item.parameters ?? []), ...(item[method]!.parameters ?? [])].map((parameter) => {
        const whole = '$ref' in parameter ? v2.parameters![parameter.$ref.replace('#/parameters/', '')]! : parameter;
        return [whole.name, whole.description] as const;
      }),
    );
  };
  const list = found('/api/v1/namespaces/{namespace}/pods', 'get');
  assert.equal(list.get('watch'), 'Shows what changes.');
  assert.equal(list.has('limit'), true);
  assert.equal(list.get('limit'), undefined);
  assert.equal(found('/api/v1/namespaces/{namespace}/pods/{name}', 'get').get('name'), 'name of the Pod');
  const v3 = (await get('/openapi/v3/api/v1')).body.toString();
  assert.match(v3, /Shows what changes\./);
  const { body } = await get('/openapi/v2', { accept: GNOSTIC_MEDIA_TYPE });
  assert.equal(body.includes('Shows what changes.'), false);
});

test('watches of old and connections that are passed on say what they are', async () => {
  const { paths } = await json<SwaggerDocument>('/openapi/v2');
  const watch = paths['/api/v1/watch/namespaces/{namespace}/pods/{name}']!.get!;
  assert.equal(watch.operationId, 'watchCoreV1NamespacedPod');
  assert.equal(watch['x-kubernetes-action'], 'watch');
  assert.equal(paths['/apis/apps/v1/watch/deployments']!.get!['x-kubernetes-action'], 'watchlist');
  const proxy = paths['/api/v1/namespaces/{namespace}/services/{name}/proxy/{path}']!;
  assert.deepEqual(Object.keys(proxy).sort(), ['delete', 'get', 'head', 'options', 'parameters', 'patch', 'post', 'put']);
  assert.equal(proxy.head!.operationId, 'connectCoreV1HeadNamespacedServiceProxyWithPath');
  assert.deepEqual(proxy.get!['x-kubernetes-group-version-kind'], { group: '', kind: 'ServiceProxyOptions', version: 'v1' });
  const scale = paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale']!;
  assert.deepEqual(scale.patch!['x-kubernetes-group-version-kind'], { group: 'autoscaling', kind: 'Scale', version: 'v1' });
});

test('an operation refers to parameters that others take too, but names those that kubectl looks for in it', async () => {
  const { paths } = await json<SwaggerDocument>('/openapi/v2');
  const { parameters = [] } = paths['/api/v1/namespaces/{namespace}/pods/{name}']!.patch!;
  const names = parameters.map((parameter) => ('$ref' in parameter ? parameter.$ref.replace(/-.{8}$/, '') : parameter.name));
  assert.deepEqual(names, ['#/parameters/body', 'dryRun', '#/parameters/fieldManager', 'fieldValidation', '#/parameters/force']);
});

test('version 3 says what is meant by a field that is left out, version 2 does not', async () => {
  interface V3 {
    components: { schemas: Record<string, { properties: Record<string, { default?: unknown; items?: { default?: unknown } }> }> };
  }
  const { components } = await json<V3>('/openapi/v3/api/v1');
  const of = (type: string) => components.schemas[`io.k8s.api.core.v1.${type}`]!.properties;
  assert.equal(of('ContainerPort')['protocol']!.default, 'TCP');
  assert.equal(of('ContainerPort')['containerPort']!.default, 0);
  assert.equal(of('ContainerPort')['hostPort']!.default, undefined);
  assert.deepEqual(of('Pod')['spec']!.default, {});
  assert.equal(of('PodSpec')['securityContext']!.default, undefined);
  assert.deepEqual(of('PodSpec')['containers']!.items!.default, {});
  assert.equal(of('Container')['args']!.items!.default, '');
  assert.deepEqual(components.schemas['io.k8s.apimachinery.pkg.api.resource.Quantity'], {
    oneOf: [{ type: 'string' }, { type: 'number' }],
  });
  const { definitions } = await json<SwaggerDocument>('/openapi/v2');
  assert.deepEqual(definitions['io.k8s.apimachinery.pkg.api.resource.Quantity'], { type: 'string' });
  assert.equal(definitions['io.k8s.api.core.v1.ContainerPort']!.properties!['protocol']!.default, undefined);
  assert.equal(definitions['io.k8s.api.core.v1.Container']!.properties!['args']!.items!.default, undefined);
});

test('each page of discovery has a document of its own, which says what its answer is', async () => {
  interface V3 {
    paths: Record<string, { get: { operationId: string } }>;
    components: { schemas: Record<string, unknown> };
  }
  const group = await json<V3>('/openapi/v3/apis/apps');
  assert.equal(group.paths['/apis/apps/']!.get.operationId, 'getAppsAPIGroup');
  assert.ok(Object.hasOwn(group.components.schemas, 'io.k8s.apimachinery.pkg.apis.meta.v1.APIGroup'));
  const version = await json<V3>('/openapi/v3/version');
  assert.ok(Object.hasOwn(version.components.schemas, 'io.k8s.apimachinery.pkg.version.Info'));
  assert.deepEqual(Object.keys((await json<V3>('/openapi/v3/openid/v1/jwks')).paths), ['/openid/v1/jwks']);
});

test('addresses of documents are worked out once for all who ask, as long as the kinds stay', async () => {
  let asked = 0;
  const ownSchema = {
    get fingerprint() {
      asked++;
      return 'f';
    },
  } as KindDefinition['ownSchema'] & object;
  const custom = { ...allKinds[0]!, group: 'custom.example.com', ownSchema } as KindDefinition;
  const kinds = new ChangingKinds([...allKinds, custom]);
  const own = createOpenApiHandler({ ...config, kinds });
  for (let i = 0; i < 3; i++) await get('/openapi/v3', {}, own);
  assert.equal(asked, 1);
});

test('a document has another address when a definition changes anything that it says, its schema or not', async () => {
  const custom = (more: Partial<KindDefinition>) => {
    const ownSchema = { fingerprint: 'f' } as KindDefinition['ownSchema'] & object;
    return { ...allKinds[0]!, group: 'custom.example.com', ownSchema, parts: [], actions: [], ...more } as KindDefinition;
  };
  const { parts } = allKinds.find((kind) => kind.parts.length)!;
  const { actions } = allKinds.find((kind) => kind.actions.length)!;
  const all = [
    {},
    { parts },
    { actions },
    { namespaced: !allKinds[0]!.namespaced },
    { resource: 'others' },
    { listKind: 'Others' },
  ];
  const addresses = new Set<string>();
  for (const more of all) {
    const kinds = new ChangingKinds([custom(more)]);
    const own = createOpenApiHandler({ ...config, kinds });
    const { paths } = JSON.parse((await get('/openapi/v3', {}, own)).body.toString());
    addresses.add(paths['apis/custom.example.com/v1'].serverRelativeURL);
  }
  assert.equal(addresses.size, all.length);
});
