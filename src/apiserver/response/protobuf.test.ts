import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import type { JsonValue } from '../../api/machinery/object.ts';
import { decodeProtobuf } from '../../api/protobuf/decode.ts';
import { encodeProtobuf } from '../../api/protobuf/encode.ts';
import { WireReader } from '../../std/protobuf/wire-reader.ts';
import { negotiateOutput } from '../request/negotiation.ts';
import { configMap, startTestApi, type TestApi } from '../test-api.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import { itemFrame } from './protobuf-bytes.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const PARTIAL = 'as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const maps = '/api/v1/namespaces/default/configmaps';

let api: TestApi;
before(async () => {
  api = await startTestApi();
  await api.call('POST', maps, configMap('first', { a: '1' }));
});
after(() => api.stop());

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly bytes: Buffer;
}

async function ask(method: string, path: string, accept: string, body?: Buffer): Promise<Answer> {
  const headers = { accept, ...(body && { 'content-type': PROTOBUF }) };
  const answer = await api.transport.request({ method, path, headers, ...(body && { body }) });
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  return { status: answer.status, type: String(answer.headers['content-type']), bytes: Buffer.concat(chunks) };
}

async function asked(method: string, path: string, schema: string, body?: Buffer): Promise<Record<string, unknown>> {
  const { type, bytes } = await ask(method, path, PROTOBUF, body);
  assert.equal(type, PROTOBUF);
  return decodeProtobuf(bytes, schema);
}

const inJson = async (path: string) => (await api.call<Record<string, JsonValue>>('GET', path)).body;

test('an object and a list say the same in protobuf and in JSON', async () => {
  assert.deepEqual(await asked('GET', `${maps}/first`, 'V1ConfigMap'), await inJson(`${maps}/first`));
  assert.deepEqual(await asked('GET', maps, 'V1ConfigMapList'), await inJson(maps));
});

test('an object is created and replaced by what protobuf says of it', async () => {
  const type = { apiVersion: 'v1', kind: 'ConfigMap' };
  const body = encodeProtobuf(configMap('second', { k: 'v' }) as never, 'V1ConfigMap', type);
  const created = await asked('POST', maps, 'V1ConfigMap', body);
  assert.deepEqual(created, await inJson(`${maps}/second`));
  const changed = { ...created, data: { k: 'other' } };
  const replaced = await asked('PUT', `${maps}/second`, 'V1ConfigMap', encodeProtobuf(changed, 'V1ConfigMap', type));
  assert.deepEqual(replaced['data'], { k: 'other' });
});

test('a body that is no such message, or of another kind, is refused', async () => {
  const noise = await ask('POST', maps, 'application/json', Buffer.from('k8s\0\x12\x05'));
  assert.equal(noise.status, 400);
  assert.match(noise.bytes.toString(), /the protobuf body cannot be read: proto: unexpected EOF/);
  const secret = encodeProtobuf({ metadata: { name: 'x' } }, 'V1Secret', { apiVersion: 'v1', kind: 'Secret' });
  const other = await ask('POST', maps, 'application/json', secret);
  assert.equal(other.status, 400);
  assert.match(
    other.bytes.toString(),
    /Secret in version \\"v1\\" cannot be handled as a ConfigMap: converting \(v1.Secret\) to \(core.ConfigMap\): unknown conversion/,
  );
});

test('failures and deletions are a Status in protobuf', async () => {
  const { status, bytes } = await ask('GET', `${maps}/nobody`, PROTOBUF);
  assert.equal(status, 404);
  const failure = decodeProtobuf(bytes, 'V1Status');
  assert.equal(failure['kind'], 'Status');
  assert.equal(failure['message'], 'configmaps "nobody" not found');
  assert.deepEqual(failure['details'], { name: 'nobody', kind: 'configmaps' });
  await api.call('POST', maps, configMap('gone'));
  const options = encodeProtobuf({ gracePeriodSeconds: 0 }, 'V1DeleteOptions', { apiVersion: 'v1', kind: 'DeleteOptions' });
  assert.equal((await asked('DELETE', `${maps}/gone`, 'V1Status', options))['status'], 'Success');
});

test('metadata alone can be asked for in protobuf, tables cannot', async () => {
  const partial = await ask('GET', `${maps}/first`, `${PROTOBUF};${PARTIAL}`);
  const { metadata } = await inJson(`${maps}/first`);
  const expected = { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata };
  assert.deepEqual(decodeProtobuf(partial.bytes, 'PartialObjectMetadata'), expected);
  const table = `${PROTOBUF};as=Table;v=v1;g=meta.k8s.io`;
  assert.equal((await ask('GET', maps, table)).status, 406);
  assert.equal((await ask('GET', maps, `${table},application/json`)).type, 'application/json');
});

