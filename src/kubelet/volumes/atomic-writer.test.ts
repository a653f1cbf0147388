import assert from 'node:assert/strict';
import { chmod, chown, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { removeTree } from '../../host/remove-tree.ts';
import { type AtomicWriteSteps, hasPayload, writePayload } from './atomic-writer.ts';
import { checkPayloadPath, type Payload } from './payload.ts';
import { applyOwnership, modeFor } from './volume-ownership.ts';

const START = Date.UTC(2026, 10, 22, 8, 30);

const payloadOf = (files: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));

/** What a container sees, links followed; links that lead nowhere are not seen. */
async function seen(directory: string, below = ''): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of await readdir(`${directory}/${below}`)) {
    if (name.startsWith('..')) continue;
    const path = below ? `${below}/${name}` : name;
    const found = await stat(`${directory}/${path}`).catch(() => undefined);
    if (found?.isDirectory()) Object.assign(files, await seen(directory, path));
    else if (found) files[path] = await readFile(`${directory}/${path}`, 'utf8');
  }
  return files;
}

test('paths of a payload stay in the volume and off the names of the writer', () => {
  assert.equal(checkPayloadPath('a//./b/'), 'a/b');
  for (const [path, message] of [
    ['', 'invalid path: must not be empty: ""'],
    ['/a', 'invalid path: must be relative path: /a'],
    ['a/../b', "invalid path: must not contain '..': a/../b"],
    ['..data', "invalid path: must not start with '..': ..data"],
    ['./..data', "invalid path: must not start with '..': ./..data"],
    ['x'.repeat(256), 'invalid path: filenames must be less than or equal to 255 characters'],
    ['a/'.repeat(2049), 'invalid path: must be less than or equal to 4096 characters'],
    ['.', 'invalid path: names no file: "."'],
  ] as const)
    assert.throws(() => checkPayloadPath(path), { message });
  const part = fc.constantFrom('a', '..', '.', '', '..data', 'b..', '\0');
  fc.assert(
    fc.property(fc.array(part, { minLength: 1 }), (parts) => {
      let clean: string;
      try {
        clean = checkPayloadPath(parts.join('/'));
      } catch {
        return;
      }
      assert.ok(clean.split('/').every((name) => name !== '..' && name !== '' && name !== '.'));
      assert.ok(!clean.startsWith('..'));
    }),
  );
});

test('a payload is shown by links through ..data, with its modes, and the next one replaces it', async () => {
  await using directory = await temporaryDirectory();
  const at = directory.path;
  assert.equal(await hasPayload(at), false);
  assert.equal(await writePayload(at, payloadOf({ a: '1', 'deep/er/b': '2', constructor: 'c' }, 0o400), { nowMs: START }), true);
  assert.deepEqual(await seen(at), { a: '1', 'deep/er/b': '2', constructor: 'c' });
  assert.match(await readlink(`${at}/..data`), /^\.\.2026_11_22_08_30_00\.[0-9a-f]+$/);
  assert.deepEqual(
    [await readlink(`${at}/a`), await readlink(`${at}/deep`), (await stat(`${at}/a`)).mode & 0o7777],
    ['..data/a', '..data/deep', 0o400],
  );
  const version = await readlink(`${at}/..data`);
  assert.equal(await writePayload(at, payloadOf({ a: '1', 'deep/er/b': '2', constructor: 'c' }), { nowMs: START }), false);
  assert.equal(await readlink(`${at}/..data`), version);
  assert.equal(await writePayload(at, payloadOf({ a: '3', 'deep/c': '4' }), { nowMs: START + 1000 }), true);
  assert.deepEqual(await seen(at), { a: '3', 'deep/c': '4' });
  assert.deepEqual((await readdir(at)).length, 4);
  assert.equal(await hasPayload(at), true);
  assert.equal(await writePayload(at, new Map(), { nowMs: START }), true);
  assert.deepEqual([await seen(at), (await readdir(at)).length], [{}, 2]);
});

