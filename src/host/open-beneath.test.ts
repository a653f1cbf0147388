import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { openBeneath } from './open-beneath.ts';

test('a file below a directory is opened by its path', async () => {
  await using directory = await temporaryDirectory();
  await mkdir(directory.file('a', 'b'), { recursive: true });
  await writeFile(directory.file('a', 'b', 'c'), 'found');
  const file = await openBeneath(directory.path, 'a/./b//c');
  assert.equal(await file.readFile('utf8'), 'found');
  await file.close();
});

test('neither symbolic links nor steps upwards lead out of the directory', async () => {
  await using directory = await temporaryDirectory();
  await mkdir(directory.file('in'));
  await writeFile(directory.file('secret'), 'secret');
  await symlink(directory.path, directory.file('in', 'up'));
  await symlink(directory.file('secret'), directory.file('in', 'link'));
  const refused: readonly [string, RegExp][] = [
    ['link', /ELOOP/],
    ['up/secret', /ENOTDIR|ELOOP/],
    ['../secret', /EINVAL/],
    [directory.file('secret'), /EINVAL/],
    ['', /EINVAL/],
    ['nothing', /ENOENT/],
  ];
  for (const [path, error] of refused) await assert.rejects(openBeneath(directory.file('in'), path), error, path);
});
