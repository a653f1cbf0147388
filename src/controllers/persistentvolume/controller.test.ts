import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../../api/gen/types.ts';
import { storageClassKind } from '../../api/storage/v1/storage-class.ts';
import { type ControllerRun, runController, type TestingCluster } from '../framework/testing-client.test-support.ts';
import { createPersistentVolumeController } from './controller.ts';
import { HostPathProvisioner } from './host-path-provisioner.ts';

const claim = (name: string, storage = '1Gi', spec: object = {}, metadata: object = {}) =>
  ({
    metadata: { name, namespace: 'a', uid: `${name}-uid`, ...metadata },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, ...spec },
    status: { phase: 'Pending' },
  }) as unknown as V1PersistentVolumeClaim;
const volume = (name: string, storage = '1Gi', spec: object = {}, metadata: object = {}) =>
  ({
    metadata: { name, uid: `${name}-uid`, ...metadata },
    spec: { capacity: { storage }, accessModes: ['ReadWriteOnce', 'ReadOnlyMany'], hostPath: { path: '/x' }, ...spec },
    status: { phase: 'Pending' },
  }) as unknown as V1PersistentVolume;
const claimIn = (cluster: TestingCluster, name: string) =>
  cluster.get<V1PersistentVolumeClaim>(persistentVolumeClaimKind, name, 'a');
const volumeIn = (cluster: TestingCluster, name: string) => cluster.get<V1PersistentVolume>(persistentVolumeKind, name);

/** Directories are made by the real machine, which knows nothing of the virtual clock. */
async function settledUntil(run: ControllerRun, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !holds(); i++) {
    await setImmediate();
    await run.settle();
  }
}

test('a claim gets the smallest volume that has what it asks for, and both say so', async () => {
  await using run = await runController(createPersistentVolumeController);
  const { cluster } = run;
  for (const [name, size] of [
    ['big', '10Gi'],
    ['fit', '2Gi'],
    ['small', '512Mi'],
  ] as const)
    cluster.put(persistentVolumeKind, volume(name, size));
  cluster.put(persistentVolumeKind, volume('other-class', '1Gi', { storageClassName: 'fast' }));
  await run.settle();
  assert.equal(volumeIn(cluster, 'big')?.status?.phase, 'Available');
  cluster.put(persistentVolumeClaimKind, claim('c'));
  await run.settle();
  const bound = claimIn(cluster, 'c');
  assert.equal(bound?.spec?.volumeName, 'fit');
  assert.equal(bound?.status?.phase, 'Bound');
  assert.deepEqual(bound?.status?.capacity, { storage: '2Gi' });
  assert.equal(bound?.metadata?.annotations?.['pv.kubernetes.io/bind-completed'], 'yes');
  assert.equal(volumeIn(cluster, 'fit')?.status?.phase, 'Bound');
  assert.equal(volumeIn(cluster, 'fit')?.spec?.claimRef?.uid, 'c-uid');
});

test('two claims never get the same volume; one that has none waits and gets the next', async () => {
  await using run = await runController(createPersistentVolumeController);
  const { cluster } = run;
  cluster.put(persistentVolumeKind, volume('only'));
  cluster.put(persistentVolumeClaimKind, claim('c'));
  cluster.put(persistentVolumeClaimKind, claim('d'));
  await run.settle();
  const names = ['c', 'd'].map((name) => claimIn(cluster, name)?.spec?.volumeName);
  assert.deepEqual(names.filter(Boolean), ['only']);
  assert.ok(run.events.some((event) => event.endsWith(' FailedBinding')));
  cluster.put(persistentVolumeKind, volume('second'));
  await run.settle();
  assert.deepEqual(
    ['c', 'd'].map((name) => claimIn(cluster, name)?.status?.phase),
    ['Bound', 'Bound'],
  );
});

test('a volume kept for a claim is nobody else’s, and a claim that names a volume that does not fit is told why', async () => {
  await using run = await runController(createPersistentVolumeController);
  const { cluster } = run;
  cluster.put(persistentVolumeKind, volume('kept', '1Gi', { claimRef: { namespace: 'a', name: 'late' } }));
  cluster.put(persistentVolumeClaimKind, claim('c'));
  cluster.put(persistentVolumeClaimKind, claim('greedy', '5Gi', { volumeName: 'kept' }));
  await run.settle();
  assert.equal(claimIn(cluster, 'c')?.spec?.volumeName, undefined);
  assert.equal(claimIn(cluster, 'greedy')?.status?.phase, 'Pending');
  cluster.put(persistentVolumeClaimKind, claim('late'));
  await run.settle();
  assert.equal(claimIn(cluster, 'late')?.spec?.volumeName, 'kept');
  cluster.put(persistentVolumeKind, volume('tiny'));
  cluster.put(persistentVolumeClaimKind, claim('choosy', '5Gi', { volumeName: 'tiny' }));
  await run.settle();
  assert.ok(run.events.includes('choosy VolumeMismatch'));
});

