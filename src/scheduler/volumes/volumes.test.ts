import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  V1CSIDriver,
  V1CSINode,
  V1CSIStorageCapacity,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1StorageClass,
} from '../../api/gen/types.ts';
import type { ClusterObjects } from '../framework/cluster-objects.ts';
import { createDefaultProfile } from '../framework/default-profile.ts';
import { cluster, contextOf, inZone, node, place, pod } from '../scheduling.test-support.ts';
import type { ClaimChoice } from './assumed-volumes.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import { createVolumeBinding } from './volume-binding.ts';
import { volumeRestrictions } from './volume-restrictions.ts';
import { volumeZone } from './volume-zone.ts';

const never = { bind: () => Promise.reject(new Error('nothing is bound here')) };
const profileWith = (bind: { bind: (choices: ReadonlyMap<string, ClaimChoice>) => Promise<void> } = never) =>
  createDefaultProfile(undefined, [volumeRestrictions, nodeVolumeLimits, createVolumeBinding(bind), volumeZone]);

const using = (claimName: string, nodeName?: string): V1Pod =>
  pod({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] }, nodeName);

function claim(
  name: string,
  spec: V1PersistentVolumeClaim['spec'] = {},
  more: Partial<V1PersistentVolumeClaim> = {},
): V1PersistentVolumeClaim {
  const bound = spec.volumeName && { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } };
  return {
    metadata: { name, namespace: 'default', uid: name, ...bound },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
    ...more,
  };
}

function volume(name: string, nodeName?: string, spec: V1PersistentVolume['spec'] = {}): V1PersistentVolume {
  const expression = { key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName!] };
  return {
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      storageClassName: 'late',
      ...(nodeName && { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } } }),
      ...spec,
    },
    status: { phase: 'Available' },
  };
}

const lateClass = (provisioner = 'kubernetes.io/no-provisioner', more: Partial<V1StorageClass> = {}): V1StorageClass => ({
  metadata: { name: 'late' },
  provisioner,
  volumeBindingMode: 'WaitForFirstConsumer',
  ...more,
});

function storage(given: {
  claims?: V1PersistentVolumeClaim[];
  volumes?: V1PersistentVolume[];
  storageClass?: V1StorageClass;
  csiNode?: V1CSINode;
  csiDriver?: V1CSIDriver;
  capacities?: V1CSIStorageCapacity[];
}): Partial<ClusterObjects> {
  const { claims = [], volumes = [], storageClass, csiNode, csiDriver, capacities = [] } = given;
  return {
    claim: (key) => claims.find(({ metadata }) => key === `default/${metadata?.name}`),
    volume: (name) => volumes.find(({ metadata }) => metadata?.name === name),
    volumes: () => volumes,
    storageClass: (name) => (name === storageClass?.metadata?.name ? storageClass : undefined),
    csiNode: () => csiNode,
    csiDriver: (name) => (name === csiDriver?.metadata?.name ? csiDriver : undefined),
    storageCapacities: () => capacities,
  };
}

const two = [node('a'), node('b')];
const refusals: [string, Partial<ClusterObjects>, string][] = [
  ['a claim is missing', {}, '0/2 nodes are available: persistentvolumeclaim "data" not found.'],
  [
    'a claim that waits for nobody is not bound',
    storage({ claims: [claim('data')] }),
    '0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.',
  ],
  [
    'a claim goes',
    storage({ claims: [claim('data', {}, { metadata: { name: 'data', deletionTimestamp: '2026-01-01T00:00:00Z' } })] }),
    '0/2 nodes are available: persistentvolumeclaim "data" is being deleted.',
  ],
  [
    'a claim has lost its volume',
    storage({ claims: [claim('data', { volumeName: 'pv' }, { status: { phase: 'Lost' } })] }),
    '0/2 nodes are available: persistentvolumeclaim "data" bound to non-existent persistentvolume "pv".',
  ],
  [
    'the volume is not there',
    storage({ claims: [claim('data', { volumeName: 'pv' })] }),
    '0/2 nodes are available: 2 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s).',
  ],
  [
    'the volume is elsewhere',
    storage({ claims: [claim('data', { volumeName: 'pv' })], volumes: [volume('pv', 'c')] }),
    "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity.",
  ],
  [
    'no volume is free and none can be made',
    storage({
      claims: [claim('data', { storageClassName: 'late' })],
      volumes: [volume('small', 'a', { capacity: { storage: '1Mi' } })],
      storageClass: lateClass(),
    }),
    "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.",
  ],
];
for (const [title, given, words] of refusals)
  test(`a pod has no place when ${title}`, () => {
    assert.equal(place(cluster(two), using('data'), { given, profile: profileWith() }), words);
  });

test('a pod goes where its volume is', () => {
  const given = storage({ claims: [claim('data', { volumeName: 'pv' })], volumes: [volume('pv', 'b')] });
  assert.equal(place(cluster(two), using('data'), { given, profile: profileWith() }), 'b');
});

