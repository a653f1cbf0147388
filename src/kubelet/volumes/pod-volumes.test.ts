import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1PersistentVolumeSpec, V1Pod, V1Volume, V1VolumeMount } from '../../api/gen/types.ts';
import { createMounts } from '../../host/mounts.ts';
import { recordedPrograms } from '../../host/recorded-programs.ts';
import { createKubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { createVolumesBench, podWith, type VolumesBench } from '../testing/volumes-bench.ts';
import { mountOf } from './shared-root.ts';

const never = new AbortController().signal;
const b64 = (text: string) => Buffer.from(text).toString('base64');
const mountsOf = (
  bench: VolumesBench,
  pod: V1Pod,
  mounts?: V1VolumeMount[],
  environment: { name: string; value: string }[] = [],
) => bench.volumes.mountsOf(pod, mounts ? { name: 'main', volumeMounts: mounts } : pod.spec!.containers[0]!, environment);

async function hostPathOf(bench: VolumesBench, pod: V1Pod, name: string): Promise<string> {
  const { mounts } = await mountsOf(bench, pod);
  return mounts.find(({ containerPath }) => containerPath === `/${name}`)!.hostPath;
}

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

test('huge pages that the machine does not have are refused by name', async () => {
  await using bench = await createVolumesBench();
  const pod = podWith({ volumes: [{ name: 'huge', emptyDir: { medium: 'HugePages-3Mi' } }] });
  await assert.rejects(bench.volumes.setUp(pod, never), {
    message: 'MountVolume.SetUp failed for volume "huge" : medium HugePages-3Mi: this machine has no huge pages of size 3Mi',
  });
});

test('a missing ConfigMap or Secret is named, and its coming is told', async () => {
  await using bench = await createVolumesBench();
  const pod = podWith({ volumes: [{ name: 'config', configMap: { name: 'settings' } }] });
  await assert.rejects(bench.volumes.setUp(pod, never), {
    name: 'PodPartError',
    reason: 'FailedMount',
    message: 'MountVolume.SetUp failed for volume "config" : configmap "settings" not found',
  });
  const told = new Promise((resolve) => bench.volumes.subscribe(resolve));
  bench.api.put(configMapKind, { metadata: { name: 'settings', namespace: 'default' }, data: { key: 'value' } } as never);
  assert.equal(await told, 'uid-web');
  await bench.volumes.setUp(pod, never);
  assert.equal(await readFile(`${await hostPathOf(bench, pod, 'config')}/key`, 'utf8'), 'value');
});

test('ConfigMaps and Secrets are shown with their modes, read only, and changes arrive in place', async () => {
  await using bench = await createVolumesBench();
  const meta = (name: string) => ({ name, namespace: 'default' });
  bench.api.put(configMapKind, { metadata: meta('settings'), data: { a: '1' }, binaryData: { raw: 'AP8=' } } as never);
  bench.api.put(secretKind, { metadata: meta('keys'), data: { k: b64('hush'), other: b64('o') } } as never);
  const pod = podWith({
    volumes: [
      { name: 'config', configMap: { name: 'settings', defaultMode: 0o640 } },
      { name: 'keys', secret: { secretName: 'keys', items: [{ key: 'k', path: 'deep/key', mode: 0o400 }] } },
      { name: 'none', secret: { secretName: 'absent', optional: true } },
    ],
  });
  await bench.volumes.setUp(pod, never);
  const [config, keys, none] = await Promise.all(['config', 'keys', 'none'].map((name) => hostPathOf(bench, pod, name)));
  assert.deepEqual(await readFile(`${config}/raw`), Buffer.from([0, 255]));
  assert.deepEqual([(await stat(`${config}/a`)).mode & 0o7777, (await stat(`${keys}/deep/key`)).mode & 0o7777], [0o640, 0o400]);
  assert.deepEqual(await readdir(`${keys}/deep`), ['key']);
  assert.equal((await bench.mounts.at(keys!))?.fsType, 'tmpfs');
  assert.equal(await bench.mounts.at(config!), undefined);
  assert.deepEqual((await readdir(none!)).length, 2);
  assert.ok((await mountsOf(bench, pod)).mounts.every(({ readOnly }) => readOnly));

  const told = new Promise((resolve) => bench.volumes.subscribe(resolve));
  bench.api.change(configMapKind, 'settings', 'default', (object) => Object.assign(object, { data: { b: '2' } }));
  assert.equal(await told, 'uid-web');
  await bench.volumes.setUp(pod, never);
  assert.equal(await readFile(`${config}/b`, 'utf8'), '2');
  assert.ok(!existsSync(`${config}/a`));
  assert.equal(await readlink(`${config}/b`), '..data/b');
});

test('a ConfigMap that is deleted while it is mounted stays as it was, with an event', async () => {
  await using bench = await createVolumesBench();
  bench.api.put(configMapKind, { metadata: { name: 'settings', namespace: 'default' }, data: { a: '1' } } as never);
  const pod = podWith({ volumes: [{ name: 'config', configMap: { name: 'settings' } }] });
  await bench.volumes.setUp(pod, never);
  bench.api.remove(configMapKind, 'settings', 'default');
  const restarted = bench.restarted();
  await restarted.setUp(pod, never);
  assert.deepEqual(bench.events, [
    'Warning FailedMount MountVolume.SetUp failed for volume "config" : configmap "settings" not found',
  ]);
  assert.equal(await readFile(`${await hostPathOf(bench, pod, 'config')}/a`, 'utf8'), '1');
  await restarted.tearDown('uid-web');
});

test('keys that lead out of the volume are refused before anything is written', async () => {
  await using bench = await createVolumesBench();
  bench.api.put(configMapKind, { metadata: { name: 'settings', namespace: 'default' }, data: { a: '1' } } as never);
  const source = { name: 'settings', items: [{ key: 'a', path: '../../../escaped' }] };
  const pod = podWith({ volumes: [{ name: 'config', configMap: source }] });
  await assert.rejects(bench.volumes.setUp(pod, never), /invalid path: must not contain '\.\.'/);
  assert.ok(!existsSync(bench.file('pods', 'uid-web', 'escaped')));
});

test('only what the pods name is watched, each object once, and no longer than they are here', async () => {
  await using bench = await createVolumesBench();
  bench.api.put(configMapKind, { metadata: { name: 'settings', namespace: 'default' }, data: { a: '1' } } as never);
  bench.api.put(configMapKind, { metadata: { name: 'fixed', namespace: 'default' }, data: {}, immutable: true } as never);
  const volumes: V1Volume[] = ['settings', 'fixed'].map((name) => ({ name, configMap: { name } }));
  for (const name of ['one', 'two']) await bench.volumes.setUp(podWith({ volumes }, name), never);
  assert.equal(bench.api.count('list', 'configmaps'), 2);
  bench.api.remove(configMapKind, 'fixed', 'default');
  await bench.volumes.setUp(podWith({ volumes }, 'two'), never);
  assert.deepEqual(bench.events, []);
  const watches = bench.api.calls.filter(({ verb }) => verb === 'watch').map(({ name }) => name);
  assert.ok(watches.every((name) => name.startsWith('metadata.name=')));
  for (const name of ['one', 'two']) await bench.volumes.tearDown(`uid-${name}`);
  assert.equal((bench.volumes.objects as { size?: number }).size, 0);
});

test('the downward API shows the pod as it is now', async () => {
  await using bench = await createVolumesBench();
  const items = [
    { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
    { path: 'cpu', resourceFieldRef: { containerName: 'main', resource: 'limits.cpu', divisor: '1m' } },
  ];
  const pod = podWith({ volumes: [{ name: 'info', downwardAPI: { items } }] });
  await bench.volumes.setUp(pod, never);
  const path = await hostPathOf(bench, pod, 'info');
  assert.deepEqual([await readFile(`${path}/labels`, 'utf8'), await readFile(`${path}/cpu`, 'utf8')], ['app="web"', '4000']);
  pod.metadata!.labels!['tier'] = 'front';
  await bench.volumes.setUp(pod, never);
  assert.equal(await readFile(`${path}/labels`, 'utf8'), 'app="web"\ntier="front"');
});

function issueTokens(bench: VolumesBench): { issued: number } {
  const state = { issued: 0 };
  bench.api.review = (object) => {
    const { expirationSeconds } = object['spec'] as { expirationSeconds: number };
    const expirationTimestamp = new Date(bench.clock.now() + expirationSeconds * 1000).toISOString();
    return { ...object, status: { token: `token-${++state.issued}`, expirationTimestamp } };
  };
  return state;
}

const tokenPod = (spec: object = {}) =>
  podWith({
    volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 600 } }] } }],
    ...spec,
  });

