import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podKind } from '../../api/core/v1/pod.ts';
import { resourceQuotaKind } from '../../api/core/v1/resource-quota.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import type { V1ResourceQuota } from '../../api/gen/types.ts';
import { deviceClassKind } from '../../api/resource/v1/device-class.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import type { ControllerContext } from '../framework/controller.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createResourceQuotaController } from './controller.ts';

const widgetKind = { group: 'example.com', version: 'v1', kind: 'Widget', resource: 'widgets', namespaced: true };
const make = (context: ControllerContext) => createResourceQuotaController(context, { metadataClient: context.client });

function newCluster(): TestingCluster {
  const cluster = new TestingCluster();
  cluster.kinds = [podKind, secretKind, serviceKind, resourceQuotaKind];
  return cluster;
}

const quota = (hard: Record<string, string>, spec: object = {}) => ({
  metadata: { name: 'q', namespace: 'ns' },
  spec: { hard, ...spec },
});
const pod = (name: string, cpu: string, namespace = 'ns') => ({
  metadata: { name, namespace },
  spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }] },
  status: { phase: 'Running' },
});
const status = (cluster: TestingCluster) => cluster.get<V1ResourceQuota>(resourceQuotaKind, 'q', 'ns')!.status;
const writes = (cluster: TestingCluster) => cluster.sent('update', 'resourcequotas/status').length;

test('a quota tells what is used of it, of what is there already', async () => {
  const cluster = newCluster();
  cluster.put(podKind, pod('a', '100m'));
  cluster.put(podKind, pod('b', '200m'));
  cluster.put(podKind, pod('c', '1', 'elsewhere'));
  cluster.put(secretKind, { metadata: { name: 's', namespace: 'ns' } });
  cluster.put(resourceQuotaKind, quota({ pods: '5', 'requests.cpu': '1', 'count/secrets': '2', services: '1' }));
  await using run = await runController(make, cluster);
  await run.settle(10);
  assert.deepEqual(status(cluster), {
    hard: { 'count/secrets': '2', pods: '5', 'requests.cpu': '1', services: '1' },
    used: { 'count/secrets': '1', pods: '2', 'requests.cpu': '300m', services: '0' },
  });
  assert.equal(writes(cluster), 1);
});

test('what goes, or ends, is given back', async () => {
  const cluster = newCluster();
  cluster.put(podKind, pod('a', '100m'));
  cluster.put(podKind, pod('b', '200m'));
  cluster.put(resourceQuotaKind, quota({ pods: '5', 'count/pods': '9' }));
  await using run = await runController(make, cluster);
  await run.settle(10);
  cluster.put(podKind, { ...pod('a', '100m'), status: { phase: 'Succeeded' } });
  await run.settle(100);
  assert.deepEqual(status(cluster)?.used, { 'count/pods': '2', pods: '1' });
  cluster.remove(podKind, 'b', 'ns');
  await run.settle(100);
  assert.deepEqual(status(cluster)?.used, { 'count/pods': '1', pods: '0' });
});

test('only objects within the scopes count', async () => {
  const cluster = newCluster();
  cluster.put(podKind, pod('a', '100m'));
  cluster.put(podKind, { metadata: { name: 'best', namespace: 'ns' }, spec: { containers: [{ name: 'c' }] } });
  cluster.put(resourceQuotaKind, quota({ pods: '5' }, { scopes: ['BestEffort'] }));
  await using run = await runController(make, cluster);
  await run.settle(10);
  assert.deepEqual(status(cluster)?.used, { pods: '1' });
});

test('a changed limit is taken over, and what it no longer limits is left out', async () => {
  const cluster = newCluster();
  cluster.put(resourceQuotaKind, quota({ pods: '5', services: '1' }));
  await using run = await runController(make, cluster);
  await run.settle(10);
  const { metadata } = cluster.get<V1ResourceQuota>(resourceQuotaKind, 'q', 'ns')!;
  cluster.put(resourceQuotaKind, { ...quota({ pods: '7' }), metadata, status: status(cluster) });
  await run.settle(10);
  assert.deepEqual(status(cluster), { hard: { pods: '7' }, used: { pods: '0' } });
});

test('what admission charges is left as it is, and looked at again when the object has come', async () => {
  const cluster = newCluster();
  cluster.put(resourceQuotaKind, quota({ pods: '5' }));
  await using run = await runController(make, cluster);
  await run.settle(10);
  const stored = cluster.get<V1ResourceQuota>(resourceQuotaKind, 'q', 'ns')!;
  cluster.put(resourceQuotaKind, { ...stored, status: { hard: { pods: '5' }, used: { pods: '2' } } });
  await run.settle(500);
  assert.deepEqual(status(cluster)?.used, { pods: '2' });
  cluster.put(podKind, pod('a', '1m'));
  await run.settle(2_000);
  assert.deepEqual(status(cluster)?.used, { pods: '1' });
});