test('a claim that waits for its pod gets a free volume of the node, which nobody else gets meanwhile', async () => {
  const bound: unknown[] = [];
  const profile = profileWith({ bind: async (choices) => void bound.push(...choices) });
  const claims = ['one', 'two'].map((name) => claim(name, { storageClassName: 'late' }));
  const given = storage({ claims, volumes: [volume('pv', 'b')], storageClass: lateClass() });
  const state = cluster(two);
  assert.equal(place(state, using('one'), { given, profile }), 'b');
  const binding = profile.reserves.find(({ name }) => name === 'VolumeBinding')!;
  const reservation = binding.reserve!(contextOf(state, using('one'), { given, profile }).cycle, state.node('b')!);
  assert.match(place(state, using('two'), { given, profile }), /2 node\(s\) didn't find available persistent volumes to bind/);
  assert.equal(place(state, using('one'), { given, profile }), 'b');
  await reservation!.commit(new AbortController().signal);
  assert.deepEqual(bound, [['default/one', { volumeName: 'pv' }]]);
  reservation!.release();
  assert.equal(place(state, using('two'), { given, profile }), 'b');
});

test('where volumes are made, any node will do that the class allows', () => {
  const allowedTopologies = [{ matchLabelExpressions: [{ key: 'topology.kubernetes.io/zone', values: ['z2'] }] }];
  const given = storage({
    claims: [claim('data', { storageClassName: 'late' })],
    storageClass: lateClass('example.com/csi', { allowedTopologies }),
  });
  const profile = profileWith();
  const state = cluster([inZone('a', 'z1'), inZone('b', 'z2')]);
  assert.equal(place(state, using('data'), { given, profile }), 'b');
  const binding = profile.reserves.find(({ name }) => name === 'VolumeBinding')!;
  assert.ok(binding.reserve!(contextOf(state, using('data'), { given, profile }).cycle, state.node('b')!));
});

const DRIVER: V1CSIDriver = { metadata: { name: 'example.com/csi' }, spec: { storageCapacity: true } };
const zoneCapacity = (zone: string, more: Partial<V1CSIStorageCapacity>): V1CSIStorageCapacity => ({
  metadata: { name: zone },
  storageClassName: 'late',
  nodeTopology: { matchLabels: { 'topology.kubernetes.io/zone': zone } },
  ...more,
});
const capacityCases: [string, V1CSIStorageCapacity[], string][] = [
  ['there is room', [zoneCapacity('z1', { capacity: '1Mi' }), zoneCapacity('z2', { capacity: '1Gi' })], 'b'],
  [
    'one volume may be so large',
    [
      zoneCapacity('z1', { capacity: '9Gi', maximumVolumeSize: '1Mi' }),
      zoneCapacity('z2', { capacity: '1Mi', maximumVolumeSize: '2Gi' }),
    ],
    'b',
  ],
  ['nobody says how much there is', [], '0/2 nodes are available: 2 node(s) did not have enough free storage.'],
  [
    'the room is of another class',
    [zoneCapacity('z1', { capacity: '9Gi', storageClassName: 'other' })],
    '0/2 nodes are available: 2 node(s) did not have enough free storage.',
  ],
  [
    'the room is reached from nowhere',
    [{ metadata: { name: 'n' }, storageClassName: 'late', capacity: '9Gi' }],
    '0/2 nodes are available: 2 node(s) did not have enough free storage.',
  ],
  [
    'the room is told without a size',
    [zoneCapacity('z1', {})],
    '0/2 nodes are available: 2 node(s) did not have enough free storage.',
  ],
];
for (const [title, capacities, expected] of capacityCases)
  test(`of a driver that tells how much room it has, a volume is made where it fits: ${title}`, () => {
    const claims = [claim('data', { storageClassName: 'late' })];
    const given = storage({ claims, storageClass: lateClass('example.com/csi'), csiDriver: DRIVER, capacities });
    assert.equal(
      place(cluster([inZone('a', 'z1'), inZone('b', 'z2')]), using('data'), { given, profile: profileWith() }),
      expected,
    );
  });

test('a driver that does not tell how much room it has is taken to have enough', () => {
  const given = storage({
    claims: [claim('data', { storageClassName: 'late' })],
    storageClass: lateClass('example.com/csi'),
    csiDriver: { ...DRIVER, spec: {} },
  });
  assert.equal(place(cluster([node('a')]), using('data'), { given, profile: profileWith() }), 'a');
});

test('a claim that one pod only may have has one pod', () => {
  const given = storage({
    claims: [claim('data', { volumeName: 'pv', accessModes: ['ReadWriteOncePod'] })],
    volumes: [volume('pv')],
  });
  const profile = profileWith();
  assert.notEqual(place(cluster([node('a')]), using('data'), { given, profile }).slice(0, 2), '0/');
  assert.equal(
    place(cluster([node('a')], [using('data', 'a')]), using('data'), { given, profile }),
    '0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode.',
  );
});

test('a disk that is written is attached once', () => {
  const disk = (readOnly: boolean, nodeName?: string) =>
    pod({ volumes: [{ name: 'v', gcePersistentDisk: { pdName: 'd', readOnly } }] }, nodeName);
  const profile = profileWith();
  assert.match(place(cluster([node('a')], [disk(true, 'a')]), disk(false), { profile }), /1 node\(s\) had no available disk/);
  assert.equal(place(cluster([node('a')], [disk(true, 'a')]), disk(true), { profile }), 'a');
});

test('a volume of a zone is used in that zone', () => {
  const labels = { 'topology.kubernetes.io/zone': 'z2__z3' };
  const given = storage({
    claims: [claim('data', { volumeName: 'pv' })],
    volumes: [{ ...volume('pv'), metadata: { name: 'pv', labels } }],
  });
  const profile = profileWith();
  assert.equal(place(cluster([inZone('a', 'z1'), inZone('b', 'z3')]), using('data'), { given, profile }), 'b');
  assert.match(
    place(cluster([inZone('a', 'z1')]), using('data'), { given, profile }),
    /1 node\(s\) had no available volume zone/,
  );
});

test('a node attaches no more volumes of a driver than it can, and one volume once', () => {
  const csi = (volumeHandle: string) => ({ csi: { driver: 'd', volumeHandle }, nodeAffinity: undefined });
  const given = storage({
    claims: [claim('one', { volumeName: 'pv1' }), claim('two', { volumeName: 'pv2' })],
    volumes: [volume('pv1', undefined, csi('1')), volume('pv2', undefined, csi('2'))],
    csiNode: { metadata: { name: 'a' }, spec: { drivers: [{ name: 'd', nodeID: 'a', allocatable: { count: 1 } }] } },
  });
  const profile = profileWith();
  const state = cluster([node('a')], [using('one', 'a')]);
  assert.equal(place(state, using('one'), { given, profile }), 'a');
  assert.match(place(state, using('two'), { given, profile }), /1 node\(s\) exceed max volume count/);
});

test('a volume that is attached already takes no more room, even where there are too many', () => {
  const csi = (volumeHandle: string) => ({ csi: { driver: 'd', volumeHandle }, nodeAffinity: undefined });
  const given = storage({
    claims: [claim('one', { volumeName: 'pv1' }), claim('two', { volumeName: 'pv2' }), claim('three', { volumeName: 'pv3' })],
    volumes: ['1', '2', '3'].map((handle) => volume(`pv${handle}`, undefined, csi(handle))),
    csiNode: { metadata: { name: 'a' }, spec: { drivers: [{ name: 'd', nodeID: 'a', allocatable: { count: 1 } }] } },
  });
  const state = cluster([node('a')], [using('one', 'a'), using('two', 'a')]);
  assert.equal(place(state, using('one'), { given, profile: profileWith() }), 'a');
  assert.match(place(state, using('three'), { given, profile: profileWith() }), /1 node\(s\) exceed max volume count/);
});

test('a volume that is still attached counts, though its pod has gone, until it is detached', () => {
  const csi = (volumeHandle: string) => ({ csi: { driver: 'd', volumeHandle }, nodeAffinity: undefined });
  const attachment = (name: string, nodeName: string) => ({
    metadata: { name },
    spec: { attacher: 'd', nodeName, source: { persistentVolumeName: 'pv1' } },
  });
  const given = {
    ...storage({
      claims: [claim('one', { volumeName: 'pv1' }), claim('two', { volumeName: 'pv2' })],
      volumes: [volume('pv1', undefined, csi('1')), volume('pv2', undefined, csi('2'))],
      csiNode: { metadata: { name: 'a' }, spec: { drivers: [{ name: 'd', nodeID: 'a', allocatable: { count: 1 } }] } },
    }),
    volumeAttachments: () => [attachment('here', 'a'), attachment('elsewhere', 'b')],
  };
  const state = cluster([node('a')]);
  assert.match(place(state, using('two'), { given, profile: profileWith() }), /1 node\(s\) exceed max volume count/);
  assert.equal(place(state, using('one'), { given, profile: profileWith() }), 'a');
  const { cycle } = contextOf(state, using('two'));
  const helps = (action: 'add' | 'delete') =>
    nodeVolumeLimits.mayHelp!({ resource: 'VolumeAttachment', action }, cycle.pod, cycle.objects);
  assert.deepEqual([helps('delete'), helps('add')], [true, false]);
});

test('of the bound volumes the first that will not do says why', () => {
  const given = storage({
    claims: [claim('far', { volumeName: 'far' }), claim('gone', { volumeName: 'gone' })],
    volumes: [volume('far', 'elsewhere')],
  });
  const usingBoth = (...claims: string[]) =>
    pod({ volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) });
  const says = (wanted: V1Pod) => place(cluster([node('a')]), wanted, { given, profile: profileWith() });
  assert.equal(
    says(usingBoth('far', 'gone')),
    "0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity.",
  );
  assert.equal(
    says(usingBoth('gone', 'far')),
    '0/1 nodes are available: 1 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s).',
  );
});
