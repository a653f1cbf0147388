import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMounts } from './mounts.ts';
import { openEntry } from './open-entry.ts';
import { makeDirectoriesBelow, namesOf, openBelow } from './paths-below.ts';
import { recordedPrograms } from './recorded-programs.ts';
import { removeTree } from './remove-tree.ts';

async function scratch() {
  const path = await mkdtemp(join(tmpdir(), 'tree-test-'));
  const mounts = createMounts();
  return {
    path,
    mounts,
    file: (...names: string[]) => join(path, ...names),
    [Symbol.asyncDispose]: async () => {
      await mounts.unmountAll(path);
      await rm(path, { recursive: true, force: true });
    },
  };
}

test('a path is cut into names, and one that leads out is refused', () => {
  assert.deepEqual(namesOf('a//./b/'), ['a', 'b']);
  for (const path of ['/a', '..', 'a/../b', 'a/..', 'a\0b']) assert.throws(() => namesOf(path), { code: 'PATH_ESCAPES' });
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', '..', '.', '', 'b..', '..c')), (parts) => {
      const escapes = parts.includes('..') || (parts.length > 1 && parts[0] === '');
      if (escapes) assert.throws(() => namesOf(parts.join('/')));
      else assert.ok(namesOf(parts.join('/')).every((name) => name !== '' && name !== '..'));
    }),
  );
});

test('no link below a directory is followed, be it at the end or on the way', async () => {
  await using place = await scratch();
  await mkdir(place.file('base', 'deep'), { recursive: true });
  await writeFile(place.file('secret'), 'host');
  await symlink('..', place.file('base', 'up'));
  await symlink(place.file('secret'), place.file('base', 'deep', 'link'));
  for (const path of ['up', 'up/secret', 'deep/link'])
    await assert.rejects(openBelow(place.file('base'), path), { code: 'PATH_IS_LINK' });
  await assert.rejects(makeDirectoriesBelow(place.file('base'), 'up/new', 0o755), { code: 'PATH_IS_LINK' });
  assert.ok(!existsSync(place.file('new')));
  await using deep = await openBelow(place.file('base'), 'deep');
  assert.deepEqual(await readdir(deep.path), ['link']);
});

test('what is refused leaves nothing open', async () => {
  await using place = await scratch();
  await mkdir(place.file('base', 'deep'), { recursive: true });
  await symlink('..', place.file('base', 'deep', 'up'));
  await writeFile(place.file('base', 'file'), '');
  for (const path of ['../base', '/deep', 'deep/\0', 'deep/up', 'deep/missing/more', 'file/in', 'deep/..'])
    await assert.rejects(openBelow(place.file('base'), path));
  for (const path of ['../base', '/deep', 'deep/\0', 'deep/up/new', 'file/in'])
    await assert.rejects(makeDirectoriesBelow(place.file('base'), path, 0o755));
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
  assert.deepEqual(
    (await Promise.all(links)).filter((target) => target.startsWith(place.path)),
    [],
  );
});

test('an open place stays the one it was when its name becomes a link', async () => {
  await using place = await scratch();
  await mkdir(place.file('meant'));
  await mkdir(place.file('other'));
  await using entry = await openEntry(place.file('meant'));
  await rename(place.file('meant'), place.file('moved'));
  await symlink(place.file('other'), place.file('meant'));
  await writeFile(`${entry.path}/here`, '');
  assert.deepEqual([await readdir(place.file('moved')), await readdir(place.file('other'))], [['here'], []]);
});

test('missing directories are made with exactly the mode asked for, those that are there keep theirs', async () => {
  await using place = await scratch();
  await mkdir(place.file('there'));
  await chmod(place.file('there'), 0o700);
  await using made = await makeDirectoriesBelow(place.path, 'there/a/b', 0o2777);
  assert.equal(Number(made.stats.isDirectory()), 1);
  const modes = await Promise.all(
    ['there', 'there/a', 'there/a/b'].map(async (name) => (await stat(place.file(name))).mode & 0o7777),
  );
  assert.deepEqual(modes, [0o700, 0o2777, 0o2777]);
});

