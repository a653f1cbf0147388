import assert from 'node:assert/strict';
import { mkdir, mkdtemp, open, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createMounts } from './mounts.ts';
import { recordedPrograms } from './recorded-programs.ts';

async function scratch() {
  const path = await mkdtemp(join(tmpdir(), 'mounts-test-'));
  const mounts = createMounts();
  return {
    path,
    mounts,
    [Symbol.asyncDispose]: async () => {
      await mounts.unmountAll(path);
      await rm(path, { recursive: true, force: true });
    },
  };
}

test('a mount is asked for with its type and options, a bind mount is made read-only in a second step', async () => {
  const programs = recordedPrograms();
  const mounts = createMounts({ run: programs.run, readMountInfo: async () => '' });
  await mounts.mount({ source: 'server:/x', target: '/t', fsType: 'nfs', options: ['ro', 'vers=4'] });
  await mounts.bind({ source: '/a', target: '/b', readOnly: true });
  assert.deepEqual(programs.lines, [
    'mount --no-canonicalize -t nfs -o ro,vers=4 -- server:/x /t',
    'mount --no-canonicalize -o bind -- /a /b',
    'mount --no-canonicalize -o remount,bind,ro -- /a /b',
  ]);
});

test('a bind mount that cannot be made read-only does not stay writable', async () => {
  const programs = recordedPrograms(({ args }) =>
    args.includes('remount,bind,ro') ? { exitCode: 32, stderr: 'no' } : undefined,
  );
  const mounts = createMounts({ run: programs.run, readMountInfo: async () => '' });
  await assert.rejects(mounts.bind({ source: '/a', target: '/b', readOnly: true }), /status 32: no/);
  assert.equal(programs.lines.at(-1), 'umount --no-canonicalize -- /b');
});

test('a failed unmount counts only while something is mounted there', async () => {
  const programs = recordedPrograms(() => ({ exitCode: 32, stderr: 'busy' }));
  const info = '1 0 0:1 / /b rw - tmpfs tmpfs rw\n';
  await createMounts({ run: programs.run, readMountInfo: async () => '' }).unmount('/b');
  await assert.rejects(createMounts({ run: programs.run, readMountInfo: async () => info }).unmount('/b'), /busy/);
});

test('directories are bound, seen in the list, and unmounted with what is below', async () => {
  await using place = await scratch();
  const { mounts, path } = place;
  for (const name of ['a', 'b b', 'c']) await mkdir(join(path, name));
  await mkdir(join(path, 'a', 'deep'));
  await writeFile(join(path, 'a', 'file'), 'content');
  const target = join(path, 'b b');
  await mounts.bind({ source: join(path, 'a'), target, readOnly: true });
  await mounts.mount({ source: 'tmpfs', target: join(target, 'deep'), fsType: 'tmpfs', options: ['size=64k'] });
  assert.equal(await readFile(join(target, 'file'), 'utf8'), 'content');
  await assert.rejects(writeFile(join(target, 'file'), ''), { code: 'EROFS' });
  assert.equal((await mounts.at(join(target, 'deep')))?.fsType, 'tmpfs');
  await mounts.unmountAll(path);
  assert.equal(await mounts.at(target), undefined);
  assert.equal(await readFile(join(path, 'a', 'file'), 'utf8'), 'content');
});

test('an open directory is bound though its name leads elsewhere by now', async () => {
  await using place = await scratch();
  const { mounts, path } = place;
  for (const name of ['meant', 'other', 'target']) await mkdir(join(path, name));
  await writeFile(join(path, 'meant', 'file'), 'meant');
  const handle = await open(join(path, 'meant'), 'r');
  try {
    await rename(join(path, 'meant'), join(path, 'moved'));
    await symlink(join(path, 'other'), join(path, 'meant'));
    await mounts.bind({ source: `/proc/${process.pid}/fd/${handle.fd}`, target: join(path, 'target') });
  } finally {
    await handle.close();
  }
  assert.equal(await readFile(join(path, 'target', 'file'), 'utf8'), 'meant');
});

test('mounts below a link are found by its name', async () => {
  await using place = await scratch();
  const { mounts, path } = place;
  await mkdir(join(path, 'real', 'target'), { recursive: true });
  await symlink('real', join(path, 'link'));
  await mounts.mount({ source: 'tmpfs', target: join(path, 'link', 'target'), fsType: 'tmpfs' });
  assert.equal((await mounts.at(join(path, 'link', 'target')))?.mountPoint, join(path, 'real', 'target'));
  assert.equal(await mounts.at(join(path, 'link', 'absent', 'deeper')), undefined);
  await mounts.unmountAll(join(path, 'link', 'target'));
  assert.equal(await mounts.at(join(path, 'real', 'target')), undefined);
});
