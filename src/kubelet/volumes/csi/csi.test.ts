import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CsiDriverOptions, startCsiDriver, type TestCsiDriver } from '../../../../test/harness/csi-driver.ts';
import { until } from '../../../../test/harness/until.ts';
import { nodeKind } from '../../../api/core/v1/node.ts';
import { persistentVolumeKind } from '../../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../../api/core/v1/persistent-volume-claim.ts';
import { secretKind } from '../../../api/core/v1/secret.ts';
import type {
  V1CSIDriverSpec,
  V1CSINode,
  V1Node,
  V1PersistentVolumeClaim,
  V1PersistentVolumeSpec,
  V1Volume,
} from '../../../api/gen/types.ts';
import { attachmentName } from '../../../api/storage/v1/attachment-name.ts';
import { csiDriverKind } from '../../../api/storage/v1/csi-driver.ts';
import { volumeAttachmentKind } from '../../../api/storage/v1/volume-attachment.ts';
import { createVolumesBench, NODE_NAME, never, podWith, type VolumesBench } from '../../testing/volumes-bench.ts';
import { nodeIds, withDriver, withoutDriver } from './csi-node-object.ts';
import { accessModeNumber } from './csi-source.ts';

async function withDriverRunning(
  options: Partial<CsiDriverOptions>,
  spec: V1CSIDriverSpec | undefined,
  body: (bench: VolumesBench, driver: TestCsiDriver) => Promise<void>,
): Promise<void> {
  await using bench = await createVolumesBench();
  bench.api.put(nodeKind, { metadata: { name: NODE_NAME, uid: 'uid-node' } });
  if (spec) bench.api.put(csiDriverKind, { metadata: { name: 'csi.test' }, spec } as never);
  await using driver = await startCsiDriver({ kubeletRoot: bench.root, directory: bench.file('storage'), ...options });
  await until('the driver is registered', () => driver.registrations.length > 0);
  await body(bench, driver);
}

function claimFor(bench: VolumesBench, csi: object = {}, spec: V1PersistentVolumeSpec = {}): V1Volume {
  bench.api.put(persistentVolumeClaimKind, {
    metadata: { name: 'data', namespace: 'default', uid: 'uid-claim' },
    spec: { volumeName: 'pv-1' },
    status: { phase: 'Bound', capacity: { storage: '1Gi' } },
  } as never);
  bench.api.put(persistentVolumeKind, {
    metadata: { name: 'pv-1' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      claimRef: { namespace: 'default', name: 'data', uid: 'uid-claim' },
      csi: { driver: 'csi.test', volumeHandle: 'vol-1', fsType: 'ext4', volumeAttributes: { kind: 'fast' }, ...csi },
      ...spec,
    },
  } as never);
  return { name: 'data', persistentVolumeClaim: { claimName: 'data' } };
}

const requestOf = (driver: TestCsiDriver, name: string) => driver.calls.findLast((call) => call.name === name)!.request;

test('a driver that appears is registered with the cluster, and taken out when it goes', async () => {
  await withDriverRunning({ topology: { 'csi.test/zone': 'z1' }, maxVolumes: 8 }, undefined, async (bench, driver) => {
    assert.deepEqual(driver.registrations, [{ plugin_registered: true, error: '' }]);
    const drivers = () => bench.api.find<V1CSINode & { metadata: object }>('csinodes', NODE_NAME)?.spec.drivers;
    assert.deepEqual(drivers(), [
      { name: 'csi.test', nodeID: 'node-of-the-driver', topologyKeys: ['csi.test/zone'], allocatable: { count: 8 } },
    ]);
    const node = () => bench.api.find<V1Node & { metadata: object }>('nodes', NODE_NAME)!;
    assert.equal(node().metadata?.annotations?.['csi.volume.kubernetes.io/nodeid'], '{"csi.test":"node-of-the-driver"}');
    assert.equal(node().metadata?.labels?.['csi.test/zone'], 'z1');
    await rm(bench.file('plugins_registry', 'csi.test-reg.sock'));
    await until('it is gone', () => drivers()?.length === 0);
    await until('the annotation is gone', () => !node().metadata?.annotations?.['csi.volume.kubernetes.io/nodeid']);
  });
});

