import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { release } from 'node:os';
import { test } from 'node:test';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import type { V1PersistentVolumeSpec, V1Pod, V1Volume } from '../../api/gen/types.ts';
import { createMounts } from '../../host/mounts.ts';
import { recordedPrograms } from '../../host/recorded-programs.ts';
import { createKubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { createVolumesBench, hostPathOf, mountsOf, never, podWith, type VolumesBench } from '../testing/volumes-bench.ts';
import { knowsNoSwap } from './empty-dir.ts';
import { mountOf } from './shared-root.ts';

test('an emptyDir is there for everybody, keeps its content over a restart of the kubelet, and goes with the pod', async () => {
  await using bench = await createVolumesBench();
  const pod = podWith({ volumes: [{ name: 'scratch', emptyDir: {} }] });
  await bench.volumes.setUp(pod, never);
  const path = await hostPathOf(bench, pod, 'scratch');
  assert.equal(path, bench.file('pods', 'uid-web', 'volumes', 'kubernetes.io~empty-dir', 'scratch'));
  assert.equal((await stat(path)).mode & 0o7777, 0o777);
  await writeFile(`${path}/kept`, 'yes');
  await bench.restarted().setUp(pod, never);
  assert.equal(await readFile(`${path}/kept`, 'utf8'), 'yes');
  const [usage] = await bench.volumes.usageOf('uid-web');
  assert.deepEqual([usage?.name, usage?.ephemeral, usage?.space.inodesUsed], ['scratch', true, 2]);
  assert.deepEqual(await bench.volumes.known(), ['uid-web']);
  await bench.restarted().tearDown('uid-web');
  assert.deepEqual(await bench.volumes.known(), []);
  assert.ok(!existsSync(path));
});

test('a volume in memory is as large as the least of its limit, the limits of the containers and the node', async () => {
  await using bench = await createVolumesBench();
  const sizeOf = async (pod: V1Pod) => {
    await bench.volumes.setUp(pod, never);
    const entry = await bench.mounts.at(await hostPathOf(bench, pod, 'mem'));
    return entry?.superOptions.find((option) => option.startsWith('size='));
  };
  const memory = (sizeLimit?: string): V1Volume => ({ name: 'mem', emptyDir: { medium: 'Memory', sizeLimit } });
  assert.equal(await sizeOf(podWith({ volumes: [memory()] }, 'node')), 'size=65536k');
  assert.equal(await sizeOf(podWith({ volumes: [memory('1Mi')] }, 'own')), 'size=1024k');
  const limited = podWith({ volumes: [memory('32Mi')] }, 'limits');
  limited.spec!.containers[0]!.resources = { limits: { memory: '8Mi' } };
  assert.equal(await sizeOf(limited), 'size=8192k');
  for (const name of ['node', 'own', 'limits']) await bench.volumes.tearDown(`uid-${name}`);
  assert.deepEqual(await readdir(bench.file('pods', 'uid-node')), []);
});

test('memory is kept from being swapped out where the kernel can do that', async () => {
  assert.deepEqual(['5.15.0-91-generic', '6.3.9', '6.4.0', '7.0-rc1'].map(knowsNoSwap), [false, false, true, true]);
  await using bench = await createVolumesBench();
  const pod = podWith({ volumes: [{ name: 'mem', emptyDir: { medium: 'Memory' } }] });
  await bench.volumes.setUp(pod, never);
  const entry = await bench.mounts.at(await hostPathOf(bench, pod, 'mem'));
  assert.equal(entry?.superOptions.includes('noswap'), knowsNoSwap(release()));
});

test('huge pages that the machine does not have are refused by name', async () => {
  await using bench = await createVolumesBench();
  const pod = podWith({ volumes: [{ name: 'huge', emptyDir: { medium: 'HugePages-3Mi' } }] });
  await assert.rejects(bench.volumes.setUp(pod, never), {
    message: 'MountVolume.SetUp failed for volume "huge" : medium HugePages-3Mi: this machine has no huge pages of size 3Mi',
  });
});

test('hostPath checks what the path is by its type, and makes what may be made', async () => {
  await using bench = await createVolumesBench();
  await mkdir(bench.file('dir'));
  await writeFile(bench.file('file'), '');
  const server = createServer().listen(bench.file('socket'));
  const attempt = async (path: string, type: string) => {
    const pod = podWith({ volumes: [{ name: 'host', hostPath: { path, type } }] }, `p${Math.random()}`);
    await bench.volumes.setUp(pod, never);
    return hostPathOf(bench, pod, 'host');
  };
  try {
    for (const [name, type] of [
      ['dir', 'Directory'],
      ['file', 'File'],
      ['socket', 'Socket'],
      ['new/dir', 'DirectoryOrCreate'],
      ['new/dir/file', 'FileOrCreate'],
      ['absent', ''],
    ] as const)
      assert.equal(await attempt(bench.file(name), type), bench.file(name));
    assert.equal(await attempt('/dev/null', 'CharDevice'), '/dev/null');
    assert.equal((await stat(bench.file('new/dir'))).mode & 0o777, 0o755);
    for (const [path, type, message] of [
      [bench.file('file'), 'Directory', `hostPath type check failed: ${bench.file('file')} is not a directory`],
      [bench.file('file'), 'DirectoryOrCreate', `hostPath type check failed: ${bench.file('file')} is not a directory`],
      [bench.file('dir'), 'File', `hostPath type check failed: ${bench.file('dir')} is not a file`],
      [bench.file('gone'), 'Directory', `hostPath type check failed: ${bench.file('gone')} is not a directory`],
      [bench.file('file'), 'Socket', `hostPath type check failed: ${bench.file('file')} is not a socket file`],
      ['/dev/null', 'BlockDevice', 'hostPath type check failed: /dev/null is not a block device'],
      [bench.file('file'), 'CharDevice', `hostPath type check failed: ${bench.file('file')} is not a character device`],
      [bench.file('file'), 'constructor', 'constructor is an invalid volume type'],
    ] as const)
      await assert.rejects(attempt(path, type), { message: `MountVolume.SetUp failed for volume "host" : ${message}` });
  } finally {
    server.close();
  }
});

function bindClaim(bench: VolumesBench, spec: V1PersistentVolumeSpec, status: object = { phase: 'Bound' }): V1Volume {
  const claimRef = { namespace: 'default', name: 'data', uid: 'uid-claim' };
  bench.api.put(persistentVolumeClaimKind, {
    metadata: { name: 'data', namespace: 'default', uid: 'uid-claim' },
    spec: { volumeName: 'pv-1' },
    status,
  } as never);
  bench.api.put(persistentVolumeKind, {
    metadata: { name: 'pv-1', annotations: { 'pv.beta.kubernetes.io/gid': '777' } },
    spec: { claimRef, ...spec },
  } as never);
  return { name: 'data', persistentVolumeClaim: { claimName: 'data' } };
}

test('a claim bound to a local volume is mounted where the node fits, and unmounted without touching what is on it', async () => {
  await using bench = await createVolumesBench();
  await mkdir(bench.file('disk'));
  await writeFile(bench.file('disk', 'data'), 'kept');
  const selector = (value: string) => ({
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [value] }] }] },
  });
  const volume = bindClaim(bench, { local: { path: bench.file('disk') }, nodeAffinity: selector('a') });
  const pod = podWith({ volumes: [volume], securityContext: { fsGroup: 4242 } });
  await bench.volumes.setUp(pod, never);
  const path = await hostPathOf(bench, pod, 'data');
  assert.equal(path, bench.file('pods', 'uid-web', 'volumes', 'kubernetes.io~local-volume', 'pv-1'));
  assert.equal(await readFile(`${path}/data`, 'utf8'), 'kept');
  assert.equal((await stat(`${path}/data`)).gid, 4242);
  assert.deepEqual(bench.volumes.supplementalGroups(pod), [4242, 777]);
  const [usage] = await bench.volumes.usageOf('uid-web');
  assert.deepEqual([usage?.claim, usage?.ephemeral], [{ namespace: 'default', name: 'data' }, false]);
  await bench.restarted().tearDown('uid-web');
  assert.equal(await readFile(bench.file('disk', 'data'), 'utf8'), 'kept');
  assert.equal(await bench.mounts.at(path), undefined);

  bindClaim(bench, { local: { path: bench.file('disk') }, nodeAffinity: selector('b') });
  await assert.rejects(bench.volumes.setUp(podWith({ volumes: [volume] }, 'other'), never), {
    message: 'MountVolume.NodeAffinity check failed for volume "pv-1" : no matching NodeSelectorTerms',
  });
});

