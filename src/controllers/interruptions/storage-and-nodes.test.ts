import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leaseKind } from '../../api/coordination/v1/lease.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type {
  ResourceV1ResourceClaim,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1VolumeAttachment,
} from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import { resourceClaimTemplateKind } from '../../api/resource/v1/resource-claim-template.ts';
import { volumeAttachmentKind } from '../../api/storage/v1/volume-attachment.ts';
import { createAttachDetachController } from '../attachdetach/controller.ts';
import { createEphemeralVolumeController } from '../ephemeralvolume/controller.ts';
import type { TestingCluster } from '../framework/testing-client.test-support.ts';
import { createNodeIpamController } from '../nodeipam/controller.ts';
import { createNodeLifecycleController } from '../nodelifecycle/controller.ts';
import { createPersistentVolumeController } from '../persistentvolume/controller.ts';
import { createPodGcController } from '../podgc/controller.ts';
import { createPvcProtectionController } from '../pvcprotection/controller.ts';
import { createPvProtectionController } from '../pvprotection/controller.ts';
import { createResourceClaimController } from '../resourceclaim/controller.ts';
import { createTaintEvictionController } from '../tainteviction/controller.ts';
import { createVolumeExpandController } from '../volumeexpand/controller.ts';
import { interrupted } from './interruptions.test-support.ts';

const now = (cluster: TestingCluster) => new Date(cluster.clock.now()).toISOString();
const claimIn = (cluster: TestingCluster) => cluster.get<V1PersistentVolumeClaim>(persistentVolumeClaimKind, 'data', 'a');
const volumeIn = (cluster: TestingCluster) => cluster.get<V1PersistentVolume>(persistentVolumeKind, 'disk');
/** Asks for something to be deleted, as a user would. */
function remove(cluster: TestingCluster, kind: ResourceKind, name: string, namespace?: string): true {
  void cluster.client.resource(kind, namespace).delete(name);
  return true;
}
const podOn = (nodeName: string, volumes: object[]) => ({
  metadata: { name: 'web', namespace: 'a', uid: 'web-uid' },
  spec: { nodeName, containers: [], volumes },
  status: { phase: 'Running' },
});
const usingData = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];

