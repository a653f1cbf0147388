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

test('a PUT creates RuntimeClasses too, as it does what may be written without a look beforehand', async () => {
  const api = await startTestApi();
  try {
    const path = '/apis/node.k8s.io/v1/runtimeclasses/rc';
    assert.equal((await api.call('PUT', path, { metadata: { name: 'rc' }, handler: 'h' })).status, 201);
    const sc = { metadata: { name: 'sc' }, provisioner: 'p' };
    assert.equal((await api.call('PUT', '/apis/storage.k8s.io/v1/storageclasses/sc', sc)).status, 404);
  } finally {
    await api.stop();
  }
});

test('what calls others for each request is overwritten by those alone who have seen its version', async () => {
  const api = await startTestApi();
  try {
    const group = '/apis/admissionregistration.k8s.io/v1';
    for (const [collection, object] of [
      [`${group}/validatingwebhookconfigurations`, { metadata: { name: 'x' } }],
      [`${group}/mutatingwebhookconfigurations`, { metadata: { name: 'x' } }],
      [
        `${group}/validatingadmissionpolicybindings`,
        { metadata: { name: 'x' }, spec: { policyName: 'p', validationActions: ['Deny'] } },
      ],
      [
        '/apis/apiregistration.k8s.io/v1/apiservices',
        {
          metadata: { name: 'v1.a.com' },
          spec: {
            group: 'a.com',
            version: 'v1',
            groupPriorityMinimum: 1,
            versionPriority: 1,
            service: { name: 's', namespace: 'n' },
            insecureSkipTLSVerify: true,
          },
        },
      ],
    ] as const) {
      const created = await api.call('POST', collection, object);
      assert.equal(created.status, 201, created.text);
      const answer = await api.call<{ message: string }>('PUT', `${collection}/${object.metadata.name}`, object);
      assert.equal(answer.status, 422, collection);
      assert.match(answer.body.message, /metadata\.resourceVersion: Invalid value: 0: must be specified for an update/);
    }
  } finally {
    await api.stop();
  }
});
