import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestApi, type TestApi } from './test-api.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

interface ResourceList {
  groupVersion: string;
  resources: { name: string; kind: string; namespaced: boolean; verbs: string[]; shortNames?: string[]; group?: string }[];
}

test('discovery names every kind with its subresources', async () => {
  const core = await api.call<ResourceList>('GET', '/api/v1');
  const nodes = core.body.resources.find((r) => r.name === 'nodes')!;
  assert.deepEqual([nodes.kind, nodes.namespaced, nodes.shortNames], ['Node', false, ['no']]);
  assert.ok(core.body.resources.some((r) => r.name === 'nodes/status'));
  const apps = await api.call<ResourceList>('GET', '/apis/apps/v1');
  assert.equal(apps.body.groupVersion, 'apps/v1');
  const groups = await api.call<{ groups: { name: string; preferredVersion: { groupVersion: string } }[] }>('GET', '/apis');
  const autoscaling = groups.body.groups.find((g) => g.name === 'autoscaling');
  assert.equal(autoscaling?.preferredVersion.groupVersion, 'autoscaling/v2');
  assert.equal((await api.call('GET', '/apis/none.example')).status, 404);
});

test('discovery tells in which version objects are kept, as upstream tells it', async () => {
  const { body } = await api.call<{ resources: { name: string; storageVersionHash?: string }[] }>('GET', '/api/v1');
  const hashOf = (name: string) => body.resources.find((resource) => resource.name === name)?.storageVersionHash;
  assert.equal(hashOf('pods'), 'xPOwRZ+Yhw8=');
  assert.equal(hashOf('configmaps'), 'qFsyl6wFWjQ=');
  assert.equal(hashOf('pods/log'), undefined);
});

test('clients that accept it get all of discovery at once, and nothing twice', async () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;q=0.9';
  const all = await api.call<{ kind: string; items: { metadata: { name: string } }[] }>('GET', '/apis', undefined, { accept });
  assert.equal(all.body.kind, 'APIGroupDiscoveryList');
  assert.equal(all.headers['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  assert.ok(all.body.items.some((i) => i.metadata.name === 'certificates.k8s.io'));
  const again = await api.call('GET', '/apis', undefined, { accept, 'if-none-match': all.headers['etag']! });
  assert.equal(again.status, 304);
});

test('health is told as upstream tells it', async () => {
  assert.equal((await api.call('GET', '/healthz')).text, 'ok');
  const verbose = await api.call('GET', '/readyz?verbose');
  assert.match(verbose.text, /^\[\+\]ping ok\n\[\+\]log ok\n\[\+\]etcd ok\n/);
  assert.match(verbose.text, /readyz check passed\n$/);
  assert.equal((await api.call('GET', '/readyz/etcd')).text, 'ok');
  assert.equal((await api.call('GET', '/livez/none')).status, 404);
  assert.match((await api.call('GET', '/livez?verbose&exclude=etcd')).text, /\[\+\]etcd excluded: ok/);
});

test('metrics count requests and objects under upstream’s names', async () => {
  await api.call('GET', '/api/v1/namespaces/default');
  const { text } = await api.call('GET', '/metrics');
  assert.match(text, /apiserver_request_total\{code="200",[^}]*resource="namespaces",[^}]*verb="GET",version="v1"\} \d+\n/);
  assert.match(text, /apiserver_storage_objects\{resource="namespaces"\} 4\n/);
  assert.match(text, /apiserver_request_duration_seconds_bucket\{[^}]*le="\+Inf"\} \d+\n/);
});

test('requests for what is not there share one series', async () => {
  await api.call('GET', '/apis/made-up.example/v1/things/one');
  assert.doesNotMatch((await api.call('GET', '/metrics')).text, /made-up/);
});

test('the cluster’s own namespaces and service are there from the start', async () => {
  const service = await api.call<{ spec: { clusterIP: string } }>('GET', '/api/v1/namespaces/default/services/kubernetes');
  assert.equal(service.body.spec.clusterIP, '10.0.0.1');
  const endpoints = await api.call<{ subsets: { addresses: { ip: string }[] }[] }>(
    'GET',
    '/api/v1/namespaces/default/endpoints/kubernetes',
  );
  assert.deepEqual(endpoints.body.subsets[0]!.addresses, [{ ip: '10.1.2.3' }]);
  assert.equal((await api.call('GET', '/version')).status, 200);
});