test('what was charged for an object that has not come yet is not given back with others, until it does not come', async () => {
  const cluster = newCluster();
  cluster.put(podKind, pod('a', '1m'));
  cluster.put(podKind, pod('b', '1m'));
  cluster.put(resourceQuotaKind, quota({ pods: '5' }));
  await using run = await runController(make, cluster);
  await run.settle(5_000);
  const charge = (used: string) =>
    cluster.put(resourceQuotaKind, {
      ...cluster.get<V1ResourceQuota>(resourceQuotaKind, 'q', 'ns')!,
      status: { hard: { pods: '5' }, used: { pods: used } },
    });
  charge('3');
  cluster.remove(podKind, 'a', 'ns');
  await run.settle(500);
  assert.deepEqual(status(cluster)?.used, { pods: '2' }, 'one went, and one is on its way');
  cluster.put(podKind, pod('c', '1m'));
  await run.settle(5_000);
  assert.deepEqual(status(cluster)?.used, { pods: '2' }, 'it came');
  charge('3');
  cluster.remove(podKind, 'b', 'ns');
  await run.settle(500);
  assert.deepEqual(status(cluster)?.used, { pods: '2' });
  await run.settle(5_000);
  assert.deepEqual(status(cluster)?.used, { pods: '1' }, 'it did not come');
});

test('a status that somebody else wrote is put right after a moment', async () => {
  const cluster = newCluster();
  cluster.put(resourceQuotaKind, quota({ pods: '5' }));
  await using run = await runController(make, cluster);
  await run.settle(10);
  const stored = cluster.get<V1ResourceQuota>(resourceQuotaKind, 'q', 'ns')!;
  cluster.put(resourceQuotaKind, { ...stored, status: { hard: { pods: '9' } } });
  await run.settle(500);
  assert.deepEqual(status(cluster), { hard: { pods: '9' } });
  await run.settle(1000);
  assert.deepEqual(status(cluster), { hard: { pods: '5' }, used: { pods: '0' } });
});

test('custom resources are counted, also those whose kind comes later', async () => {
  const cluster = newCluster();
  cluster.put(resourceQuotaKind, quota({ 'count/widgets.example.com': '3' }));
  cluster.put(widgetKind, { metadata: { name: 'w', namespace: 'ns' } });
  await using run = await runController(make, cluster);
  await run.settle(10);
  assert.deepEqual(status(cluster), { hard: { 'count/widgets.example.com': '3' }, used: {} });
  cluster.kinds = [...cluster.kinds, widgetKind];
  await run.settle(31_000);
  assert.deepEqual(status(cluster)?.used, { 'count/widgets.example.com': '1' });
  cluster.remove(widgetKind, 'w', 'ns');
  await run.settle(100);
  assert.deepEqual(status(cluster)?.used, { 'count/widgets.example.com': '0' });
});

test('everything is measured anew now and then', async () => {
  const cluster = newCluster();
  cluster.put(resourceQuotaKind, quota({ pods: '5' }));
  await using run = await runController(make, cluster);
  await run.settle(10);
  const stored = cluster.get<V1ResourceQuota>(resourceQuotaKind, 'q', 'ns')!;
  cluster.put(resourceQuotaKind, { ...stored, status: { hard: { pods: '5' }, used: { pods: '4' } } });
  await run.settle(300_000);
  assert.deepEqual(status(cluster)?.used, { pods: '0' });
});

test('claimed devices count for quotas on extended resources as soon as their class is known', async () => {
  const cluster = newCluster();
  cluster.kinds = [...cluster.kinds, resourceClaimKind, deviceClassKind];
  cluster.put(deviceClassKind, { metadata: { name: 'gpu' }, spec: { extendedResourceName: 'example.com/gpu' } });
  const devices = { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu', count: 2 } }] };
  cluster.put(resourceClaimKind, { metadata: { name: 'c', namespace: 'ns' }, spec: { devices } });
  cluster.put(podKind, {
    ...{ metadata: { name: 'p', namespace: 'ns' } },
    spec: { containers: [{ name: 'c', resources: { requests: { 'example.com/gpu': '1' } } }] },
  });
  cluster.put(resourceQuotaKind, quota({ 'requests.example.com/gpu': '8', 'gpu.deviceclass.resource.k8s.io/devices': '4' }));
  await using run = await runController(make, cluster);
  await run.settle(10);
  assert.deepEqual(status(cluster)?.used, { 'gpu.deviceclass.resource.k8s.io/devices': '2', 'requests.example.com/gpu': '3' });
});

test('a cluster without quotas is asked for nothing', async () => {
  const cluster = newCluster();
  let asked = 0;
  const { client } = cluster;
  const counting = {
    ...client,
    raw(request: { path: string }) {
      asked++;
      return client.raw(request as never);
    },
  } as ControllerContext['client'];
  await using run = await runController((context) => make({ ...context, client: counting }), cluster);
  await run.settle(600_000);
  assert.equal(asked, 0);
});