/** Real steps, of which the one of this number fails, as all after it would in a process that was killed. */
function failingAt(count: number): AtomicWriteSteps & { used: number } {
  const fs = import('node:fs/promises');
  const counted =
    (act: (...args: never[]) => Promise<void>) =>
    async (...args: unknown[]) => {
      if (steps.used++ >= count) throw new Error('killed');
      await act(...(args as never[]));
    };
  const steps = {
    used: 0,
    makeDirectory: counted(async (path: string) => mkdir(path).then(() => chmod(path, 0o755))),
    writeFile: counted(async (path: string, { data }: { data: Uint8Array }) => writeFile(path, data)),
    link: counted(symlink as never),
    rename: counted(async (from: string, to: string) => (await fs).rename(from, to)),
    unlink: counted(async (path: string) => (await fs).unlink(path)),
    removeTree: counted(removeTree as never),
  };
  return steps as never;
}

test('interrupted at any step, a write shows the old files or the new, and the next one leaves nothing over', async () => {
  const files = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd/x', 'd/y', 'e/f/g'), fc.constantFrom('1', '2'), { maxKeys: 4 });
  await fc.assert(
    fc.asyncProperty(files, files, fc.nat(14), async (before, after, count) => {
      await using directory = await temporaryDirectory();
      const at = directory.path;
      await writePayload(at, payloadOf(before), { nowMs: START });
      const steps = failingAt(count);
      await writePayload(at, payloadOf(after), { nowMs: START + 1000, steps }).catch((error: Error) => {
        assert.equal(error.message, 'killed');
      });
      const between = await seen(at);
      assert.ok([before, after].some((one) => JSON.stringify(sorted(one)) === JSON.stringify(sorted(between))));
      await writePayload(at, payloadOf(after), { nowMs: START + 2000 });
      assert.deepEqual(sorted(await seen(at)), sorted(after));
      const tops = new Set(Object.keys(after).map((path) => path.split('/')[0]));
      assert.equal((await readdir(at)).length, tops.size + 2);
    }),
    { numRuns: 60 },
  );
});

const sorted = (files: Record<string, string>) => Object.fromEntries(Object.entries(files).sort());

test('a group gets what it needs and no more', () => {
  assert.equal(modeFor(0o644, { isDirectory: false, readOnly: false }), 0o664);
  assert.equal(modeFor(0o400, { isDirectory: false, readOnly: true }), 0o440);
  assert.equal(modeFor(0o755, { isDirectory: true, readOnly: false }), 0o2775);
  assert.equal(modeFor(0o700, { isDirectory: true, readOnly: true }), 0o2750);
});

test('a tree is given to a group without touching what its links point at', async () => {
  await using directory = await temporaryDirectory();
  await mkdir(directory.file('volume', 'sub'), { recursive: true });
  await writeFile(directory.file('outside'), '', { mode: 0o600 });
  await writeFile(directory.file('volume', 'sub', 'file'), '', { mode: 0o600 });
  await symlink(directory.file('outside'), directory.file('volume', 'link'));
  await applyOwnership(directory.file('volume'), { gid: 4242, readOnly: false, onlyOnRootMismatch: false });
  const of = async (...names: string[]) => {
    const { gid, mode } = await stat(directory.file(...names));
    return [gid, mode & 0o7777];
  };
  assert.deepEqual(await of('volume', 'sub', 'file'), [4242, 0o660]);
  assert.deepEqual(await of('volume', 'sub'), [4242, 0o2775]);
  assert.deepEqual(await of('volume'), [4242, 0o2775]);
  assert.deepEqual(await of('outside'), [process.getgid!(), 0o600]);
});

test('with OnRootMismatch the tree is left alone when its top is right', async () => {
  await using directory = await temporaryDirectory();
  await writeFile(directory.file('file'), '', { mode: 0o600 });
  await chown(directory.path, 0, 4242);
  await chmod(directory.path, 0o2770);
  const ownership = { gid: 4242, readOnly: false, onlyOnRootMismatch: true };
  await applyOwnership(directory.path, ownership);
  assert.equal((await stat(directory.file('file'))).gid, process.getgid!());
  await chmod(directory.path, 0o770);
  await applyOwnership(directory.path, ownership);
  assert.equal((await stat(directory.file('file'))).gid, 4242);
});
