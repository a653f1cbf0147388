/** A request is authorized for what its path says, so no path may lead to anything else. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { configMap, startTestApi, type TestApi } from '../test-api.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

const core = '/api/v1/namespaces/default';

test('a namespace’s path does not lead to other namespaces', async () => {
  for (const [method, path] of [
    ['GET', `${core}/namespaces`],
    ['GET', `${core}/namespaces/kube-system`],
    ['DELETE', `${core}/namespaces/kube-public`],
    ['PATCH', `${core}/namespaces/kube-system`],
    ['GET', `${core}/namespaces/kube-system/status`],
  ] as const)
    assert.equal((await api.call(method, path)).status, 404, `${method} ${path}`);
  assert.equal((await api.call('GET', core)).status, 200);
  assert.equal((await api.call('GET', `${core}/status`)).status, 200);
});

test('a namespace’s path does not lead to what belongs to the cluster, nor to its subresources and reviews', async () => {
  await api.call('POST', '/api/v1/nodes', { metadata: { name: 'n1' } });
  for (const path of [`${core}/nodes`, `${core}/nodes/n1`, `${core}/nodes/n1/proxy/pods`, `${core}/nodes/n1/status`]) {
    const answer = await api.call('GET', path);
    assert.equal(answer.status, 404, path);
    assert.match(answer.text, /could not find the requested resource/);
  }
});

test('a watch of one name in the path shows nothing else, whatever is selected', async () => {
  for (const name of ['mine', 'theirs']) await api.call('POST', `${core}/configmaps`, configMap(name));
  const watched = async (query: string) => {
    const answer = await api.call('GET', `/api/v1/watch/namespaces/default/configmaps/mine?timeoutSeconds=1${query}`);
    return answer.status === 200 ? [...answer.text.matchAll(/"name":"(\w+)"/g)].map((match) => match[1]) : answer.status;
  };
  assert.deepEqual(await watched(''), ['mine']);
  assert.deepEqual(await watched('&fieldSelector=,'), ['mine']);
  assert.deepEqual(await watched('&fieldSelector=metadata.name%3Dmine'), ['mine']);
  assert.equal(await watched('&fieldSelector=metadata.name!%3Dx'), 400);
  assert.equal(await watched('&fieldSelector=metadata.name%3Dtheirs'), 400);
});

test('a name within the value of another field is no name', async () => {
  const { parseRequestInfo } = await import('../request/request-info.ts');
  const nameOf = (fieldSelector: string) =>
    parseRequestInfo({ method: 'GET', path: `${core}/secrets`, query: new URLSearchParams({ fieldSelector }) }).name;
  assert.equal(nameOf('type=a\\,metadata.name\\=mine'), '');
  assert.equal(nameOf('type!=a\\,metadata.name=mine'), '');
  assert.equal(nameOf('metadata.name=..'), '');
  assert.equal(nameOf('type!=a,metadata.name=mine'), 'mine');
});

test('methods that HTTP does not know have no verb', async () => {
  const { parseRequestInfo } = await import('../request/request-info.ts');
  for (const method of ['constructor', '__proto__', 'toString'])
    assert.equal(parseRequestInfo({ method, path: `${core}/pods/x`, query: new URLSearchParams() }).verb, '');
  const patch = { 'content-type': 'constructor' };
  assert.equal((await api.call('PATCH', core, {}, patch)).status, 415);
});

test('clients cannot make series of metrics', async () => {
  for (let i = 0; i < 3; i++) await api.call('GET', `${core}/pods/x/made-up-${i}`);
  assert.doesNotMatch((await api.call('GET', '/metrics')).text, /made-up/);
});