test('a claim gets one volume, both know it, grow together, and go when nobody uses them', async () => {
  const outcome = await interrupted({
    controllers: [
      createPersistentVolumeController,
      createVolumeExpandController,
      createPvcProtectionController,
      createPvProtectionController,
    ],
    prepare(cluster) {
      for (const [name, storageClassName] of [
        ['disk', ''],
        ['other', 'other'],
      ])
        cluster.put(persistentVolumeKind, {
          metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': 'muster.dev/host-path' } },
          spec: {
            ...{ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' }, storageClassName },
            persistentVolumeReclaimPolicy: 'Retain',
          },
          status: { phase: 'Pending' },
        } as never);
      const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
      cluster.put(persistentVolumeClaimKind, { metadata: { name: 'data', namespace: 'a' }, spec } as never);
    },
    steps: [
      (cluster) => claimIn(cluster)?.status?.phase === 'Bound' && Boolean(cluster.put(podKind, podOn('n', usingData) as never)),
      (cluster) => {
        const claim = claimIn(cluster)!;
        const spec = { ...claim.spec, resources: { requests: { storage: '3Gi' } } };
        return Boolean(cluster.put(persistentVolumeClaimKind, { ...claim, spec } as never));
      },
      (cluster) =>
        claimIn(cluster)?.status?.capacity?.['storage'] === '3Gi' && remove(cluster, persistentVolumeClaimKind, 'data', 'a'),
      (cluster) => {
        assert.ok(claimIn(cluster)?.metadata?.deletionTimestamp, 'a pod uses it');
        cluster.remove(podKind, 'web', 'a');
        return true;
      },
      (cluster) => volumeIn(cluster)?.status?.phase === 'Released' && remove(cluster, persistentVolumeKind, 'disk'),
    ],
    wrong(cluster) {
      const { status, spec } = claimIn(cluster) ?? {};
      const has = cluster.get<V1PersistentVolume>(persistentVolumeKind, spec?.volumeName ?? '')?.spec?.capacity?.['storage'];
      return Number.parseInt(status?.capacity?.['storage'] ?? '0', 10) > Number.parseInt(has ?? '0', 10)
        ? `the claim has more than its volume, ${has}`
        : undefined;
    },
    outcome: (cluster) => ({
      claims: cluster.list(persistentVolumeClaimKind).length,
      volumes: cluster.list<V1PersistentVolume>(persistentVolumeKind).map(({ metadata, spec, status }) => ({
        ...{ name: metadata?.name, finalizers: metadata?.finalizers, annotations: metadata?.annotations },
        ...{ claim: spec?.claimRef?.name, phase: status?.phase },
      })),
    }),
  });
  assert.deepEqual(outcome, {
    claims: 0,
    volumes: [
      {
        ...{ name: 'other', finalizers: ['kubernetes.io/pv-protection'], claim: undefined, phase: 'Available' },
        annotations: { 'pv.kubernetes.io/provisioned-by': 'muster.dev/host-path' },
      },
    ],
  });
});

test('a volume is attached where its pod is, and nowhere when that has gone', async () => {
  const attachments = (cluster: TestingCluster) => cluster.list<V1VolumeAttachment>(volumeAttachmentKind);
  const attachedTo = (cluster: TestingCluster, name: string) =>
    cluster.get<V1Node>(nodeKind, name)?.status?.volumesAttached?.map((volume) => volume.name) ?? [];
  const outcome = await interrupted({
    controllers: [createAttachDetachController, createEphemeralVolumeController],
    prepare(cluster) {
      const annotations = { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' };
      const conditions = [{ type: 'Ready', status: 'True' }];
      for (const name of ['one', 'two'])
        cluster.put(nodeKind, { metadata: { name, annotations }, spec: {}, status: { conditions } } as never);
      cluster.put(persistentVolumeKind, {
        metadata: { name: 'disk' },
        spec: {
          accessModes: ['ReadWriteOnce'],
          csi: { driver: 'csi.test', volumeHandle: 'h' },
          claimRef: { namespace: 'a', name: 'web-data' },
        },
      } as never);
      cluster.put(podKind, podOn('one', [{ name: 'data', ephemeral: { volumeClaimTemplate: { spec: {} } } }]) as never);
    },
    outside(cluster) {
      const claim = cluster.get<V1PersistentVolumeClaim>(persistentVolumeClaimKind, 'web-data', 'a');
      if (claim && !claim.spec?.volumeName) cluster.put(persistentVolumeClaimKind, { ...claim, spec: { volumeName: 'disk' } });
      for (const attachment of attachments(cluster)) {
        if (attachment.metadata?.deletionTimestamp) cluster.remove(volumeAttachmentKind, attachment.metadata.name ?? '');
        else if (!attachment.status?.attached) {
          const metadata = { ...attachment.metadata, finalizers: ['external-attacher/csi-test'] };
          cluster.put(volumeAttachmentKind, { ...attachment, metadata, status: { attached: true } });
        }
      }
    },
    steps: [
      (cluster) => {
        if (attachedTo(cluster, 'one').length === 0) return false;
        cluster.remove(podKind, 'web', 'a');
        return Boolean(
          cluster.put(podKind, podOn('two', [{ name: 'data', ephemeral: { volumeClaimTemplate: { spec: {} } } }]) as never),
        );
      },
    ],
    wrong: (cluster) => (attachments(cluster).length > 1 ? 'it is attached to two nodes' : undefined),
    outcome: (cluster) => ({
      claims: cluster.list<V1PersistentVolumeClaim>(persistentVolumeClaimKind).map(({ metadata }) => metadata?.name),
      attached: attachments(cluster).map(({ spec }) => spec.nodeName),
      told: ['one', 'two'].map((name) => attachedTo(cluster, name)),
    }),
  });
  assert.deepEqual(outcome, { claims: ['web-data'], attached: ['two'], told: [[], ['kubernetes.io/csi/csi.test^h']] });
});

test('a pod has one claim of devices, which gives them back and goes when it has ended', async () => {
  const claims = (cluster: TestingCluster) => cluster.list<ResourceV1ResourceClaim>(resourceClaimKind);
  const pod = (cluster: TestingCluster) => cluster.get<V1Pod>(podKind, 'web', 'a');
  const outcome = await interrupted({
    controllers: [createResourceClaimController],
    prepare(cluster) {
      const spec = { spec: { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpus' } }] } } };
      cluster.put(resourceClaimTemplateKind, { metadata: { name: 'gpu', namespace: 'a' }, spec } as never);
      const resourceClaims = [{ name: 'gpu', resourceClaimTemplateName: 'gpu' }];
      cluster.put(podKind, {
        metadata: { name: 'web', namespace: 'a', uid: 'web-uid' },
        spec: { containers: [], resourceClaims },
        status: { phase: 'Pending' },
      } as never);
    },
    steps: [
      // The scheduler: it allots the devices and binds the pod, which reserves its claim by the controller.
      (cluster) => {
        const name = pod(cluster)?.status?.resourceClaimStatuses?.[0]?.resourceClaimName ?? '';
        const claim = cluster.get<ResourceV1ResourceClaim>(resourceClaimKind, name, 'a');
        if (!claim) return false;
        const metadata = { ...claim.metadata, finalizers: ['resource.kubernetes.io/delete-protection'] };
        cluster.put(resourceClaimKind, { ...claim, metadata, status: { allocation: { devices: { results: [] } } } } as never);
        return Boolean(cluster.put(podKind, { ...pod(cluster), spec: { ...pod(cluster)?.spec, nodeName: 'n' } } as never));
      },
      (cluster) => {
        if (!claims(cluster).some(({ status }) => status?.reservedFor?.length)) return false;
        return Boolean(
          cluster.put(podKind, { ...pod(cluster), status: { ...pod(cluster)?.status, phase: 'Succeeded' } } as never),
        );
      },
    ],
    // One that was made, without the answer arriving, may be left to the garbage collector, which takes it with the pod.
    outcome: (cluster) => claims(cluster).filter(({ status, metadata }) => status?.allocation || metadata?.finalizers?.length),
  });
  assert.deepEqual(outcome, []);
});

test('each node has a range of addresses, nobody another’s, and what one gives back is given again', async () => {
  const ranges = (cluster: TestingCluster) => cluster.list<V1Node>(nodeKind).flatMap(({ spec }) => spec?.podCIDRs ?? []);
  const add = (cluster: TestingCluster, name: string) =>
    Boolean(cluster.put(nodeKind, { metadata: { name }, spec: {} } as never));
  const outcome = await interrupted({
    controllers: [
      (context) =>
        createNodeIpamController(context, {
          ...{ clusterCidrs: ['10.0.0.0/23', 'fd00::/63'], serviceCidrs: [], maskSizeIpv4: 24, maskSizeIpv6: 64 },
        }),
    ],
    prepare(cluster) {
      for (const name of ['a', 'b']) add(cluster, name);
    },
    steps: [
      (cluster) => {
        if (ranges(cluster).length < 4) return false;
        cluster.remove(nodeKind, 'a');
        return add(cluster, 'c');
      },
    ],
    wrong: (cluster) => (new Set(ranges(cluster)).size < ranges(cluster).length ? 'two nodes have one range' : undefined),
    outcome: (cluster) => ranges(cluster).sort(),
  });
  assert.deepEqual(outcome, ['10.0.0.0/24', '10.0.1.0/24', 'fd00:0:0:1::/64', 'fd00::/64']);
});

test('pods leave a node that is silent when they do not tolerate it any longer, and one that is gone; a node that is back takes new ones', async () => {
  const beat = (cluster: TestingCluster, name: string) =>
    cluster.put(leaseKind, { metadata: { name, namespace: 'kube-node-lease' }, spec: { renewTime: now(cluster) } } as never);
  const taintsOf = (cluster: TestingCluster) => cluster.get<V1Node>(nodeKind, 'silent')?.spec?.taints ?? [];
  const outcome = await interrupted({
    controllers: [
      (context) =>
        createNodeLifecycleController(context, {
          ...{ monitorPeriodMs: 2000, gracePeriodMs: 16_000, startupGracePeriodMs: 60_000, evictionRate: 0.1 },
          ...{ secondaryEvictionRate: 0.01, largeClusterThreshold: 50, unhealthyZoneThreshold: 0.55 },
        }),
      createTaintEvictionController,
      (context) => createPodGcController(context, { terminatedPodThreshold: 12_500 }),
    ],
    prepare(cluster) {
      const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-01T00:00:00Z' }];
      for (const name of ['alive', 'silent']) {
        cluster.put(nodeKind, { metadata: { name }, spec: {}, status: { conditions } } as never);
        beat(cluster, name);
      }
      const tolerations = (seconds?: number) => [
        {
          key: 'node.kubernetes.io/unreachable',
          operator: 'Exists',
          effect: 'NoExecute',
          ...(seconds && { tolerationSeconds: seconds }),
        },
      ];
      for (const [name, nodeName, spec] of [
        ['leaves', 'silent', { tolerations: tolerations(10) }],
        ['stays', 'silent', { tolerations: tolerations() }],
        ['elsewhere', 'alive', {}],
        ['orphan', 'gone', {}],
      ] as const)
        cluster.put(podKind, {
          metadata: { name, namespace: 'a' },
          spec: { nodeName, ...spec },
          status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
        } as never);
    },
    outside(cluster) {
      beat(cluster, 'alive');
      const ready = cluster.get<V1Node>(nodeKind, 'silent')?.status?.conditions?.find(({ type }) => type === 'Ready');
      if (ready?.reason === 'KubeletReady') beat(cluster, 'silent');
    },
    steps: [
      (cluster) => {
        if (cluster.get(podKind, 'leaves', 'a') || !taintsOf(cluster).length) return false;
        const stays = cluster.get<V1Pod>(podKind, 'stays', 'a');
        assert.equal(stays?.status?.conditions?.[0]?.status, 'False', 'nobody knows whether it is ready');
        const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: now(cluster) }];
        return Boolean(cluster.put(nodeKind, { ...cluster.get<V1Node>(nodeKind, 'silent')!, status: { conditions } } as never));
      },
      (cluster) => taintsOf(cluster).length === 0,
    ],
    rounds: 90,
    stepMs: 2000,
    // Without a heartbeat all nodes would be silent.
    longMs: 2000,
    outcome: (cluster) =>
      cluster
        .list<V1Pod>(podKind)
        .map(({ metadata }) => metadata?.name)
        .sort(),
  });
  assert.deepEqual(outcome, ['elsewhere', 'stays']);
});
