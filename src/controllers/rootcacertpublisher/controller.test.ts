import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { namespaceKind } from '../../api/core/v1/namespace.ts';
import type { V1ConfigMap } from '../../api/gen/types.ts';
import type { ControllerContext } from '../framework/controller.ts';
import { runController, type TestingCluster } from '../framework/testing-client.test-support.ts';
import { createRootCaCertPublisher } from './controller.ts';

const make = (context: ControllerContext) => createRootCaCertPublisher(context, { rootCaPem: 'CA' });
const dataIn = (cluster: TestingCluster, namespace: string) =>
  cluster.get<V1ConfigMap>(configMapKind, 'kube-root-ca.crt', namespace)?.data;

test('every namespace has the root certificate, whatever is done to the ConfigMap', async () => {
  await using run = await runController(make);
  const { cluster } = run;
  cluster.put(namespaceKind, { metadata: { name: 'a' }, status: { phase: 'Active' } });
  cluster.put(namespaceKind, { metadata: { name: 'going' }, status: { phase: 'Terminating' } });
  await run.settle();
  assert.deepEqual(dataIn(cluster, 'a'), { 'ca.crt': 'CA' });
  assert.equal(dataIn(cluster, 'going'), undefined);
  cluster.put(configMapKind, { metadata: { name: 'kube-root-ca.crt', namespace: 'a' }, data: { 'ca.crt': 'forged', more: 'x' } });
  await run.settle();
  assert.deepEqual(dataIn(cluster, 'a'), { 'ca.crt': 'CA' });
  cluster.remove(configMapKind, 'kube-root-ca.crt', 'a');
  await run.settle();
  assert.deepEqual(dataIn(cluster, 'a'), { 'ca.crt': 'CA' });
});
