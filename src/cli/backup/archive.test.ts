import assert from 'node:assert/strict';
import { chmod, lstat, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { FORMAT, type Manifest, readManifest, writeArchive } from './archive.ts';

const manifest: Manifest = { format: FORMAT, kind: 'cluster', name: 'c', createdAt: '2026-01-01T00:00:00Z', writtenBy: 'test' };

test('an archive is written to a file of its own, whatever lies where it is made', async () => {
  await using directory = await temporaryDirectory();
  const [key, open, elsewhere] = [directory.file('ca.key'), directory.file('open'), directory.file('elsewhere')];
  await writeFile(key, 'secret');
  for (const prepare of [
    async (partial: string) => {
      await writeFile(partial, '');
      await chmod(partial, 0o666);
    },
    async (partial: string) => {
      await writeFile(elsewhere, 'kept');
      await symlink(elsewhere, partial);
    },
  ]) {
    await prepare(`${open}.partial`);
    await writeArchive(open, { manifest, contents: [{ path: 'ca.key', file: key }], key: undefined });
    assert.equal((await lstat(open)).isFile(), true);
    assert.equal((await stat(open)).mode & 0o777, 0o600);
    assert.deepEqual(await readManifest(open, undefined), manifest);
  }
  assert.equal(await readFile(elsewhere, 'utf8'), 'kept');
});