test('a claim that is not bound, not there or of another mode is refused in upstream’s words', async () => {
  await using bench = await createVolumesBench();
  const volume = bindClaim(bench, { hostPath: { path: '/tmp' } }, { phase: 'Pending' });
  const refused = (text: string) => ({
    message: `Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: ${text}`,
  });
  const pod = podWith({ volumes: [volume] });
  await assert.rejects(bench.volumes.setUp(pod, never), refused('error processing PVC default/data: PVC is not bound'));
  bindClaim(bench, { hostPath: { path: '/tmp' }, volumeMode: 'Block' });
  await assert.rejects(
    bench.volumes.setUp(pod, never),
    refused('error processing PVC default/data: volume data has volumeMode Block, but is specified in volumeMounts'),
  );
  bindClaim(bench, { awsElasticBlockStore: { volumeID: 'x' } });
  await assert.rejects(bench.volumes.setUp(pod, never), /does not support volumes of kind awsElasticBlockStore/);
  const gone = podWith({ volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'gone' } }] }, 'gone');
  await assert.rejects(bench.volumes.setUp(gone, never), /failed to fetch PVC from API server: .*"gone" not found/);
  const flex = podWith({ volumes: [{ name: 'data', flexVolume: { driver: 'x/y' } }] }, 'flex');
  await assert.rejects(bench.volumes.setUp(flex, never), /does not support volumes of kind flexVolume/);
});