test('a tree is removed with its links, and what they point at stays', async () => {
  await using place = await scratch();
  await mkdir(place.file('tree', 'a', 'b'), { recursive: true });
  await mkdir(place.file('host'));
  await writeFile(place.file('host', 'data'), 'kept');
  await symlink(place.file('host'), place.file('tree', 'a', 'dir-link'));
  await symlink(place.file('host', 'data'), place.file('tree', 'file-link'));
  await writeFile(Buffer.concat([Buffer.from(place.file('tree', 'a')), Buffer.from('/\xff\xfe', 'latin1')]), 'no text');
  await removeTree(place.file('tree'));
  assert.deepEqual(await readdir(place.path), ['host']);
  assert.deepEqual(await readdir(place.file('host')), ['data']);
  await removeTree(place.file('tree'));
  await removeTree(place.file('nowhere', 'at', 'all'));
});

test('a link in place of the tree goes, a file too', async () => {
  await using place = await scratch();
  await mkdir(place.file('host'));
  await writeFile(place.file('host', 'data'), 'kept');
  await symlink(place.file('host'), place.file('tree'));
  await writeFile(place.file('file'), '');
  await removeTree(place.file('tree'));
  await removeTree(place.file('file'));
  assert.deepEqual(await readdir(place.path), ['host']);
  assert.deepEqual(await readdir(place.file('host')), ['data']);
});

for (const where of ['at the top', 'below']) {
  test(`what is bind-mounted ${where} is never emptied, though it is the same file system`, async () => {
    await using place = await scratch();
    const target = where === 'below' ? place.file('tree', 'a', 'mnt') : place.file('tree');
    await mkdir(target, { recursive: true });
    await mkdir(place.file('host', 'sub'), { recursive: true });
    await writeFile(place.file('host', 'sub', 'data'), 'kept');
    await place.mounts.bind({ source: place.file('host'), target });
    await assert.rejects(removeTree(place.file('tree')), { code: 'TREE_HAS_MOUNT' });
    assert.deepEqual(await readdir(place.file('host', 'sub')), ['data']);
    await place.mounts.unmount(target);
    await removeTree(place.file('tree'));
    assert.deepEqual(await readdir(place.path), ['host']);
  });
}

test('a bind-mounted file is not removed either', async () => {
  await using place = await scratch();
  await mkdir(place.file('tree'));
  await writeFile(place.file('tree', 'mnt'), '');
  await writeFile(place.file('data'), 'kept');
  await place.mounts.bind({ source: place.file('data'), target: place.file('tree', 'mnt') });
  await assert.rejects(removeTree(place.file('tree')), { code: 'TREE_HAS_MOUNT' });
});

test('a tree deeper than any path may be long is removed', async () => {
  await using place = await scratch();
  await mkdir(place.file('tree'));
  let entry = await openEntry(place.file('tree'));
  for (let depth = 0; depth < 1000; depth++) {
    await mkdir(`${entry.path}/deep`);
    const next = await openEntry(`${entry.path}/deep`);
    await entry[Symbol.asyncDispose]();
    entry = next;
  }
  await entry[Symbol.asyncDispose]();
  await removeTree(place.file('tree'));
  assert.deepEqual(await readdir(place.path), []);
});

test('programs of a test are recorded with their input and fail as told', async () => {
  const programs = recordedPrograms(({ program }) => (program === 'false' ? { exitCode: 1, stderr: 'no' } : { stdout: 'yes' }));
  assert.equal((await programs.run('cat', ['a'], { input: 'text' })).stdout, 'yes');
  await assert.rejects(programs.run('false', []), /ended with status 1: no/);
  assert.deepEqual(programs.calls, [
    { program: 'cat', args: ['a'], input: 'text' },
    { program: 'false', args: [] },
  ]);
});