test('a plugin of another type or an old version is told why it is not taken', async () => {
  await withDriverRunning({ type: 'DevicePlugin' }, undefined, async (_bench, driver) => {
    assert.equal(driver.registrations[0]?.plugin_registered, false);
    assert.match(driver.registrations[0]!.error, /no handler registered for plugin type: DevicePlugin at socket/);
  });
  await withDriverRunning({ versions: ['0.3.0'] }, undefined, async (_bench, driver) => {
    assert.match(driver.registrations[0]!.error, /driver csi.test supports no version of csi\.v1: 0\.3\.0/);
  });
});

test('a persistent volume is staged once, published for each pod, and given back in reverse by a kubelet started anew', async () => {
  await withDriverRunning({}, { attachRequired: false, podInfoOnMount: true }, async (bench, driver) => {
    bench.api.put(secretKind, { metadata: { name: 's', namespace: 'kube-system' }, data: { key: 'aHVzaA==' } } as never);
    const secret = { name: 's', namespace: 'kube-system' };
    const volume = claimFor(bench, { nodeStageSecretRef: secret, nodePublishSecretRef: secret }, { mountOptions: ['noatime'] });
    const pods = ['one', 'two'].map((name) => podWith({ volumes: [volume], securityContext: { fsGroup: 4242 } }, name));
    for (const pod of pods) await bench.volumes.setUp(pod, never);
    assert.deepEqual([driver.count('NodeStageVolume'), driver.count('NodePublishVolume')], [1, 2]);
    const mount = { fs_type: 'ext4', mount_flags: ['noatime'], volume_mount_group: '' };
    const { volume_capability: capability, secrets, ...stage } = requestOf(driver, 'NodeStageVolume');
    assert.deepEqual(capability, { block: undefined, mount, access_mode: { mode: 7 } });
    assert.deepEqual({ ...(secrets as object) }, { key: 'hush' });
    assert.match(String(stage['staging_target_path']), /plugins\/kubernetes\.io\/csi\/csi\.test\/[0-9a-f]{64}\/globalmount$/);
    const { volume_context: context } = requestOf(driver, 'NodePublishVolume') as { volume_context: Record<string, string> };
    assert.deepEqual([context['kind'], context['csi.storage.k8s.io/pod.name']], ['fast', 'two']);
    assert.equal(context['csi.storage.k8s.io/ephemeral'], 'false');

    const { mounts } = await bench.volumes.mountsOf(pods[0]!, pods[0]!.spec!.containers[0]!, []);
    const path = bench.file('pods', 'uid-one', 'volumes', 'kubernetes.io~csi', 'pv-1', 'mount');
    assert.equal(mounts[0]!.hostPath, path);
    await writeFile(join(path, 'data'), 'kept');
    assert.equal((await stat(path)).gid, 4242);
    const [usage] = await bench.volumes.usageOf('uid-one');
    assert.deepEqual([usage?.space.usedBytes, usage?.space.inodesFree, usage?.ephemeral], [400, 7, false]);
    await bench.volumes.setUp(pods[0]!, never);
    assert.equal(driver.count('NodePublishVolume'), 2);

    await bench.volumes.tearDown('uid-one');
    assert.equal(driver.count('NodeUnstageVolume'), 0);
    await using restarted = await bench.startedAnew();
    await restarted.volumes.tearDown('uid-two');
    assert.deepEqual([driver.count('NodeUnpublishVolume'), driver.count('NodeUnstageVolume')], [2, 1]);
    assert.equal(await readFile(join(driver.volume('vol-1'), 'data'), 'utf8'), 'kept');
    assert.deepEqual(await readdir(bench.file('plugins', 'kubernetes.io', 'csi', 'csi.test')), []);
    assert.deepEqual(await readdir(bench.file('pods', 'uid-two')), []);
  });
});