test('a claim whose volume is gone is lost; a volume whose claim is gone is released and kept', async () => {
  await using run = await runController(createPersistentVolumeController);
  const { cluster } = run;
  cluster.put(persistentVolumeKind, volume('v', '1Gi', { persistentVolumeReclaimPolicy: 'Retain' }));
  cluster.put(persistentVolumeKind, volume('w', '1Gi', { persistentVolumeReclaimPolicy: 'Retain' }));
  cluster.put(persistentVolumeClaimKind, claim('c'));
  cluster.put(persistentVolumeClaimKind, claim('d'));
  await run.settle();
  const [cVolume, dVolume] = ['c', 'd'].map((name) => claimIn(cluster, name)?.spec?.volumeName ?? '');
  cluster.remove(persistentVolumeKind, cVolume!);
  cluster.remove(persistentVolumeClaimKind, 'd', 'a');
  await run.settle();
  assert.deepEqual(claimIn(cluster, 'c')?.status, { phase: 'Lost' }, 'it has no size any more');
  assert.equal(volumeIn(cluster, dVolume!)?.status?.phase, 'Released');
  cluster.put(persistentVolumeClaimKind, claim('e'));
  await run.settle();
  assert.equal(claimIn(cluster, 'e')?.spec?.volumeName, undefined, 'released volumes hold the data of others');
});

