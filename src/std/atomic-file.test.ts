import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { linkAtomic, writeFileAtomic } from './atomic-file.ts';

const directory = await mkdtemp(join(tmpdir(), 'muster-atomic-'));
after(() => rm(directory, { recursive: true }));

test('a file is replaced with the mode that is given, in a directory that is made when it is missing', async () => {
  const path = join(directory, 'a', 'b', 'key.pem');
  await writeFileAtomic(path, 'one', { mode: 0o666 });
  assert.equal((await stat(path)).mode & 0o777, 0o666, 'whatever the umask says');
  await writeFileAtomic(path, Buffer.from('two'), { mode: 0o600 });
  assert.equal(await readFile(path, 'utf8'), 'two');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(directory, 'a', 'b')), ['key.pem']);
});

test('what cannot be written leaves nothing behind', async () => {
  const occupied = join(directory, 'occupied');
  await mkdir(join(occupied, 'full'), { recursive: true });
  await assert.rejects(writeFileAtomic(occupied, 'x', { mode: 0o600 }), { code: 'EISDIR' });
  assert.deepEqual(
    (await readdir(directory)).filter((name) => name.startsWith('.')),
    [],
  );
  await writeFile(join(directory, 'file'), '');
  await assert.rejects(writeFileAtomic(join(directory, 'file', 'below'), 'x', { mode: 0o600 }), { code: 'ENOTDIR' });
});

test('a link that cannot be put in its place leaves nothing behind', async () => {
  const taken = join(directory, 'taken');
  await mkdir(join(taken, 'inside'), { recursive: true });
  await assert.rejects(linkAtomic(taken, 'elsewhere'), { code: 'EISDIR' });
  assert.deepEqual(
    (await readdir(directory)).filter((name) => name.startsWith('.link-')),
    [],
  );
});