test('a volume waits until the cluster has attached it, and passes on what the controller says', async () => {
  await withDriverRunning({}, undefined, async (bench, driver) => {
    const name = attachmentName('vol-1', 'csi.test', NODE_NAME);
    const pod = podWith({ volumes: [claimFor(bench)] });
    const ready = bench.volumes.setUp(pod, never);
    await until('it looks for the attachment', () => bench.api.count('get', 'volumeattachments') > 0);
    assert.equal(driver.count('NodeStageVolume'), 0);
    bench.api.put(volumeAttachmentKind, {
      metadata: { name },
      spec: { attacher: 'csi.test', nodeName: NODE_NAME, source: {} },
      status: { attached: true, attachmentMetadata: { device: '/dev/x' } },
    } as never);
    await bench.clock.advance(1000);
    await ready;
    const { publish_context: context } = requestOf(driver, 'NodePublishVolume');
    assert.deepEqual({ ...(context as object) }, { device: '/dev/x' });
    assert.deepEqual(bench.volumes.volumesInUse(), ['kubernetes.io/csi/csi.test^vol-1']);
    await bench.volumes.tearDown('uid-web');
    assert.deepEqual(bench.volumes.volumesInUse(), []);

    bench.api.remove(volumeAttachmentKind, name);
    const inVain = bench.volumes.setUp(podWith({ volumes: [claimFor(bench)] }, 'late'), never);
    const refused = assert.rejects(inVain, {
      reason: 'FailedAttachVolume',
      message: `AttachVolume.Attach failed for volume "pv-1" : volume attachment ${name} does not exist yet`,
    });
    for (let i = 0; i < 14; i++) await bench.clock.advance(10_000);
    await refused;
  });
});

test('a kubelet that should attach volumes itself says that it does not', async () => {
  await using bench = await createVolumesBench({ settings: { enableControllerAttachDetach: false } });
  bench.api.put(nodeKind, { metadata: { name: NODE_NAME, uid: 'uid-node' } });
  await using driver = await startCsiDriver({ kubeletRoot: bench.root, directory: bench.file('storage') });
  await until('the driver is registered', () => driver.registrations.length > 0);
  await assert.rejects(bench.volumes.setUp(podWith({ volumes: [claimFor(bench)] }), never), {
    reason: 'FailedAttachVolume',
    message: /enableControllerAttachDetach is false, and this kubelet attaches no volumes itself$/,
  });
});

test('a volume that lives with its pod needs a driver that offers that', async () => {
  await withDriverRunning({}, { attachRequired: false, volumeLifecycleModes: ['Ephemeral'] }, async (bench, driver) => {
    const pod = podWith({ volumes: [{ name: 'scratch', csi: { driver: 'csi.test', volumeAttributes: { size: '1' } } }] });
    await bench.volumes.setUp(pod, never);
    assert.equal(driver.count('NodeStageVolume'), 0);
    assert.match(String(requestOf(driver, 'NodePublishVolume')['volume_id']), /^csi-[0-9a-f]{64}$/);
    await bench.volumes.tearDown('uid-web');
    assert.deepEqual([driver.count('NodeUnpublishVolume'), driver.count('NodeUnstageVolume')], [1, 0]);
    await assert.rejects(bench.volumes.setUp(podWith({ volumes: [claimFor(bench)] }, 'lasting'), never), {
      message: /volume mode "Persistent" not supported by driver csi\.test \(only supports \["Ephemeral"\]\)/,
    });
  });
});