test('a volume for one pod alone is not given to a second', async () => {
  await using bench = await createVolumesBench();
  const volume = bindClaim(bench, { hostPath: { path: '/tmp' }, accessModes: ['ReadWriteOncePod'] });
  await bench.volumes.setUp(podWith({ volumes: [volume] }, 'one'), never);
  const second = podWith({ volumes: [volume] }, 'two');
  await assert.rejects(bench.volumes.setUp(second, never), /ReadWriteOncePod access mode and is already in use by another pod/);
  await bench.volumes.tearDown('uid-one');
  await bench.volumes.setUp(second, never);
  await bench.volumes.tearDown('uid-two');
  const atOnce = ['three', 'four'].map((name) => bench.volumes.setUp(podWith({ volumes: [volume] }, name), never));
  const outcomes = (await Promise.allSettled(atOnce)).map(({ status }) => status);
  assert.deepEqual(outcomes.sort(), ['fulfilled', 'rejected']);
});

test('an ephemeral claim must belong to its pod', async () => {
  await using bench = await createVolumesBench();
  bindClaim(bench, { hostPath: { path: '/tmp' } });
  bench.api.put(persistentVolumeClaimKind, {
    metadata: { name: 'web-scratch', namespace: 'default', uid: 'uid-claim' },
    spec: { volumeName: 'pv-1' },
    status: { phase: 'Bound' },
  } as never);
  const pod = podWith({ volumes: [{ name: 'scratch', ephemeral: {} }] });
  await assert.rejects(
    bench.volumes.setUp(pod, never),
    /PVC default\/web-scratch was not created for pod default\/web \(pod is not owner\)/,
  );
});

test('a host directory that is still mounted in a volume is never emptied by taking the pod down', async () => {
  await using bench = await createVolumesBench();
  await mkdir(bench.file('host', 'sub'), { recursive: true });
  await writeFile(bench.file('host', 'sub', 'data'), 'kept');
  const pod = podWith({ volumes: [{ name: 'scratch', emptyDir: {} }] });
  await bench.volumes.setUp(pod, never);
  const volume = await hostPathOf(bench, pod, 'scratch');
  await mkdir(`${volume}/mnt`);
  await bench.mounts.bind({ source: bench.file('host'), target: `${volume}/mnt` });
  await symlink(bench.file('host'), `${volume}/link`);
  await bench.restarted().tearDown('uid-web');
  assert.equal(await readFile(bench.file('host', 'sub', 'data'), 'utf8'), 'kept');
  assert.deepEqual(await readdir(bench.file('pods', 'uid-web')), []);
});