test('a token is renewed at 80 % of its life, and told of when it is time', async () => {
  await using bench = await createVolumesBench();
  const state = issueTokens(bench);
  const pod = tokenPod();
  await bench.volumes.setUp(pod, never);
  const path = `${await hostPathOf(bench, pod, 'token')}/token`;
  assert.equal(await readFile(path, 'utf8'), 'token-1');
  const told: string[] = [];
  bench.volumes.subscribe((uid) => told.push(uid));
  await bench.clock.advance(470_000);
  await bench.volumes.setUp(pod, never);
  assert.deepEqual([told, state.issued], [[], 1]);
  await bench.clock.advance(10_000);
  assert.deepEqual(told, ['uid-web']);
  await bench.volumes.setUp(pod, never);
  assert.equal(await readFile(path, 'utf8'), 'token-2');
  bench.api.before = () => {
    throw new Error('the server is away');
  };
  await bench.clock.advance(590_000);
  await bench.volumes.setUp(pod, never);
  assert.equal(await readFile(path, 'utf8'), 'token-2');
  assert.deepEqual(bench.events, []);
  await bench.clock.advance(20_000);
  await bench.volumes.setUp(pod, never);
  assert.match(bench.events.join(), /token expired and refresh failed: the server is away/);
  assert.ok(bench.lines.every((line) => !line.includes('token-')));
});