test('tokens for a driver are renewed by publishing again', async () => {
  const spec = { attachRequired: false, requiresRepublish: true, tokenRequests: [{ audience: 'vault', expirationSeconds: 600 }] };
  await withDriverRunning({}, spec, async (bench, driver) => {
    let issued = 0;
    bench.api.review = (object) => {
      const expirationTimestamp = new Date(bench.clock.now() + 600_000).toISOString();
      return { ...object, status: { token: `token-${++issued}`, expirationTimestamp } };
    };
    const pod = podWith({ volumes: [claimFor(bench)] });
    await bench.volumes.setUp(pod, never);
    const token = () => {
      const { volume_context: context } = requestOf(driver, 'NodePublishVolume') as { volume_context: Record<string, string> };
      const byAudience = JSON.parse(context['csi.storage.k8s.io/serviceAccount.tokens']!) as Record<string, { token: string }>;
      return byAudience['vault']?.token;
    };
    assert.equal(token(), 'token-1');
    const told: string[] = [];
    bench.volumes.subscribe((uid) => told.push(uid));
    await bench.clock.advance(480_000);
    assert.deepEqual(told, ['uid-web']);
    await bench.volumes.setUp(pod, never);
    assert.deepEqual([token(), driver.count('NodePublishVolume'), driver.count('NodeStageVolume')], ['token-2', 2, 1]);
  });
});

test('a driver that is not there, or fails, is named in the error, and what was begun is taken back', async () => {
  await withDriverRunning({}, { attachRequired: false }, async (bench, driver) => {
    const other = podWith({ volumes: [claimFor(bench, { driver: 'csi.gone' })] }, 'other');
    await assert.rejects(bench.volumes.setUp(other, never), {
      message:
        'MountVolume.SetUp failed for volume "pv-1" : kubernetes.io/csi: driver name csi.gone not found in the list of registered CSI drivers',
    });
    driver.before = ({ name }) => {
      if (name === 'NodePublishVolume') throw new Error('no more room');
    };
    const pod = podWith({ volumes: [claimFor(bench)] });
    await assert.rejects(bench.volumes.setUp(pod, never), {
      message: 'MountVolume.SetUp failed for volume "pv-1" : rpc error: code = Internal desc = no more room',
    });
    await bench.volumes.tearDown('uid-web');
    assert.deepEqual([driver.count('NodeUnpublishVolume'), driver.count('NodeUnstageVolume')], [1, 1]);
    assert.deepEqual(await readdir(bench.file('plugins', 'kubernetes.io', 'csi', 'csi.test')), []);
  });
});

test('a volume that is there stays so while its driver is away', async () => {
  await withDriverRunning({}, { attachRequired: false, requiresRepublish: true }, async (bench, driver) => {
    const pod = podWith({ volumes: [claimFor(bench)] });
    await bench.volumes.setUp(pod, never);
    await rm(bench.file('plugins_registry', 'csi.test-reg.sock'));
    const drivers = () => bench.api.find<V1CSINode & { metadata: object }>('csinodes', NODE_NAME)?.spec.drivers;
    await until('the driver is gone', () => drivers()?.length === 0);
    await bench.volumes.setUp(pod, never);
    assert.match(
      bench.events.join(),
      /FailedMount MountVolume\.SetUp failed for volume "pv-1" : .*driver name csi\.test not found/,
    );
    assert.equal(driver.count('NodePublishVolume'), 1);
    await assert.rejects(bench.volumes.tearDown('uid-web'), /driver name csi\.test not found/);
    assert.deepEqual(await bench.volumes.known(), ['uid-web']);
  });
});