test('a class makes volumes of directories, waits for pods when it says so, and others’ provisioners are asked by annotation', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'muster-volumes-'));
  try {
    await using run = await runController((context) =>
      createPersistentVolumeController(context, { hostPathDirectory: directory }),
    );
    const { cluster } = run;
    const storageClass = (name: string, provisioner: string, volumeBindingMode: string) =>
      cluster.put(storageClassKind, { metadata: { name }, provisioner, reclaimPolicy: 'Delete', volumeBindingMode } as never);
    storageClass('standard', 'muster.dev/host-path', 'Immediate');
    storageClass('lazy', 'muster.dev/host-path', 'WaitForFirstConsumer');
    storageClass('cloud', 'cloud.example.com', 'Immediate');
    cluster.put(persistentVolumeClaimKind, claim('c', '1Gi', { storageClassName: 'standard' }));
    cluster.put(persistentVolumeClaimKind, claim('lazy', '1Gi', { storageClassName: 'lazy' }));
    cluster.put(persistentVolumeClaimKind, claim('cloudy', '1Gi', { storageClassName: 'cloud' }));
    await settledUntil(run, () => claimIn(cluster, 'c')?.status?.phase === 'Bound');
    assert.equal(claimIn(cluster, 'c')?.status?.phase, 'Bound');
    assert.equal(claimIn(cluster, 'lazy')?.status?.phase, 'Pending');
    assert.ok(run.events.includes('lazy WaitForFirstConsumer'));
    assert.equal(
      claimIn(cluster, 'cloudy')?.metadata?.annotations?.['volume.kubernetes.io/storage-provisioner'],
      'cloud.example.com',
    );
    const path = volumeIn(cluster, 'pvc-c-uid')?.spec?.hostPath?.path ?? '';
    writeFileSync(join(path, 'data'), 'x');
    cluster.put(
      persistentVolumeClaimKind,
      claim('lazy', '1Gi', { storageClassName: 'lazy' }, { annotations: { 'volume.kubernetes.io/selected-node': 'n' } }),
    );
    await settledUntil(run, () => claimIn(cluster, 'lazy')?.status?.phase === 'Bound');
    assert.equal(claimIn(cluster, 'lazy')?.status?.phase, 'Bound');
    cluster.remove(persistentVolumeClaimKind, 'c', 'a');
    await settledUntil(run, () => !volumeIn(cluster, 'pvc-c-uid'));
    assert.equal(volumeIn(cluster, 'pvc-c-uid'), undefined);
    assert.equal(existsSync(path), false);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('a volume with no more access modes than are asked for goes before a smaller one with more', async () => {
  await using run = await runController(createPersistentVolumeController);
  const { cluster } = run;
  cluster.put(persistentVolumeKind, volume('shared', '1Gi'));
  cluster.put(persistentVolumeKind, volume('exact', '5Gi', { accessModes: ['ReadWriteOnce'] }));
  cluster.put(persistentVolumeKind, volume('fast', '1Gi', { accessModes: ['ReadWriteOnce'], volumeAttributesClassName: 'gold' }));
  await run.settle();
  cluster.put(persistentVolumeClaimKind, claim('c'));
  await run.settle();
  assert.equal(claimIn(cluster, 'c')?.spec?.volumeName, 'exact');
});

test('a claim that names a volume is told whose it is, and gets it whatever it is when that names the claim', async () => {
  await using run = await runController(createPersistentVolumeController);
  const { cluster } = run;
  cluster.put(persistentVolumeKind, volume('v', '1Gi', { claimRef: { namespace: 'a', name: 'mine' } }));
  cluster.put(persistentVolumeKind, volume('going', '1Gi', {}, { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['f'] }));
  cluster.put(persistentVolumeClaimKind, claim('other', '1Gi', { volumeName: 'v' }));
  cluster.put(persistentVolumeClaimKind, claim('late', '1Gi', { volumeName: 'going' }));
  await run.settle();
  const said = (event: string) => run.messages[run.events.indexOf(event)];
  assert.equal(said('other FailedBinding'), 'volume "v" already bound to a different claim.');
  assert.equal(said('late VolumeMismatch'), 'Cannot bind to requested volume "going": the volume is marked for deletion "going"');
  cluster.put(persistentVolumeClaimKind, claim('mine', '5Gi', { volumeName: 'v' }));
  await run.settle();
  assert.equal(claimIn(cluster, 'mine')?.status?.phase, 'Bound');
});

test('a claim from before there was a default class gets it', async () => {
  await using run = await runController(createPersistentVolumeController);
  const { cluster } = run;
  cluster.put(persistentVolumeClaimKind, claim('old'));
  cluster.put(persistentVolumeClaimKind, claim('none', '1Gi', { storageClassName: '' }));
  await run.settle();
  const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  cluster.put(storageClassKind, { metadata: { name: 'standard', annotations }, provisioner: 'x.io/disk' } as never);
  await run.settle();
  assert.equal(claimIn(cluster, 'old')?.spec?.storageClassName, 'standard');
  assert.equal(claimIn(cluster, 'none')?.spec?.storageClassName, '');
});

test('while a claim waits for its pod only a volume that names it will do, and the pods that wait are told', async () => {
  await using run = await runController(createPersistentVolumeController);
  const { cluster } = run;
  const lazy = { provisioner: 'x.io/disk', volumeBindingMode: 'WaitForFirstConsumer' };
  cluster.put(storageClassKind, { metadata: { name: 'lazy' }, ...lazy } as never);
  cluster.put(persistentVolumeKind, volume('free', '1Gi', { storageClassName: 'lazy' }));
  const pod = (name: string) => ({
    metadata: { name, namespace: 'a' },
    spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] },
  });
  cluster.put(podKind, pod('one') as never);
  cluster.put(podKind, pod('two') as never);
  await run.settle();
  cluster.put(persistentVolumeClaimKind, claim('c', '1Gi', { storageClassName: 'lazy' }));
  await run.settle();
  assert.equal(run.messages[run.events.indexOf('c WaitForPodScheduled')], 'waiting for pods one,two to be scheduled');
  const placed = { annotations: { 'volume.kubernetes.io/selected-node': 'n' } };
  cluster.put(persistentVolumeClaimKind, claim('c', '1Gi', { storageClassName: 'lazy' }, placed));
  await run.settle();
  assert.equal(claimIn(cluster, 'c')?.spec?.volumeName, undefined, 'that volume may be on another node');
  assert.ok(run.events.includes('c ExternalProvisioning'));
});

test('what was built into older programs is asked of its successor, and what nobody makes is said', async () => {
  await using run = await runController(createPersistentVolumeController);
  const { cluster } = run;
  for (const provisioner of ['kubernetes.io/aws-ebs', 'kubernetes.io/no-provisioner']) {
    const name = provisioner.slice('kubernetes.io/'.length);
    cluster.put(storageClassKind, { metadata: { name }, provisioner } as never);
    cluster.put(persistentVolumeClaimKind, claim(name, '1Gi', { storageClassName: name }));
  }
  await run.settle();
  const asked = (name: string) => claimIn(cluster, name)?.metadata?.annotations?.['volume.kubernetes.io/storage-provisioner'];
  assert.deepEqual([asked('aws-ebs'), asked('no-provisioner')], ['ebs.csi.aws.com', undefined]);
  const told = run.messages[run.events.indexOf('no-provisioner ProvisioningFailed')];
  assert.equal(told, 'no volume plugin matched name: kubernetes.io/no-provisioner');
});

