/** Forms that answers can have: test/integration/apiserver/apiserver_test.go (TestTransform) asks upstream for the same. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Status } from '../../api/machinery/status-error.ts';
import { configMap, startTestApi, type TestApi } from '../test-api.ts';

const maps = '/api/v1/namespaces/default/configmaps';
let api: TestApi;
before(async () => {
  api = await startTestApi();
  await api.call('POST', maps, configMap('one', { a: 'b' }));
  await api.call('POST', maps, configMap('large', { a: 'x'.repeat(200_000) }));
});
after(() => api.stop());

interface Shown {
  readonly kind: string;
  readonly apiVersion: string;
  readonly message: string;
  readonly columnDefinitions?: { readonly name: string }[];
  readonly rows?: { readonly cells: unknown[]; readonly object: Record<string, unknown> | null }[];
}
const get = (path: string, accept: string) => api.call<Shown>('GET', path, undefined, { accept });
const as = (kind: string, version = 'v1', group = 'meta.k8s.io', type = 'application/json') =>
  `${type};as=${kind};v=${version};g=${group}`;

test('tables, with rows that hold nothing, metadata or whole objects', async () => {
  for (const version of ['v1', 'v1beta1']) {
    const { body } = await get(`${maps}?limit=1`, as('Table', version));
    assert.deepEqual([body.kind, body.apiVersion], ['Table', `meta.k8s.io/${version}`]);
    assert.deepEqual(
      body.columnDefinitions?.map(({ name }) => name),
      ['Name', 'Data', 'Age'],
    );
    const { kind, apiVersion } = body.rows?.[0]?.object ?? {};
    assert.deepEqual([kind, apiVersion], ['PartialObjectMetadata', `meta.k8s.io/${version}`]);
  }
  const row = async (include: string) => (await get(`${maps}/one?includeObject=${include}`, as('Table'))).body.rows?.[0];
  assert.equal((await row('None'))?.object, null);
  assert.equal((await row('Metadata'))?.object?.['kind'], 'PartialObjectMetadata');
  assert.deepEqual((await row('Object'))?.object?.['data'], { a: 'b' });
  const neither = await get(`${maps}/one?includeObject=All`, as('Table'));
  assert.equal(neither.status, 400);
  assert.match(
    String(neither.body.message),
    /includeObject: Invalid value: "All": must be 'Metadata', 'Object', 'None', or empty$/,
  );
});

test('flow schemas are shown in the order in which they are tried', async () => {
  const { body } = await get('/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas', as('Table'));
  const precedences = body.rows!.map(({ cells }) => Number(cells[2]));
  assert.equal(body.rows![0]!.cells[0], 'exempt');
  assert.equal(body.rows!.at(-1)!.cells[0], 'catch-all');
  assert.deepEqual(
    precedences,
    precedences.toSorted((a, b) => a - b),
  );
});

test('the scale of a workload as a table', async () => {
  const path = '/apis/apps/v1/namespaces/default/deployments';
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const spec = { replicas: 3, selector: { matchLabels: { a: 'b' } }, template };
  await api.call('POST', path, { metadata: { name: 'scaled' }, spec });
  const { body } = await get(`${path}/scaled/scale`, `${as('Table')},application/json`);
  assert.deepEqual(
    body.columnDefinitions?.map(({ name }) => name),
    ['Name', 'Desired', 'Available', 'Age'],
  );
  assert.deepEqual(body.rows?.[0]?.cells.slice(0, 3), ['scaled', 3, 0]);
  assert.equal((await get(`${path}/scaled/scale`, 'application/json')).body.kind, 'Scale');
});

test('what is answered rather than kept has no tables', async () => {
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'nobody' } };
  const send = (accept: string) =>
    api.call<Status>('POST', '/api/v1/namespaces/default/pods/nobody/eviction', eviction, { accept });
  const { status, body } = await send(as('Table'));
  assert.equal(status, 406);
  assert.equal(body.reason, 'NotAcceptable');
  assert.equal((await send(`${as('Table')}, application/json`)).status, 404);
});

test('metadata alone, of objects and of lists, but not of one for the other', async () => {
  for (const version of ['v1', 'v1beta1']) {
    const one = await get(`${maps}/one`, as('PartialObjectMetadata', version));
    assert.deepEqual([one.body.kind, one.body.apiVersion], ['PartialObjectMetadata', `meta.k8s.io/${version}`]);
    const all = await get(maps, as('PartialObjectMetadataList', version));
    assert.deepEqual([all.body.kind, all.body.apiVersion], ['PartialObjectMetadataList', `meta.k8s.io/${version}`]);
  }
  const refused = async (path: string, kind: string) => {
    const { status, body } = await get(path, as(kind));
    assert.equal(status, 406);
    return body.message;
  };
  assert.equal(
    await refused(maps, 'PartialObjectMetadata'),
    'you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)',
  );
  assert.equal(
    await refused(`${maps}/one`, 'PartialObjectMetadataList'),
    'you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)',
  );
});

test('what cannot be had is not acceptable, unless something else is as welcome', async () => {
  const ACCEPTED =
    'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf';
  for (const accept of [
    as('PartialObjectMetadata', 'v1alpha1'),
    as('PartialObjectMetadata', 'v1', 'other'),
    as('PartialObject'),
    as('Table', 'v2'),
    as('Table', 'v1', 'meta.k8s.io', 'application/vnd.kubernetes.protobuf'),
    'application/json;v=v1;g=meta.k8s.io',
    'application/cbor',
    'text/html',
    'application/json;q=0',
  ]) {
    const answer = await api.call<Status>('GET', `${maps}/one`, undefined, { accept });
    assert.equal(answer.status, 406, accept);
    assert.equal(answer.body.reason, 'NotAcceptable');
    assert.equal(answer.body.message, ACCEPTED);
    assert.equal((await get(`${maps}/one`, `${accept}, application/json`)).body.kind, 'ConfigMap');
  }
  assert.equal(
    (await get(`${maps}/one`, 'application/json;q=0.1, application/yaml')).headers['content-type'],
    'application/yaml',
  );
  assert.equal((await get(`${maps}/one`, 'text/html, */*;q=0.1')).body.kind, 'ConfigMap');
  assert.equal((await get(`${maps}/one`, `${as('Table', 'v9')}, ${as('Table')}`)).body.kind, 'Table');
});

