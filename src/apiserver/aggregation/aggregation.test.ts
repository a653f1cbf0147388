import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import type { V1APIService } from '../../api/gen/types.ts';
import { createTestPki, type List, startTestApi } from '../test-api.ts';
import { apiService, condition, GROUP, register, SERVICES, startExtension } from './extension-server.test-support.ts';

test('every group version that is served here has an APIService, which comes back when it is deleted', async (context) => {
  const api = await startTestApi();
  context.after(() => api.stop());
  const { body } = await api.call<List>('GET', SERVICES);
  const apps = body.items.find(({ metadata }) => metadata?.name === 'v1.apps') as V1APIService;
  assert.equal(apps.metadata?.labels?.['kube-aggregator.kubernetes.io/automanaged'], 'onstart');
  assert.deepEqual(apps.spec, { group: 'apps', groupPriorityMinimum: 17800, version: 'v1', versionPriority: 15 });
  assert.equal(apps.status?.conditions?.[0]?.reason, 'Local');
  assert.ok(body.items.some(({ metadata }) => metadata?.name === 'v1.'));
  await api.call('DELETE', `${SERVICES}/v1.apps`);
  await until('it is back', async () => (await api.call('GET', `${SERVICES}/v1.apps`)).status === 200);
});

test('what is served here is available again when no extension server is named for it any more, and whatever its status says', async (context) => {
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  const name = `${SERVICES}/v1.apps`;
  const merge = { 'content-type': 'application/merge-patch+json' };
  const patch = (change: object, part = '') => api.call('PATCH', `${name}${part}`, change, merge);
  const reason = (wanted: string) =>
    until(wanted, async () => {
      const { body } = await api.call<V1APIService>('GET', name);
      return body.status?.conditions?.[0]?.reason === wanted;
    });
  const deployments = async () => (await api.call('GET', '/apis/apps/v1/deployments')).status;
  await patch({ spec: { service: { name: 'absent', namespace: 'default' }, insecureSkipTLSVerify: true } });
  await reason('ServiceNotFound');
  assert.equal(await deployments(), 503);
  await patch({ spec: { service: null, insecureSkipTLSVerify: null } });
  await reason('Local');
  assert.equal(await deployments(), 200);
  await patch({ status: { conditions: [] } }, '/status');
  await reason('Local');
});

test('the priority that somebody gives what is built in stays as he wrote it while the server runs', async (context) => {
  const api = await startTestApi();
  context.after(() => api.stop());
  const name = `${SERVICES}/v1.apps`;
  await api.call('PATCH', name, { spec: { versionPriority: 99 } }, { 'content-type': 'application/merge-patch+json' });
  await api.call('DELETE', `${SERVICES}/v1.batch`);
  await until('others are looked at', async () => (await api.call('GET', `${SERVICES}/v1.batch`)).status === 200);
  const { body } = await api.call<V1APIService>('GET', name);
  assert.equal(body.spec?.versionPriority, 99);
});

test('an APIService is checked as upstream checks it', async (context) => {
  const api = await startTestApi();
  context.after(() => api.stop());
  const refused = async (change: object, expected: RegExp) => {
    const answer = await api.call('POST', SERVICES, { ...apiService({}), ...change });
    assert.equal(answer.status, 422);
    assert.match(String(answer.body['message']), expected);
  };
  await refused({ metadata: { name: 'x' } }, /must be `spec.version\+"."\+spec.group`: "v1alpha1.wardle.example.com"/);
  await refused(apiService({ groupPriorityMinimum: 0 }), /must be positive and less than 20000/);
  await refused(apiService({ caBundle: 'YWJj' }), /local APIServices may not have a caBundle/);
  await refused(
    apiService({ service: { name: 'a', namespace: 'b' }, caBundle: 'YWJj', insecureSkipTLSVerify: true }),
    /may not be true if caBundle is present/,
  );
});

test('a server that cannot be reached, or is not there, is unavailable with the reason, and its requests are answered with 503', async (context) => {
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  await api.call('POST', SERVICES, apiService({ service: { name: 'api', namespace: 'default' }, insecureSkipTLSVerify: true }));
  const reason = (wanted: string) => until(wanted, async () => (await condition(api))?.reason === wanted);
  await reason('ServiceNotFound');
  assert.equal((await condition(api))?.message, 'service/api in "default" is not present');
  const answer = await api.call('GET', `${GROUP}/flunders`);
  assert.deepEqual([answer.status, answer.body['message']], [503, 'service unavailable']);
  const { text } = await api.call('GET', '/metrics');
  assert.ok(text.includes('aggregator_unavailable_apiservice{name="v1alpha1.wardle.example.com"} 1\n'));
  assert.ok(text.includes('aggregator_unavailable_apiservice{name="v1.apps"} 0\n'));
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'api' }, spec: { ports: [{ port: 443 }] } };
  await api.call('POST', '/api/v1/namespaces/default/services', service);
  await reason('EndpointsNotFound');
  await api.call('DELETE', `${SERVICES}/v1alpha1.wardle.example.com`);
  assert.equal((await api.call('GET', `${GROUP}/flunders`)).status, 404);
});

test('a server whose certificate the caBundle does not vouch for is not trusted', async (context) => {
  const other = await createTestPki();
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  await using extension = await startExtension(api.pki, api.pki.caPem);
  await register(api, extension.port, { caBundle: Buffer.from(other.caPem).toString('base64') });
  await until('it has been checked', async () => (await condition(api))?.reason === 'FailedDiscoveryCheck');
  assert.match((await condition(api))!.message!, /failing or missing response from https:\/\/localhost:\d+\/apis\/wardle/);
});
