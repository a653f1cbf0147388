import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { mountsBelow } from '../../host/mount-info.ts';
import { createMounts } from '../../host/mounts.ts';
import { createVolumesBench, hostPathOf, mountsOf, never, podWith } from '../testing/volumes-bench.ts';

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

test('a part that is made has all of its volume’s mode: one in memory is everybody’s, and keeps each one’s files', async () => {
  await using bench = await createVolumesBench();
  const pod = podWith({ volumes: [{ name: 'scratch', emptyDir: {} }] });
  await bench.volumes.setUp(pod, never);
  await chmod(bench.file('pods/uid-web/volumes/kubernetes.io~empty-dir/scratch'), 0o3777);
  const { mounts } = await mountsOf(bench, pod, [{ name: 'scratch', mountPath: '/data', subPath: 'made' }]);
  assert.equal((await stat(mounts[0]!.hostPath)).mode & 0o7777, 0o3777);
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
  const mounted = async () => mountsBelow(await bench.mounts.list(), bench.root).length;
  const before = await mounted();
  const again = await mountsOf(bench, pod, wanted, environment);
  assert.deepEqual(
    again.mounts.map(({ hostPath }) => hostPath),
    mounts.map(({ hostPath }) => hostPath),
  );
  assert.equal(await mounted(), before);
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

test('a part of a host path is looked for where file systems that do not answer are waited for, and nowhere else', async () => {
  const asked: string[] = [];
  const mounts = createMounts();
  const at = (path: string) => {
    asked.push(path);
    return mounts.at(path);
  };
  await using bench = await createVolumesBench({ mounts: { ...mounts, at } });
  await mkdir(bench.file('share', 'data'), { recursive: true });
  const pod = podWith({ volumes: [{ name: 'host', hostPath: { path: bench.file('share') } }] });
  await bench.volumes.setUp(pod, never);
  await mountsOf(bench, pod, [{ name: 'host', mountPath: '/x', subPath: 'data' }]);
  assert.deepEqual(
    asked.filter((path) => path.startsWith(bench.file('share'))),
    [],
  );
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
