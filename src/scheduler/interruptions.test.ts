import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { nodeKind } from '../api/core/v1/node.ts';
import { persistentVolumeKind } from '../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../api/core/v1/pod.ts';
import type { ResourceV1ResourceClaim, V1PersistentVolume, V1PersistentVolumeClaim, V1Pod } from '../api/gen/types.ts';
import type { DynamicObject } from '../api/machinery/object.ts';
import { deviceClassKind } from '../api/resource/v1/device-class.ts';
import { resourceClaimKind } from '../api/resource/v1/resource-claim.ts';
import { resourceSliceKind } from '../api/resource/v1/resource-slice.ts';
import { storageClassKind } from '../api/storage/v1/storage-class.ts';
import type { ControllerContext } from '../controllers/framework/controller.ts';
import type { TestingCluster } from '../controllers/framework/testing-client.test-support.ts';
import { interrupted } from '../controllers/interruptions/interruptions.test-support.ts';
import { createPersistentVolumeController } from '../controllers/persistentvolume/controller.ts';
import { createResourceClaimController } from '../controllers/resourceclaim/controller.ts';
import { createScheduler } from './scheduler.ts';
import { asking, node } from './scheduling.test-support.ts';

// The engine of expressions is loaded in the machine's time, of which the tests' clock knows nothing.
before(() => import('./devices/device-selectors.ts'));

const scheduler = ({ client, events, clock, logger, random }: ControllerContext) =>
  createScheduler({ client, events, clock, logger, random });
const pods = (cluster: TestingCluster) => cluster.list<V1Pod>(podKind);
const placesOf = (cluster: TestingCluster) =>
  pods(cluster)
    .map(({ metadata, spec }) => `${metadata?.name} ${spec?.nodeName}`)
    .sort();

/** Two nodes, and a server that binds a pod once. */
function prepare(cluster: TestingCluster): void {
  for (const name of ['n1', 'n2']) cluster.put(nodeKind, node(name));
  cluster.answers.set('pods/binding', (object) => {
    const { metadata, target } = object as DynamicObject & { target: { name: string } };
    const pod = cluster.get<V1Pod>(podKind, metadata.name ?? '', metadata.namespace)!;
    if (pod.spec?.nodeName) throw new Error(`pod ${metadata.name} is already assigned to node ${pod.spec.nodeName}`);
    cluster.put(podKind, { ...pod, spec: { ...pod.spec, nodeName: target.name } } as V1Pod);
    return object;
  });
}
const put = (cluster: TestingCluster, name: string, spec: object) =>
  cluster.put(podKind, {
    metadata: { name, namespace: 'a' },
    spec: { containers: [{ name: 'c' }], ...spec },
  } as unknown as V1Pod);

test('pods are bound once, where their volumes are, and each volume is one claim’s', async () => {
  const outcome = await interrupted({
    controllers: [scheduler, createPersistentVolumeController],
    prepare(cluster) {
      prepare(cluster);
      const provisioner = 'kubernetes.io/no-provisioner';
      cluster.put(storageClassKind, {
        metadata: { name: 'late' },
        provisioner,
        volumeBindingMode: 'WaitForFirstConsumer',
      } as never);
      const common = { accessModes: ['ReadWriteOnce'], storageClassName: 'late' };
      for (const name of ['n1', 'n2']) {
        const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }];
        const required = { nodeSelectorTerms: [{ matchExpressions }] };
        const spec = { ...common, capacity: { storage: '1Gi' }, local: { path: '/x' }, nodeAffinity: { required } };
        cluster.put(persistentVolumeKind, { metadata: { name: `on-${name}` }, spec, status: { phase: 'Available' } } as never);
        const wants = { ...common, resources: { requests: { storage: '1Gi' } } };
        cluster.put(persistentVolumeClaimKind, {
          metadata: { name, namespace: 'a' },
          spec: wants,
          status: { phase: 'Pending' },
        } as never);
        put(cluster, name, asking('1500m', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: name } }] }));
      }
    },
    wrong(cluster) {
      const volumes = cluster.list<V1PersistentVolume>(persistentVolumeKind).flatMap(({ spec }) => spec?.claimRef?.name ?? []);
      return new Set(volumes).size < volumes.length ? 'a claim has two volumes' : undefined;
    },
    outcome: (cluster) => ({
      pods: pods(cluster)
        .map(({ spec }) => spec?.nodeName)
        .sort(),
      // Each where its pod is.
      claims: pods(cluster).map(({ metadata, spec }) => {
        const claim = cluster.get<V1PersistentVolumeClaim>(persistentVolumeClaimKind, metadata?.name ?? '', 'a');
        return [claim?.status?.phase, claim?.spec?.volumeName === `on-${spec?.nodeName}`];
      }),
    }),
  });
  assert.deepEqual(outcome, {
    pods: ['n1', 'n2'],
    claims: [
      ['Bound', true],
      ['Bound', true],
    ],
  });
});