test('indented when asked for, and for people', async () => {
  const text = async (query: string, headers = {}) => (await api.call('GET', `${maps}/one${query}`, undefined, headers)).text;
  assert.match(await text('?pretty=true'), /^\{\n {2}"/);
  assert.match(await text('?pretty=1'), /^\{\n {2}"/);
  assert.doesNotMatch(await text('?pretty=false', { 'user-agent': 'curl/8' }), /\n {2}/);
  assert.match(await text('', { 'user-agent': 'curl/8' }), /^\{\n {2}"/);
  assert.doesNotMatch(await text(''), /\n {2}/);
});

test('large answers are compressed for those who can read that', async () => {
  const raw = async (path: string, encoding: string) => {
    const answer = await api.transport.request({ method: 'GET', path, headers: { 'accept-encoding': encoding } });
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    return { encoding: answer.headers['content-encoding'], bytes: Buffer.concat(chunks) };
  };
  const large = await raw(`${maps}/large`, 'gzip, deflate');
  assert.equal(large.encoding, 'gzip');
  assert.ok(large.bytes.length < 10_000);
  assert.equal(JSON.parse(gunzipSync(large.bytes).toString()).metadata.name, 'large');
  assert.equal((await raw(`${maps}/large`, 'identity')).encoding, undefined);
  assert.equal((await raw(`${maps}/one`, 'gzip')).encoding, undefined);
});

test('a watch is not sent as YAML', async () => {
  const path = `${maps}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dnone`;
  const refused = await get(path, 'application/yaml');
  assert.equal(refused.status, 406, refused.text);
  assert.match(refused.text, /application\/json;stream=watch/);
  const accept = 'application/yaml, application/json;stream=watch;q=0.5';
  const watched = await api.transport.request({ method: 'GET', path, headers: { accept } });
  assert.equal(watched.status, 200);
  for await (const _ of watched.body); // to its end
});
