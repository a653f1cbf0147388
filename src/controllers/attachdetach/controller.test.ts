import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeKind } from '../../api/core/v1/node.ts';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type {
  V1CSIDriver,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1VolumeAttachment,
} from '../../api/gen/types.ts';
import { attachmentName } from '../../api/storage/v1/attachment-name.ts';
import { csiDriverKind } from '../../api/storage/v1/csi-driver.ts';
import { volumeAttachmentKind } from '../../api/storage/v1/volume-attachment.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createAttachDetachController } from './controller.ts';
import { multiAttachMessage } from './plan.ts';

const VOLUME_NAME = 'kubernetes.io/csi/csi.test^handle';
const nameOn = (node: string) => attachmentName('handle', 'csi.test', node);

function nodeOf(name: string, status: object = {}, spec: object = {}): V1Node {
  const annotations = { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' };
  return {
    metadata: { name, annotations },
    spec,
    status: { conditions: [{ type: 'Ready', status: 'True' }], ...status },
  } as V1Node;
}
const podOn = (name: string, nodeName: string, claimName = 'data', namespace = 'a') =>
  ({
    metadata: { name, namespace, uid: `${name}-uid` },
    spec: { nodeName, volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] },
    status: { phase: 'Running' },
  }) as unknown as V1Pod;

/** Nodes one and two, a volume bound to the claim a/data. */
function clusterWithVolume(accessModes = ['ReadWriteOnce']): TestingCluster {
  const cluster = new TestingCluster();
  for (const name of ['one', 'two']) cluster.put(nodeKind, nodeOf(name));
  cluster.put(persistentVolumeKind, {
    metadata: { name: 'pv' },
    spec: {
      accessModes,
      csi: { driver: 'csi.test', volumeHandle: 'handle' },
      claimRef: { namespace: 'a', name: 'data', uid: 'claim-uid' },
    },
  } as V1PersistentVolume);
  cluster.put(persistentVolumeClaimKind, {
    metadata: { name: 'data', namespace: 'a', uid: 'claim-uid' },
    spec: { volumeName: 'pv' },
  } as V1PersistentVolumeClaim);
  return cluster;
}
const attachmentOn = (cluster: TestingCluster, node: string) =>
  cluster.get<V1VolumeAttachment>(volumeAttachmentKind, nameOn(node));
function say(cluster: TestingCluster, node: string, status: object): void {
  cluster.put(volumeAttachmentKind, { ...attachmentOn(cluster, node)!, status } as V1VolumeAttachment);
}
const attachedTo = (cluster: TestingCluster, node: string) =>
  cluster.get<V1Node>(nodeKind, node)?.status?.volumesAttached?.map(({ name }) => name) ?? [];

test('a pod gets its volume attached, and its node is told when the driver has done so', async () => {
  const cluster = clusterWithVolume();
  cluster.put(podKind, podOn('web', 'one'));
  await using run = await runController((context) => createAttachDetachController(context), cluster);
  assert.deepEqual(attachmentOn(cluster, 'one')?.spec, {
    attacher: 'csi.test',
    nodeName: 'one',
    source: { persistentVolumeName: 'pv' },
  });
  say(cluster, 'one', { attached: false, attachError: { message: 'no such disk' } });
  await run.settle();
  assert.deepEqual(attachedTo(cluster, 'one'), []);
  say(cluster, 'one', { attached: true });
  await run.settle();
  assert.deepEqual(attachedTo(cluster, 'one'), [VOLUME_NAME]);
  assert.deepEqual(run.events, ['web FailedAttachVolume', 'web SuccessfulAttachVolume']);
});

test('a driver that needs no attaching gets none', async () => {
  const cluster = clusterWithVolume();
  cluster.put(csiDriverKind, { metadata: { name: 'csi.test' }, spec: { attachRequired: false } } as V1CSIDriver);
  cluster.put(podKind, podOn('web', 'one'));
  await using _run = await runController((context) => createAttachDetachController(context), cluster);
  assert.deepEqual(cluster.list(volumeAttachmentKind), []);
});

test('a volume leaves its node when no pod needs it and the node has let it go', async () => {
  const cluster = clusterWithVolume();
  cluster.put(podKind, podOn('web', 'one'));
  await using run = await runController((context) => createAttachDetachController(context), cluster);
  say(cluster, 'one', { attached: true });
  await run.settle();
  const node = cluster.get<V1Node>(nodeKind, 'one')!;
  cluster.put(nodeKind, { ...node, status: { ...node.status, volumesInUse: [VOLUME_NAME] } });
  cluster.remove(podKind, 'web', 'a');
  await run.settle(3_600_000);
  assert.ok(attachmentOn(cluster, 'one'), 'a healthy node that uses it keeps it');
  const later = cluster.get<V1Node>(nodeKind, 'one')!;
  cluster.put(nodeKind, { ...later, status: { ...later.status, volumesInUse: [] } });
  await run.settle();
  assert.equal(attachmentOn(cluster, 'one'), undefined);
  assert.deepEqual(attachedTo(cluster, 'one'), []);
  const order = cluster.requests.filter(({ verb }) => verb === 'patch' || verb === 'delete').map(({ verb }) => verb);
  assert.deepEqual(order, ['patch', 'patch', 'delete'], 'the node is told before the volume goes');
});

