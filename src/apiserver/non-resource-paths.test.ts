import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Status } from '../api/machinery/status-error.ts';
import { readEnvelope } from '../api/protobuf/envelope.ts';
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

test('discovery is written in protobuf for those who take nothing else', async () => {
  const accept = 'application/vnd.kubernetes.protobuf';
  for (const [path, kind, words] of [
    ['/api', 'APIVersions', ['v1', '0.0.0.0/0']],
    ['/apis', 'APIGroupList', ['autoscaling', 'autoscaling/v2']],
    ['/apis/apps', 'APIGroup', ['apps/v1']],
    ['/api/v1', 'APIResourceList', ['pods/log', 'xPOwRZ+Yhw8=', 'deletecollection']],
  ] as const) {
    const answer = await api.transport.request({ method: 'GET', path, headers: { accept } });
    const bytes = Buffer.concat(await Array.fromAsync(answer.body));
    assert.deepEqual([answer.status, answer.headers['content-type']], [200, accept], path);
    const { apiVersion, kind: told, raw } = readEnvelope(bytes);
    assert.deepEqual([apiVersion, told], ['v1', kind]);
    const text = raw.toString('latin1');
    for (const word of words) assert.ok(text.includes(word), `${path}: ${word}`);
  }
  const either = await api.call('GET', '/api', undefined, { accept: `${accept}, application/json` });
  assert.equal(either.headers['content-type'], 'application/json');
});

test('what is not read by GET is refused where upstream refuses it', async () => {
  const statusOf = async (method: string, path: string) => (await api.call(method, path)).status;
  for (const path of ['/version', '/api', '/apis', '/apis/apps', '/apis/apps/v1', '/api/v1/pods', '/api/v1/nodes/n/status'])
    assert.equal(await statusOf('HEAD', path), 405, path);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) assert.equal(await statusOf(method, '/version'), 405, method);
  for (const path of ['/healthz', '/metrics', '/openapi/v2', '/openapi/v3'])
    assert.equal(await statusOf('HEAD', path), 200, path);
  for (const path of ['/nothing', '/apis/none.example', '/apis/none.example/v1/x'])
    assert.equal(await statusOf('HEAD', path), 404, path);
  const refused = await api.call<Status>('POST', '/apis/apps');
  assert.deepEqual(
    [refused.body.reason, refused.body.message],
    ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  );
});

test('OpenAPI tells clients that work out patches which fields to merge, by which key, and which unions to retain the keys of', async () => {
  const { body } = await api.call<{ definitions: Record<string, { properties: Record<string, Record<string, unknown>> }> }>(
    'GET',
    '/openapi/v2',
  );
  const rule = (type: string, field: string) => {
    const property = body.definitions[`io.k8s.api.${type}`]!.properties[field]!;
    return [property['x-kubernetes-patch-strategy'], property['x-kubernetes-patch-merge-key']];
  };
  assert.deepEqual(rule('core.v1.PodSpec', 'containers'), ['merge', 'name']);
  assert.deepEqual(rule('core.v1.PodSpec', 'volumes'), ['merge,retainKeys', 'name']);
  assert.deepEqual(rule('apps.v1.DeploymentSpec', 'strategy'), ['retainKeys', undefined]);
  assert.deepEqual(rule('policy.v1.PodDisruptionBudgetSpec', 'selector'), ['replace', undefined]);
  assert.deepEqual(rule('core.v1.PodSpec', 'tolerations'), [undefined, undefined]);
});

test('the version says what clients of upstream look for in it', async () => {
  const { body } = await api.call<Record<string, string>>('GET', '/version');
  assert.match(body['gitVersion']!, /^v1\.\d+\.[\w.+-]+$/);
  assert.match(body['gitCommit']!, /^[0-9a-f]{40}$/);
  assert.match(`${body['major']}.${body['minor']}`, /^\d\.\d+$/);
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
  interface Aggregated {
    kind: string;
    items: {
      metadata: object;
      versions: { resources: { resource: string; responseKind: object; subresources: object[] }[] }[];
    }[];
  }
  const all = await api.call<Aggregated>('GET', '/apis', undefined, { accept });
  assert.equal(all.body.kind, 'APIGroupDiscoveryList');
  assert.equal(all.headers['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  const [first, apps, ...others] = all.body.items;
  // The more important first, and nothing said of a kind that its path says.
  assert.deepEqual([first?.metadata, apps?.metadata], [{ name: 'apiregistration.k8s.io' }, { name: 'apps' }]);
  const deployments = apps!.versions[0]!.resources.find(({ resource }) => resource === 'deployments');
  assert.deepEqual(deployments?.responseKind, { group: '', version: '', kind: 'Deployment' });
  const update = ['get', 'patch', 'update'];
  assert.deepEqual(deployments?.subresources, [
    { subresource: 'scale', responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: update },
    { subresource: 'status', responseKind: { group: '', version: '', kind: 'Deployment' }, verbs: update },
  ]);
  for (const { versions } of [apps!, ...others])
    for (const names of versions.map(({ resources }) => resources.map(({ resource }) => resource)))
      assert.deepEqual(names, names.toSorted());
  const again = await api.call('GET', '/apis', undefined, { accept, 'if-none-match': all.headers['etag']! });
  assert.equal(again.status, 304);
});

test('every answer carries the directives of transport security that the server was given, and else none', async () => {
  const strict = await startTestApi({ strictTransportSecurity: 'max-age=1; preload' });
  try {
    for (const path of ['/', '/healthz', '/openapi/v2', '/api', '/apis/apps/v1', '/api/v1/namespaces', '/nothing']) {
      assert.equal((await strict.call('GET', path)).headers['strict-transport-security'], 'max-age=1; preload', path);
      assert.equal((await api.call('GET', path)).headers['strict-transport-security'], undefined, path);
    }
  } finally {
    await strict.stop();
  }
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