test('what a kubelet was killed in the middle of is taken down by the next', async () => {
  await using bench = await createVolumesBench();
  const base = bench.file('pods', 'uid-dead');
  await mkdir(`${base}/volumes/kubernetes.io~secret/s`, { recursive: true });
  await bench.mounts.mount({ source: 'tmpfs', target: `${base}/volumes/kubernetes.io~secret/s`, fsType: 'tmpfs' });
  await bench.mounts.mount({ source: 'tmpfs', target: `${base}/volumes/kubernetes.io~secret/s`, fsType: 'tmpfs' });
  await mkdir(`${base}/volume-subpaths/s/main/0`, { recursive: true });
  await bench.mounts.bind({ source: `${base}/volumes/kubernetes.io~secret/s`, target: `${base}/volume-subpaths/s/main/0` });
  assert.deepEqual(await bench.volumes.known(), ['uid-dead']);
  await bench.volumes.tearDown('uid-dead');
  assert.deepEqual(await readdir(base), []);
  await bench.volumes.tearDown('uid-never-seen');
  await assert.rejects(async () => bench.volumes.tearDown('../uid-dead'), /is no uid of a pod/);
  await rm(base, { recursive: true });
});

test('an image as a volume is refused where the runtime cannot mount one', async () => {
  await using bench = await createVolumesBench();
  const pod = podWith({ volumes: [{ name: 'files', image: { reference: 'registry.test/x:1' } }] });
  await assert.rejects(bench.volumes.setUp(pod, never), /volume "files": the container runtime cannot mount images/);
});

test('mounts below the directory of the kubelet reach containers, also on a machine that shares none', async () => {
  await using bench = await createVolumesBench();
  const entry = await bench.mounts.at(bench.root);
  const shared = mountOf(await bench.mounts.list(), bench.root);
  assert.ok(shared?.optionalFields.some((field) => field.startsWith('shared:')));
  await using _again = await bench.startedAnew();
  assert.deepEqual(await bench.mounts.at(bench.root), entry);
});

test('a share of NFS is mounted with its options, once', async () => {
  const programs = recordedPrograms();
  const mounts = createMounts({ run: programs.run });
  await using bench = await createVolumesBench({ mounts });
  const shares: V1Volume[] = [
    { name: 'share', nfs: { server: '2001:db8::1', path: '/export', readOnly: true } },
    bindClaim(bench, { nfs: { server: 'nas', path: '/x' }, mountOptions: ['vers=4.1', 'hard'] }),
  ];
  const pod = podWith({ volumes: shares });
  await bench.volumes.setUp(pod, never);
  await bench.volumes.setUp(pod, never);
  const directory = (name: string) => bench.file('pods', 'uid-web', 'volumes', 'kubernetes.io~nfs', name);
  assert.deepEqual(programs.lines.filter((line) => line.includes('nfs')).sort(), [
    `mount --no-canonicalize -t nfs -o ro -- [2001:db8::1]:/export ${directory('share')}`,
    `mount --no-canonicalize -t nfs -o vers=4.1,hard -- nas:/x ${directory('pv-1')}`,
  ]);
  const { mounts: made } = await mountsOf(bench, pod);
  assert.deepEqual(
    made.map(({ readOnly }) => readOnly),
    [true, false],
  );
});

test('making a volume ready is measured once, by kind and end', async () => {
  const metrics = createKubeletMetrics();
  await using bench = await createVolumesBench({ metrics });
  const good = podWith({ volumes: [{ name: 'scratch', emptyDir: {} }] });
  await bench.volumes.setUp(good, never);
  await bench.volumes.setUp(good, never);
  const bad = podWith({ volumes: [{ name: 'host', hostPath: { path: bench.file('x'), type: 'File' } }] }, 'bad');
  await assert.rejects(bench.volumes.setUp(bad, never));
  const text = metrics.render('kubelet').get('storage_operation_duration_seconds') ?? '';
  assert.match(
    text,
    /_count\{volume_plugin="kubernetes.io\/empty-dir",operation_name="volume_mount",status="success",migrated="false"\} 1/,
  );
  assert.match(text, /_count\{volume_plugin="kubernetes.io\/host-path",.*status="fail-unknown",migrated="false"\} 1/);
});

test('a part that cannot begin says so at its end too, so that nobody waits for it', async () => {
  const programs = recordedPrograms(() => ({ exitCode: 32, stderr: 'not permitted' }));
  await using bench = await createVolumesBench();
  const unable = bench.restarted({ mounts: createMounts({ run: programs.run, readMountInfo: async () => '' }) });
  await assert.rejects(unable.start(never), /not permitted/);
  await assert.rejects(unable.done, /not permitted/);
});