test('a volume that is a device reaches the container as one', async () => {
  await withDriverRunning({ device: '/dev/null' }, { attachRequired: false }, async (bench, driver) => {
    const pod = podWith({ volumes: [claimFor(bench, {}, { volumeMode: 'Block' })] });
    pod.spec!.containers[0] = { name: 'main', volumeDevices: [{ name: 'data', devicePath: '/dev/xvda' }] };
    await bench.volumes.setUp(pod, never);
    const target = bench.file('plugins/kubernetes.io/csi/volumeDevices/publish/pv-1/uid-web');
    assert.deepEqual(await bench.volumes.mountsOf(pod, pod.spec!.containers[0]!, []), {
      mounts: [],
      devices: [{ hostPath: target, containerPath: '/dev/xvda', permissions: 'mrw' }],
    });
    assert.ok((await stat(target)).isCharacterDevice());
    await using restarted = await bench.startedAnew();
    await restarted.volumes.tearDown('uid-web');
    assert.deepEqual([driver.count('NodeUnpublishVolume'), driver.count('NodeUnstageVolume')], [1, 1]);
    assert.ok(!existsSync(target));
    assert.deepEqual(await readdir(bench.file('pods', 'uid-web')), []);
  });
});

test('a volume that has grown is expanded while it is in use, and its claim says so', async () => {
  await withDriverRunning({}, { attachRequired: false }, async (bench, driver) => {
    const pod = podWith({ volumes: [claimFor(bench, { nodeExpandSecretRef: { name: 'grow', namespace: 'kube-system' } })] });
    const data = { key: Buffer.from('hush').toString('base64') };
    bench.api.put(secretKind, { metadata: { name: 'grow', namespace: 'kube-system' }, data } as never);
    await bench.volumes.setUp(pod, never);
    await bench.volumes.setUp(pod, never);
    assert.equal(driver.count('NodeExpandVolume'), 0);
    bench.api.change(persistentVolumeKind, 'pv-1', '', (object) => {
      (object['spec'] as V1PersistentVolumeSpec).capacity = { storage: '2Gi' };
    });
    await bench.volumes.setUp(pod, never);
    const { capacity_range: range, volume_capability: capability, secrets } = requestOf(driver, 'NodeExpandVolume');
    assert.deepEqual(range, { required_bytes: 2 ** 31, limit_bytes: 0 });
    assert.deepEqual((capability as { access_mode: object }).access_mode, { mode: 7 });
    assert.deepEqual({ ...(secrets as object) }, { key: 'hush' });
    const claim = bench.api.find<V1PersistentVolumeClaim & { metadata: object }>('persistentvolumeclaims', 'data', 'default');
    assert.equal(claim?.status?.capacity?.['storage'], '2Gi');
    assert.deepEqual(bench.events, [
      'Normal FileSystemResizeSuccessful MountVolume.NodeExpandVolume succeeded for volume "pv-1"',
    ]);
  });
});

test('access modes are told as the driver knows them', () => {
  assert.deepEqual(
    [['ReadWriteOnce'], ['ReadWriteOncePod'], ['ReadOnlyMany'], ['ReadWriteOnce', 'ReadWriteMany'], []].map((modes) => [
      accessModeNumber(modes, true),
      accessModeNumber(modes, false),
    ]),
    [
      [7, 1],
      [6, 1],
      [3, 3],
      [5, 5],
      [0, 0],
    ],
  );
});

test('the entries of other drivers stay, whatever the annotation was', () => {
  const driver = { name: 'b', nodeId: 'n', maxVolumes: 0, topology: {} };
  const object: V1CSINode = { spec: { drivers: [{ name: 'a', nodeID: 'x' }] } };
  const both = withDriver(object, driver)!;
  assert.deepEqual(
    both.spec.drivers.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.equal(withDriver(both, driver), undefined);
  assert.deepEqual(
    withoutDriver(both, 'a')?.spec.drivers.map(({ name }) => name),
    ['b'],
  );
  assert.equal(withoutDriver(both, 'c'), undefined);
  assert.equal(nodeIds('{"a":"x"}', { name: 'b', nodeId: 'n' }), '{"a":"x","b":"n"}');
  assert.equal(nodeIds('not json', { name: '__proto__', nodeId: 'n' }), '{"__proto__":"n"}');
  assert.equal(nodeIds('{"a":"x"}', { name: 'a' }), undefined);
});
