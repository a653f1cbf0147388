import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { directoryNames } from './directory-names.ts';

test('names are told as bytes, however many there are', async () => {
  await using directory = await temporaryDirectory();
  const names = Array.from({ length: 1000 }, (_, i) => `f${i}`);
  await Promise.all(names.map((name) => writeFile(join(directory.path, name), '')));
  await mkdir(Buffer.concat([Buffer.from(`${directory.path}/`), Buffer.from('\xff', 'latin1')]));
  const found = (await Array.fromAsync(directoryNames(directory.path))).map((name) => name.toString('latin1'));
  assert.deepEqual(found.sort(), [...names, '\xff'].sort());
  await assert.rejects(Array.fromAsync(directoryNames(join(directory.path, 'nothing'))), { code: 'ENOENT' });
});