test('JSON is sent to who takes both as gladly, protobuf to who prefers it', async () => {
  const typeFor = async (accept: string) => (await ask('GET', `${maps}/first`, accept)).type;
  assert.equal(await typeFor(`${PROTOBUF},application/json`), 'application/json');
  assert.equal(await typeFor(`application/json,${PROTOBUF}`), 'application/json');
  assert.equal(await typeFor(`${PROTOBUF},application/json;q=0.9`), PROTOBUF);
  assert.equal(await typeFor(`${PROTOBUF},*/*`), PROTOBUF);
  assert.equal(await typeFor(`${PROTOBUF};q=0.5,application/json`), 'application/json');
  assert.equal(await typeFor('*/*'), 'application/json');
});

test('a watch sends frames, bookmarks and its end in protobuf', async () => {
  const list = await inJson(maps);
  const { resourceVersion } = list['metadata'] as { resourceVersion: string };
  const abort = new AbortController();
  const open = (query: string) =>
    api.transport.request({
      method: 'GET',
      path: `${maps}?watch=1&${query}`,
      headers: { accept: PROTOBUF },
      signal: abort.signal,
    });
  const answer = await open(`sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`);
  assert.equal(answer.headers['content-type'], `${PROTOBUF};stream=watch`);
  const events = frames(answer.body);
  const items = list['items'] as { metadata: { name: string } }[];
  for (const { metadata } of items) {
    const added = (await events.next()).value!;
    assert.equal(added.type, 'ADDED');
    assert.deepEqual(decodeProtobuf(added.object, 'V1ConfigMap'), await inJson(`${maps}/${metadata.name}`));
  }
  const bookmark = (await events.next()).value!;
  assert.equal(bookmark.type, 'BOOKMARK');
  assert.deepEqual(decodeProtobuf(bookmark.object, 'V1ConfigMap')['metadata'], {
    resourceVersion,
    annotations: { 'k8s.io/initial-events-end': 'true' },
  });
  await api.call('POST', maps, configMap('third'));
  const third = (await events.next()).value!;
  assert.deepEqual(decodeProtobuf(third.object, 'V1ConfigMap'), await inJson(`${maps}/third`));
  abort.abort(new DOMException('enough', 'AbortError'));
});

/** Reads the frames of a watch: a length in four bytes, and a WatchEvent. */
async function* frames(body: AsyncIterable<Uint8Array>): AsyncGenerator<{ type: string; object: Buffer }, undefined> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of body) {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) {
      const end = 4 + bytes.readUInt32BE(0);
      const event = new WireReader(bytes.subarray(4, end));
      assert.equal(event.tag(), 0x0a);
      const type = event.text();
      assert.equal(event.tag(), 0x12);
      const raw = new WireReader(event.bytes());
      assert.equal(raw.tag(), 0x0a);
      yield { type, object: raw.bytes() };
      bytes = bytes.subarray(end);
    }
  }
  return undefined;
}

test('an object that cannot be written ends no other watch: who watches in protobuf is told', () => {
  const broken = { metadata: { name: 'broken' }, data: { k: 1 } };
  const object = { namespace: 'default', name: 'broken', object: broken } as unknown as CachedObject;
  const output = negotiateOutput({ headers: { accept: PROTOBUF }, query: new URLSearchParams() }, 'object');
  const frame = itemFrame(configMapKind, output, { type: 'ADDED', object, line: Buffer.alloc(0) });
  const event = new WireReader(frame.subarray(4));
  event.tag();
  assert.equal(event.text(), 'ERROR');
  assert.match(frame.toString(), /ConfigMap "default\/broken" cannot be sent: proto: 1 is no string/);
});

test('a CustomResourceDefinition is taken and answered in protobuf, with what its schema holds, and its objects are not', async () => {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        required: ['size'],
        properties: {
          size: { type: 'integer', minimum: 1, maximum: 2.5 },
          labels: { type: 'object', additionalProperties: { type: 'string' } },
          list: { type: 'array', items: { type: 'string', enum: ['a', 'b'] } },
          color: { type: 'string', default: 'red' },
        },
        'x-kubernetes-validations': [{ rule: 'self.size > 0', message: 'positive' }],
      },
    },
  };
  const definition = {
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      names: { plural: 'widgets', kind: 'Widget' },
      scope: 'Cluster',
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, subresources: { status: {} } }],
    },
  };
  const type = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' };
  const made = await asked(
    'POST',
    path,
    'V1CustomResourceDefinition',
    encodeProtobuf(definition, 'V1CustomResourceDefinition', type),
  );
  const { versions } = made['spec'] as typeof definition.spec;
  assert.deepEqual(versions[0]?.schema.openAPIV3Schema, schema);
  assert.deepEqual(versions[0]?.subresources, { status: {} });
  const read = (await api.call<typeof definition>('GET', `${path}/widgets.example.com`)).body;
  assert.deepEqual(read.spec.versions[0]?.schema.openAPIV3Schema, schema);
  const widgets = '/apis/example.com/v1/widgets';
  await until('widgets are served', async () => (await api.call('GET', widgets)).status === 200);
  assert.equal((await ask('POST', widgets, 'application/json', Buffer.from('k8s'))).status, 415);
});