test('where volumes are not to be made, nobody is asked for one', async () => {
  await using run = await runController((context) => createPersistentVolumeController(context, { dynamicProvisioning: false }));
  run.cluster.put(storageClassKind, { metadata: { name: 'cloud' }, provisioner: 'x.io/disk' } as never);
  run.cluster.put(persistentVolumeClaimKind, claim('c', '1Gi', { storageClassName: 'cloud' }));
  await run.settle();
  assert.equal(claimIn(run.cluster, 'c')?.metadata?.annotations, undefined);
  assert.deepEqual(run.events, []);
});

test('a volume whose claim has another goes when it was made for it, and else is free or kept as before', async () => {
  await using run = await runController(createPersistentVolumeController);
  const { cluster } = run;
  const claimRef = { namespace: 'a', name: 'c', uid: 'c-uid' };
  const bound = { 'pv.kubernetes.io/bind-completed': 'yes' };
  cluster.put(persistentVolumeKind, volume('its-own', '1Gi', { claimRef }));
  cluster.put(persistentVolumeClaimKind, claim('c', '1Gi', { volumeName: 'its-own' }, { annotations: bound }));
  const provisioned = { 'pv.kubernetes.io/provisioned-by': 'x.io/disk', 'pv.kubernetes.io/bound-by-controller': 'yes' };
  const left = { claimRef, persistentVolumeReclaimPolicy: 'Delete' };
  cluster.put(persistentVolumeKind, volume('left-over', '1Gi', left, { annotations: provisioned }));
  const chosen = { 'pv.kubernetes.io/bound-by-controller': 'yes' };
  cluster.put(persistentVolumeKind, volume('chosen', '1Gi', { claimRef }, { annotations: chosen }));
  cluster.put(persistentVolumeKind, volume('kept', '1Gi', { claimRef }));
  await run.settle();
  const { status, spec } = volumeIn(cluster, 'left-over')!;
  assert.deepEqual([status?.phase, spec?.claimRef?.uid], ['Released', 'c-uid']);
  assert.deepEqual(
    [volumeIn(cluster, 'chosen')?.status?.phase, volumeIn(cluster, 'chosen')?.spec?.claimRef],
    ['Available', undefined],
  );
  assert.deepEqual(volumeIn(cluster, 'kept')?.spec?.claimRef, { namespace: 'a', name: 'c' });
});

test('a volume that cannot be deleted is tried again', async () => {
  await using run = await runController(createPersistentVolumeController);
  const { cluster } = run;
  const claimRef = { namespace: 'a', name: 'gone', uid: 'gone-uid' };
  cluster.put(persistentVolumeKind, volume('v', '1Gi', { claimRef, persistentVolumeReclaimPolicy: 'Delete' }));
  await run.settle();
  assert.equal(volumeIn(cluster, 'v')?.status?.phase, 'Failed');
  const failures = () => run.events.filter((event) => event === 'v VolumeFailedDelete').length;
  const before = failures();
  await run.settle(15_000);
  assert.ok(failures() > before);
});

test('a claim and a volume of different kinds are told that they do not go together', async () => {
  await using run = await runController(createPersistentVolumeController);
  const { cluster } = run;
  const claimRef = { namespace: 'a', name: 'c', uid: 'c-uid' };
  cluster.put(persistentVolumeClaimKind, claim('c'));
  cluster.put(persistentVolumeKind, volume('raw', '1Gi', { claimRef, volumeMode: 'Block' }));
  await run.settle();
  assert.ok(run.events.includes('raw VolumeMismatch'));
  assert.ok(run.events.includes('c VolumeMismatch'));
});

test('only directories that were made for a volume are removed with it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'muster-volumes-'));
  try {
    const provisioner = new HostPathProvisioner(join(directory, 'mine'));
    const made = await provisioner.provision(claim('c'), {
      provisioner: 'muster.dev/host-path',
      metadata: { name: 's' },
    } as never);
    const moved = { ...made, spec: { ...made.spec, hostPath: { path: directory } } };
    assert.equal(await provisioner.remove(moved as V1PersistentVolume), false);
    assert.equal(await provisioner.remove(volume('v')), false);
    assert.ok(existsSync(made.spec?.hostPath?.path ?? ''));
    assert.equal(await provisioner.remove(made), true);
    await assert.rejects(provisioner.provision(claim('x', '1Gi', {}, { uid: '/../../../up' }), { provisioner: 'p' } as never));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
