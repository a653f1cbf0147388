import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authorizer } from '../contracts.ts';
import { allowAll, startTestApi } from '../test-api.ts';

test('a PUT that creates takes the right to create', async () => {
  const asked: string[] = [];
  const authorizer: Authorizer = {
    authorize: async ({ verb, resource, namespace, name }) => {
      asked.push(`${verb} ${resource} ${namespace}/${name}`);
      return { decision: name === 'mine' ? 'allow' : 'no-opinion', reason: '' };
    },
  };
  const api = await startTestApi({ composeSecurity: () => ({ ...allowAll(), authorizer }) });
  try {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    const refused = await api.call<{ message: string }>('PUT', `${leases}/theirs`, { metadata: { name: 'theirs' } });
    assert.equal(refused.status, 403);
    assert.match(refused.body.message, /cannot create resource "leases"/);
    assert.equal((await api.call('PUT', `${leases}/mine`, { metadata: { name: 'mine' } })).status, 201);
    assert.deepEqual(asked, ['create leases default/theirs', 'create leases default/mine']);
  } finally {
    await api.stop();
  }
});
