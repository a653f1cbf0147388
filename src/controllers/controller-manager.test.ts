import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leaseKind } from '../api/coordination/v1/lease.ts';
import { configMapKind } from '../api/core/v1/config-map.ts';
import { namespaceKind } from '../api/core/v1/namespace.ts';
import { serviceAccountKind } from '../api/core/v1/service-account.ts';
import type { V1Lease } from '../api/gen/types.ts';
import { ComponentGroup } from '../std/lifecycle.ts';
import { silentLogger } from '../std/logger.ts';
import { createControllerManager } from './controller-manager.ts';
import { TestingCluster } from './framework/testing-client.test-support.ts';

function managerOn(cluster: TestingCluster, leaderElect: boolean) {
  const accounts = new Set<string>();
  const manager = createControllerManager({
    clientFor(account) {
      accounts.add(account);
      return cluster.client;
    },
    clock: cluster.clock,
    logger: silentLogger,
    random: () => 0.5,
    identity: 'me',
    rootCaPem: 'CA',
    controllers: ['*', '-garbagecollector', 'bootstrapsigner', 'tokencleaner'],
    leaderElect,
  });
  return { manager, accounts };
}

async function settle(cluster: TestingCluster): Promise<void> {
  // Controllers are loaded from disk, which no virtual clock waits for.
  for (let i = 0; i < 2000 && cluster.list(configMapKind).length === 0; i++) await cluster.clock.advance(0);
}

test('the controllers do their work, each as its own account, until they are stopped', async () => {
  const cluster = new TestingCluster();
  cluster.put(namespaceKind, { metadata: { name: 'default' }, status: { phase: 'Active' } });
  const { manager, accounts } = managerOn(cluster, false);
  const group = new ComponentGroup();
  await group.start(manager);
  await settle(cluster);
  assert.ok(cluster.get(serviceAccountKind, 'default', 'default'));
  assert.ok(cluster.get(configMapKind, 'kube-root-ca.crt', 'default'));
  for (const account of ['certificate-controller', 'token-cleaner', 'node-controller', 'namespace-controller'])
    assert.ok(accounts.has(account), account);
  assert.ok([...manager.metrics.entries()].some(([name]) => name === 'token-cleaner-controller'));
  await group.stop();
  assert.equal(manager.isLeading, false);
});

test('with leader election it is ready before it leads, works when it does, and gives the lease back', async () => {
  const cluster = new TestingCluster();
  cluster.put(namespaceKind, { metadata: { name: 'default' }, status: { phase: 'Active' } });
  const { manager } = managerOn(cluster, true);
  const group = new ComponentGroup();
  await group.start(manager);
  await settle(cluster);
  assert.equal(manager.isLeading, true);
  const lease = () => cluster.get<V1Lease>(leaseKind, 'kube-controller-manager', 'kube-system');
  assert.equal(lease()?.spec?.holderIdentity, 'me');
  await group.stop();
  assert.notEqual(lease()?.spec?.holderIdentity, 'me');
});

test('an unknown controller is refused before anything begins', () => {
  assert.throws(
    () =>
      createControllerManager({
        clientFor: () => new TestingCluster().client,
        clock: new TestingCluster().clock,
        logger: silentLogger,
        random: Math.random,
        identity: 'me',
        controllers: ['nope'],
      }),
    /"nope" is not in the list of known controllers/,
  );
});
