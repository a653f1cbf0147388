import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { makeScratchDirectory } from './scratch-directory.ts';

const MODULE = join(import.meta.dirname, 'scratch-directory.ts');
const PREFIX = 'muster-run-';

/** Another process that has such a directory, with something in it. */
async function otherOwner(parent: string) {
  const script = `
    import { writeFileSync } from 'node:fs';
    import { makeScratchDirectory } from ${JSON.stringify(MODULE)};
    const { path } = await makeScratchDirectory(${JSON.stringify(parent)}, ${JSON.stringify(PREFIX)});
    writeFileSync(path + '/secret', 'x');
    process.stdout.write(path);
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [path] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, name: basename(path.toString()) };
}

test('what a killed process left is removed by the next one, and what others have is not', async () => {
  await using directory = await temporaryDirectory();
  const parent = directory.path;
  const [killed, living] = await Promise.all([otherOwner(parent), otherOwner(parent)]);
  const ended = once(killed.child, 'close');
  killed.child.kill('SIGKILL');
  await ended;
  // Not ours to judge: a name of another kind, a process of another container, a file, a link that leads elsewhere.
  const [, rest] = killed.name.split(/(?<=-)(?=[0-9a-f]{8}-)/) as [string, string];
  const foreign = killed.name.replace(rest, `${rest.startsWith('0000') ? 'ffff' : '0000'}${rest.slice(4)}`);
  const linked = killed.name.replace(/.{6}$/, 'abcdef');
  const kept = ['muster-run-', 'muster-run-abc', 'muster-hosts-AbCdEf', foreign];
  for (const name of kept) await mkdir(join(parent, name));
  await mkdir(join(parent, 'elsewhere'));
  await writeFile(join(parent, 'elsewhere', 'file'), '');
  await symlink('elsewhere', join(parent, linked));
  const names = async () => (await readdir(parent)).sort();
  try {
    await using own = await makeScratchDirectory(parent, PREFIX);
    assert.deepEqual(await names(), [...kept, 'elsewhere', linked, living.name, basename(own.path)].sort());
    await writeFile(join(own.path, 'file'), '');
  } finally {
    living.child.kill('SIGKILL');
  }
  assert.deepEqual(await names(), [...kept, 'elsewhere', linked, living.name].sort());
  assert.deepEqual(await readdir(join(parent, 'elsewhere')), ['file']);
});
