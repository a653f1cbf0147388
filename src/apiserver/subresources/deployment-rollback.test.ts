import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Status } from '../../api/machinery/status-error.ts';
import { startTestApi, type TestApi } from '../test-api.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi({ runtimeConfig: { 'extensions/v1beta1': true, 'apps/v1beta1': true } });
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  await api.call('POST', DEPLOYMENTS, { metadata: { name: 'web' }, spec: { template } });
});
after(() => api.stop());

const DEPLOYMENTS = '/apis/extensions/v1beta1/namespaces/default/deployments';
const roll = (body: object, name = 'web') => api.call<Status>('POST', `${DEPLOYMENTS}/${name}/rollback`, body);

test('the revision to go back to is noted for the controller, with annotations that come along', async () => {
  const { status, body } = await roll({ name: 'web', updatedAnnotations: { why: 'broken' }, rollbackTo: { revision: 3 } });
  assert.equal(status, 201);
  assert.equal(body.message, 'rollback request for deployment "web" succeeded');
  assert.equal(body.code, 200);
  const today = (await api.call('GET', '/apis/apps/v1/namespaces/default/deployments/web')).body;
  const { 'deprecated.deployment.rollback.to': to, why } = today.metadata?.annotations ?? {};
  assert.deepEqual([to, why], ['3', 'broken']);
  const old = (await api.call('GET', `${DEPLOYMENTS}/web`)).body;
  assert.deepEqual((old['spec'] as { rollbackTo?: object }).rollbackTo, { revision: 3 });
});

test('what is wrong with it is told', async () => {
  const invalid = await roll({ rollbackTo: { revision: -1 } });
  assert.equal(invalid.status, 422);
  assert.match(
    invalid.body.message ?? '',
    /DeploymentRollback\.extensions "" is invalid: \[name: Required value: name is required, rollback\.version: Invalid value: -1/,
  );
  assert.equal((await roll({ name: 'other' })).body.message, 'name in URL does not match name in DeploymentRollback object');
  assert.equal((await roll({ name: 'none' }, 'none')).status, 404);
});

test('it is of the versions that had it', async () => {
  const names = async (version: string) => {
    const { body } = await api.call<{ resources: { name: string; kind: string }[] }>('GET', `/apis/${version}`);
    return body.resources.filter(({ kind }) => kind === 'DeploymentRollback').map(({ name }) => name);
  };
  assert.deepEqual(await names('extensions/v1beta1'), ['deployments/rollback']);
  assert.deepEqual(await names('apps/v1beta1'), ['deployments/rollback']);
  assert.deepEqual(await names('apps/v1'), []);
  const { status } = await api.call('POST', '/apis/apps/v1/namespaces/default/deployments/web/rollback', { name: 'web' });
  assert.equal(status, 404);
});
