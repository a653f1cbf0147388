import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1IPAddress, V1ServiceCIDR } from '../../api/gen/types.ts';
import { ipAddressKind } from '../../api/networking/v1/ip-address.ts';
import { serviceCidrKind } from '../../api/networking/v1/service-cidr.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createServiceCidrController } from './controller.ts';

const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';

function putCidr(cluster: TestingCluster, name: string, cidrs: string[]): void {
  cluster.put(serviceCidrKind, { metadata: { name }, spec: { cidrs } } as V1ServiceCIDR);
}
const putAddress = (cluster: TestingCluster, name: string) =>
  cluster.put(ipAddressKind, { metadata: { name } } as unknown as V1IPAddress);
const cidrOf = (cluster: TestingCluster, name: string) => cluster.get<V1ServiceCIDR>(serviceCidrKind, name);
const conditionOf = (cluster: TestingCluster, name: string) => {
  const [{ status = '', reason = '' } = {}] = cidrOf(cluster, name)?.status?.conditions ?? [];
  return `${status} ${reason}`;
};
const remove = (cluster: TestingCluster, name: string) => cluster.client.resource(serviceCidrKind).delete(name);

test('a range gets a finalizer and is ready; when nobody uses it, it goes after a grace time', async () => {
  const cluster = new TestingCluster();
  putCidr(cluster, 'more', ['10.1.0.0/24', 'fd00::/112']);
  await using run = await runController((context) => createServiceCidrController(context), cluster);
  assert.deepEqual(cidrOf(cluster, 'more')?.metadata?.finalizers, [FINALIZER]);
  assert.equal(conditionOf(cluster, 'more'), 'True ');
  const writes = cluster.requests.length;
  await run.settle(60_000);
  assert.equal(cluster.requests.length, writes, 'nothing more is written');
  putAddress(cluster, '10.2.0.1');
  await remove(cluster, 'more');
  await run.settle(9000);
  assert.ok(cidrOf(cluster, 'more'));
  await run.settle(1500);
  assert.equal(cidrOf(cluster, 'more'), undefined);
});

test('a range stays while addresses of it are used, and says so', async () => {
  const cluster = new TestingCluster();
  putCidr(cluster, 'more', ['10.1.0.0/24']);
  putAddress(cluster, '10.1.0.7');
  await using run = await runController((context) => createServiceCidrController(context), cluster);
  await remove(cluster, 'more');
  await run.settle(60_000);
  assert.equal(conditionOf(cluster, 'more'), 'False Terminating');
  cluster.remove(ipAddressKind, '10.1.0.7');
  await run.settle(1000);
  assert.equal(cidrOf(cluster, 'more'), undefined);
});

test('a range may go whose addresses another one has', async () => {
  for (const other of ['10.1.0.0/24', '10.0.0.0/8', '10.1.0.4/30']) {
    const cluster = new TestingCluster();
    putCidr(cluster, 'more', ['10.1.0.0/24']);
    putCidr(cluster, 'other', [other]);
    putAddress(cluster, '10.1.0.7');
    await using run = await runController((context) => createServiceCidrController(context), cluster);
    await remove(cluster, 'more');
    await run.settle(11_000);
    assert.equal(cidrOf(cluster, 'more'), undefined, other);
  }
});