test('a token belongs to the user of the containers, or to the group of the pod', async () => {
  await using bench = await createVolumesBench();
  issueTokens(bench);
  const modeOf = async (name: string, securityContext: object) => {
    const pod = { ...tokenPod({ securityContext }), metadata: { name, namespace: 'default', uid: `uid-${name}` } };
    await bench.volumes.setUp(pod, never);
    const { mode, uid, gid } = await stat(`${await hostPathOf(bench, pod, 'token')}/token`);
    return [mode & 0o7777, uid, gid];
  };
  assert.deepEqual(await modeOf('plain', {}), [0o644, 0, 0]);
  assert.deepEqual(await modeOf('user', { runAsUser: 1234 }), [0o600, 1234, 0]);
  assert.deepEqual(await modeOf('group', { runAsUser: 1234, fsGroup: 4321 }), [0o640, 1234, 4321]);
});

test('a projected volume gathers its sources, and names all that is wrong with them', async () => {
  await using bench = await createVolumesBench();
  bench.api.put(configMapKind, { metadata: { name: 'settings', namespace: 'default' }, data: { a: '1' } } as never);
  const sources = [
    { configMap: { name: 'settings', items: [{ key: 'a', path: 'config/a' }] } },
    { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
    { secret: { name: 'absent', optional: true } },
  ];
  const pod = podWith({ volumes: [{ name: 'all', projected: { sources, defaultMode: 0o600 } }] });
  await bench.volumes.setUp(pod, never);
  const path = await hostPathOf(bench, pod, 'all');
  assert.deepEqual([await readFile(`${path}/config/a`, 'utf8'), await readFile(`${path}/name`, 'utf8')], ['1', 'web']);
  const wrong = [{ secret: { name: 'x' } }, { configMap: { name: 'settings', items: [{ key: 'no', path: 'n' }] } }];
  const bad = podWith({ volumes: [{ name: 'all', projected: { sources: wrong } }] }, 'bad');
  await assert.rejects(bench.volumes.setUp(bad, never), {
    message:
      'MountVolume.SetUp failed for volume "all" : [secret "x" not found, configmap references non-existent config key: no]',
  });
  const bundle = podWith(
    { volumes: [{ name: 'all', projected: { sources: [{ clusterTrustBundle: { path: 'ca' } }] } }] },
    'bundle',
  );
  await assert.rejects(bench.volumes.setUp(bundle, never), /projected volume source clusterTrustBundle is not supported/);
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

test('volumes of the pod alone get the SELinux label of the first container that mounts them', async () => {
  await using bench = await createVolumesBench();
  const pod = podWith({
    volumes: [
      { name: 'scratch', emptyDir: {} },
      { name: 'host', hostPath: { path: '/tmp' } },
    ],
  });
  await bench.volumes.setUp(pod, never);
  const labels = async () => (await mountsOf(bench, pod)).mounts.map(({ selinuxRelabel = false }) => selinuxRelabel);
  assert.deepEqual(await labels(), [true, false]);
  await bench.volumes.setUp(pod, never);
  assert.deepEqual(await labels(), [false, false]);
});

test('parts of volumes are held fast: files and directories, made when missing, the same for a restarted container', async () => {
  await using bench = await createVolumesBench();
  bench.api.put(configMapKind, { metadata: { name: 'settings', namespace: 'default' }, data: { a: '1' } } as never);
  const pod = podWith({
    securityContext: { fsGroup: 4242 },
    volumes: [
      { name: 'scratch', emptyDir: {} },
      { name: 'config', configMap: { name: 'settings' } },
    ],
  });
  await bench.volumes.setUp(pod, never);
  const wanted = [
    { name: 'scratch', mountPath: '/data', subPath: 'made/for/me' },
    { name: 'config', mountPath: '/a', subPath: 'a' },
    { name: 'scratch', mountPath: '/mine', subPathExpr: '$(POD)/x' },
  ];
  const environment = [{ name: 'POD', value: 'web' }];
  const { mounts } = await mountsOf(bench, pod, wanted, environment);
  assert.equal(mounts[0]!.hostPath, bench.file('pods', 'uid-web', 'volume-subpaths', 'scratch', 'main', '0'));
  const { mode, gid } = await stat(mounts[0]!.hostPath);
  assert.deepEqual([mode & 0o7777, gid], [0o2777, 4242]);
  assert.equal(await readFile(mounts[1]!.hostPath, 'utf8'), '1');
  assert.ok(existsSync(bench.file('pods/uid-web/volumes/kubernetes.io~empty-dir/scratch/web/x')));
  const before = (await bench.mounts.list()).length;
  const again = await mountsOf(bench, pod, wanted, environment);
  assert.deepEqual(
    again.mounts.map(({ hostPath }) => hostPath),
    mounts.map(({ hostPath }) => hostPath),
  );
  assert.equal((await bench.mounts.list()).length, before);
  const told = new Promise((resolve) => bench.volumes.subscribe(resolve));
  bench.api.change(configMapKind, 'settings', 'default', (object) => Object.assign(object, { data: { a: '2' } }));
  await told;
  await bench.volumes.setUp(pod, never);
  assert.equal(await readFile(mounts[1]!.hostPath, 'utf8'), '1');
  await mountsOf(bench, pod, wanted, environment);
  assert.equal(await readFile(mounts[1]!.hostPath, 'utf8'), '2');
  await bench.restarted().tearDown('uid-web');
  assert.deepEqual(await readdir(bench.file('pods', 'uid-web')), []);
});

test('a part that a container has replaced by a link to the host is refused', async () => {
  await using bench = await createVolumesBench();
  await mkdir(bench.file('host'));
  await writeFile(bench.file('host', 'shadow'), 'secret');
  const pod = podWith({ volumes: [{ name: 'scratch', emptyDir: {} }] });
  await bench.volumes.setUp(pod, never);
  const volume = await hostPathOf(bench, pod, 'scratch');
  await symlink(bench.file('host'), `${volume}/link`);
  await symlink('../../../../../host', `${volume}/relative`);
  await symlink('inside', `${volume}/fine`);
  await mkdir(`${volume}/inside`);
  for (const subPath of ['link', 'link/shadow', 'relative', 'link/new'])
    await assert.rejects(mountsOf(bench, pod, [{ name: 'scratch', mountPath: '/x', subPath }]), {
      reason: 'CreateContainerConfigError',
      message: 'failed to prepare subPath for volumeMount "scratch" of container "main"',
    });
  assert.deepEqual(await readdir(bench.file('host')), ['shadow']);
  const { mounts } = await mountsOf(bench, pod, [{ name: 'scratch', mountPath: '/x', subPath: 'fine' }]);
  assert.deepEqual(await readdir(mounts[0]!.hostPath), []);
  for (const [subPath, message] of [
    ['/etc', 'error SubPath `/etc` must not be an absolute path'],
    ['a/../..', "unable to provision SubPath `a/../..`: must not contain '..'"],
  ] as const)
    await assert.rejects(mountsOf(bench, pod, [{ name: 'scratch', mountPath: '/x', subPath }]), { message });
  await assert.rejects(mountsOf(bench, pod, [{ name: 'scratch', mountPath: '/x', subPathExpr: '$(NO)' }]), {
    message: 'missing value for "NO"',
  });
});

test('a part that is swapped for a link all the while leads nowhere but into the volume', async () => {
  await using bench = await createVolumesBench();
  await mkdir(bench.file('host'));
  const pod = podWith({ volumes: [{ name: 'scratch', emptyDir: {} }] });
  await bench.volumes.setUp(pod, never);
  const volume = await hostPathOf(bench, pod, 'scratch');
  await mkdir(`${volume}/inside/part`, { recursive: true });
  await mkdir(bench.file('host', 'part'));
  let over = false;
  const swapping = (async () => {
    for (let i = 0; !over; i++) {
      await symlink(i % 2 ? bench.file('host') : 'inside', `${volume}/next`);
      await rename(`${volume}/next`, `${volume}/gate`);
    }
  })();
  const hostInode = (await stat(bench.file('host', 'part'))).ino;
  let mounted = 0;
  for (let i = 0; i < 60; i++) {
    const attempt = mountsOf(bench, pod, [{ name: 'scratch', mountPath: '/x', subPath: 'gate/part' }]);
    const { mounts } = await attempt.catch(() => ({ mounts: [] }));
    if (mounts.length === 0) continue;
    mounted++;
    assert.notEqual((await stat(mounts[0]!.hostPath)).ino, hostInode);
  }
  over = true;
  await swapping;
  assert.deepEqual(await readdir(bench.file('host')), ['part']);
  assert.ok(mounted > 0);
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

test('recursive read-only mounts are refused where the runtime cannot make them', async () => {
  await using bench = await createVolumesBench();
  const pod = podWith({ volumes: [{ name: 'scratch', emptyDir: {} }] });
  await bench.volumes.setUp(pod, never);
  const mount = { name: 'scratch', mountPath: '/x', readOnly: true };
  await assert.rejects(mountsOf(bench, pod, [{ ...mount, recursiveReadOnly: 'Enabled' }]), /not supported by the runtime/);
  const { mounts } = await mountsOf(bench, pod, [{ ...mount, recursiveReadOnly: 'IfPossible' }]);
  assert.deepEqual([mounts[0]!.readOnly, mounts[0]!.recursiveReadOnly], [true, undefined]);
  await assert.rejects(
    mountsOf(bench, pod, [{ ...mount, readOnly: false, recursiveReadOnly: 'Enabled' }]),
    /requested recursive read-only mode, but it is not read-only/,
  );
  const shared = await mountsOf(bench, pod, [{ ...mount, mountPropagation: 'Bidirectional' }]);
  assert.equal(shared.mounts[0]!.propagation, 'bidirectional');
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
  await using again = await startAgain(bench);
  assert.deepEqual(await bench.mounts.at(bench.root), entry);
  assert.equal(again.started, true);
});

async function startAgain(bench: VolumesBench) {
  const volumes = bench.restarted();
  const end = new AbortController();
  await volumes.start(end.signal);
  return {
    started: true,
    [Symbol.asyncDispose]: async () => {
      end.abort();
      await volumes.done;
    },
  };
}

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