test('of those that are in the way of a more important pod as many go as must, and it gets the place', async () => {
  const outcome = await interrupted({
    controllers: [scheduler],
    prepare(cluster) {
      prepare(cluster);
      for (const [i, name] of ['low-1', 'low-2'].entries())
        put(cluster, name, { ...asking('1500m'), nodeName: `n${i + 1}`, priority: 0 });
      put(cluster, 'high', { ...asking('1500m'), priority: 10 });
    },
    wrong: (cluster) => (pods(cluster).length < 2 ? 'two had to go' : undefined),
    outcome: (cluster) => {
      const high = cluster.get<V1Pod>(podKind, 'high', 'a');
      return {
        pods: pods(cluster).length,
        neighbours: pods(cluster).filter(({ spec }) => spec?.nodeName === high?.spec?.nodeName).length,
        isPlaced: high?.spec?.nodeName !== undefined,
      };
    },
  });
  assert.deepEqual(outcome, { pods: 2, neighbours: 1, isPlaced: true });
});

test('devices are one claim’s, and a claim’s pod is where they are', async () => {
  const claims = (cluster: TestingCluster) => cluster.list<ResourceV1ResourceClaim>(resourceClaimKind);
  const devicesOf = (cluster: TestingCluster) =>
    claims(cluster).flatMap(
      ({ status }) => status?.allocation?.devices?.results?.map(({ pool, device }) => `${pool}/${device}`) ?? [],
    );
  const outcome = await interrupted({
    // It reserves what the scheduler has given back because it did not hear that its pod was bound.
    controllers: [scheduler, createResourceClaimController],
    prepare(cluster) {
      prepare(cluster);
      cluster.put(deviceClassKind, { metadata: { name: 'gpus' }, spec: {} } as never);
      for (const name of ['n1', 'n2']) {
        const pool = { name, generation: 1, resourceSliceCount: 1 };
        const spec = { driver: 'gpu.example.com', nodeName: name, pool, devices: [{ name: 'd' }] };
        cluster.put(resourceSliceKind, { metadata: { name: `slice-${name}` }, spec } as never);
        const requests = [{ name: 'gpu', exactly: { deviceClassName: 'gpus', allocationMode: 'ExactCount', count: 1 } }];
        cluster.put(resourceClaimKind, {
          metadata: { name, namespace: 'a' },
          spec: { devices: { requests } },
          status: {},
        } as never);
        put(cluster, name, { resourceClaims: [{ name: 'gpu', resourceClaimName: name }] });
      }
    },
    wrong: (cluster) => (new Set(devicesOf(cluster)).size < devicesOf(cluster).length ? 'two claims have one device' : undefined),
    outcome: (cluster) => ({
      devices: devicesOf(cluster).sort(),
      places: placesOf(cluster).length,
      reserved: claims(cluster).map(({ metadata, status }) => {
        const pod = cluster.get<V1Pod>(podKind, metadata?.name ?? '', 'a');
        const [result] = status?.allocation?.devices?.results ?? [];
        return [status?.reservedFor?.map(({ name }) => name === metadata?.name), result?.pool === pod?.spec?.nodeName];
      }),
    }),
  });
  assert.deepEqual(outcome, {
    devices: ['n1/d', 'n2/d'],
    places: 2,
    reserved: [
      [[true], true],
      [[true], true],
    ],
  });
});
