import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { makeDirectories, makeDirectoriesSync } from './directories.ts';

const root = mkdtempSync(join(tmpdir(), 'muster-directories-'));
after(() => rmSync(root, { recursive: true, force: true }));

const forms = [
  { name: 'makeDirectories', make: makeDirectories },
  { name: 'makeDirectoriesSync', make: async (path: string, mode?: number) => makeDirectoriesSync(path, mode) },
];

for (const { name, make } of forms)
  describe(name, () => {
    it('makes what is missing with the mode asked for and returns the first that it made', async () => {
      const first = join(root, name);
      assert.equal(await make(join(first, 'b', 'c'), 0o700), first);
      assert.deepEqual(
        [first, join(first, 'b'), join(first, 'b', 'c')].map((path) => statSync(path).mode & 0o777),
        [0o700, 0o700, 0o700],
      );
    });

    it('returns undefined of what is there, also through a link', async () => {
      const link = join(root, `${name}-link`);
      symlinkSync(root, link);
      assert.equal(await make(root), undefined);
      assert.equal(await make(link), undefined);
      assert.equal(await make('/'), undefined);
    });

    it('refuses what is a file or lies below one', async () => {
      const file = join(root, `${name}-file`);
      writeFileSync(file, '');
      await assert.rejects(make(file), { code: 'EEXIST' });
      await assert.rejects(make(join(file, 'below')), { code: 'ENOTDIR' });
    });

    it('comes back from a file system in which nothing can be made', async () => {
      await assert.rejects(make('/proc/muster-none/below'), { code: 'ENOENT' });
    });
  });
