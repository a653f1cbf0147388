import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import { forbidden } from '../../api/machinery/status-error.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createServiceAccountController } from './controller.ts';

const namespace = (name: string, phase = 'Active') => ({ metadata: { name }, status: { phase } });

test('every active namespace has a default account, also after it was deleted', async () => {
  await using run = await runController(createServiceAccountController);
  run.cluster.put(namespaceKind, namespace('a'));
  run.cluster.put(namespaceKind, namespace('b', 'Terminating'));
  await run.settle();
  assert.ok(run.cluster.get(serviceAccountKind, 'default', 'a'));
  assert.equal(run.cluster.get(serviceAccountKind, 'default', 'b'), undefined);
  run.cluster.remove(serviceAccountKind, 'default', 'a');
  await run.settle();
  assert.ok(run.cluster.get(serviceAccountKind, 'default', 'a'));
});

test('a namespace that began to go meanwhile is let go', async () => {
  const cluster = new TestingCluster();
  cluster.beforeWrite = () => {
    const error = forbidden({ group: '', resource: 'serviceaccounts' }, 'default', 'it is being terminated');
    throw Object.assign(error, { status: { ...error.status, details: { causes: [{ reason: 'NamespaceTerminating' }] } } });
  };
  await using run = await runController(createServiceAccountController, cluster);
  cluster.put(namespaceKind, namespace('a'));
  await run.settle(60_000);
  assert.equal(cluster.requests.length, 1);
});