for (const [title, change, disable, expected] of [
  ['a node that does not answer loses a volume that it uses after six minutes', 'silent', false, [true, false]],
  ['without force a node that does not answer keeps a volume that it uses', 'silent', true, [true, true]],
  ['a node that is out of service loses its volumes at once', 'out-of-service', true, [false, false]],
  ['a node that is gone loses a volume that it used after six minutes', 'gone', false, [true, false]],
] as const) {
  test(title, async () => {
    const cluster = clusterWithVolume();
    cluster.put(podKind, podOn('web', 'one'));
    await using run = await runController(
      (context) => createAttachDetachController(context, { disableForceDetachOnTimeout: disable }),
      cluster,
    );
    say(cluster, 'one', { attached: true });
    const taints = change === 'out-of-service' ? [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }] : [];
    const conditions = [{ type: 'Ready', status: 'Unknown' }];
    cluster.put(nodeKind, nodeOf('one', { conditions, volumesInUse: [VOLUME_NAME] }, { taints }));
    await run.settle();
    if (change === 'gone') cluster.remove(nodeKind, 'one');
    cluster.remove(podKind, 'web', 'a');
    await run.settle(1000);
    const soon = attachmentOn(cluster, 'one') !== undefined;
    await run.settle(360_000);
    assert.deepEqual([soon, attachmentOn(cluster, 'one') !== undefined], expected);
  });
}

test('a volume for one node is not attached to a second until the first has lost it', async () => {
  const cluster = clusterWithVolume();
  cluster.put(podKind, podOn('web', 'one'));
  await using run = await runController((context) => createAttachDetachController(context), cluster);
  cluster.put(podKind, podOn('next', 'two'));
  await run.settle();
  assert.equal(attachmentOn(cluster, 'two'), undefined);
  assert.deepEqual(run.events, ['next FailedAttachVolume']);
  cluster.remove(podKind, 'web', 'a');
  await run.settle();
  assert.equal(attachmentOn(cluster, 'one'), undefined);
  assert.ok(attachmentOn(cluster, 'two'));
});

test('a volume for many nodes is attached to all that need it', async () => {
  const cluster = clusterWithVolume(['ReadWriteMany']);
  cluster.put(podKind, podOn('web', 'one'));
  cluster.put(podKind, podOn('next', 'two'));
  await using _run = await runController((context) => createAttachDetachController(context), cluster);
  assert.equal(cluster.list(volumeAttachmentKind).length, 2);
});

test('attachments of others and of pods that have ended are told apart', async () => {
  const cluster = clusterWithVolume();
  const foreign = { attacher: 'csi.test', nodeName: 'two', source: { persistentVolumeName: 'pv' } };
  cluster.put(volumeAttachmentKind, { metadata: { name: 'by-hand' }, spec: foreign } as V1VolumeAttachment);
  cluster.put(volumeAttachmentKind, {
    metadata: { name: nameOn('one') },
    spec: { ...foreign, nodeName: 'one' },
  } as V1VolumeAttachment);
  cluster.put(podKind, { ...podOn('done', 'one'), status: { phase: 'Succeeded' } } as V1Pod);
  await using _run = await runController((context) => createAttachDetachController(context), cluster);
  assert.deepEqual(
    cluster.list<V1VolumeAttachment>(volumeAttachmentKind).map(({ metadata }) => metadata?.name),
    ['by-hand'],
  );
});

test('who waits for a volume is told of pods of its own namespace alone by name', () => {
  const pod = podOn('next', 'two');
  const said = (...others: V1Pod[]) => multiAttachMessage('pv', pod, others);
  const local = podOn('web', 'one');
  const foreign = podOn('x', 'one', 'data', 'b');
  assert.equal(
    said(),
    'Multi-Attach error for volume "pv" Volume is already exclusively attached to one node and can\'t be attached to another',
  );
  assert.equal(said(local), 'Multi-Attach error for volume "pv" Volume is already used by pod(s) web');
  assert.equal(
    said(local, foreign),
    'Multi-Attach error for volume "pv" Volume is already used by pod(s) web and 1 pod(s) in different namespaces',
  );
  assert.equal(said(foreign), 'Multi-Attach error for volume "pv" Volume is already used by 1 pod(s) in different namespaces');
});
