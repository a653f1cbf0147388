import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../../../test/harness/temporary-directory.ts';
import { until } from '../../../../../test/harness/until.ts';
import { hostArchitecture } from '../images/oci-image.ts';
import { assemble } from './machine-code.ts';
import { pauseImage } from './pause-image.ts';
import { pauseProgram } from './pause-program.ts';

/** State `S` (sleeping) in a system call means that it waits for signals. */
const sleeps = async (pid: number) => /^State:\tS/m.test(await readFile(`/proc/${pid}/status`, 'utf8'));

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  test(`the pause program waits, and ends well on ${signal}`, async () => {
    const architecture = hostArchitecture();
    assert.ok(architecture, `there is no pause program for ${process.arch}`);
    await using directory = await temporaryDirectory();
    const path = directory.file('pause');
    await writeFile(path, pauseProgram(architecture), { mode: 0o755 });
    const child = spawn(path, { stdio: 'inherit' });
    const ended = once(child, 'exit');
    await until('it waits', () => sleeps(child.pid!));
    // Neither of these ends it: it goes on waiting.
    child.kill('SIGCHLD');
    child.kill('SIGCHLD');
    assert.equal(child.exitCode, null);
    child.kill(signal);
    assert.deepEqual(await ended, [0, null]);
  });

test('the programs are the ones that were looked at instruction by instruction', () => {
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  assert.deepEqual([pauseProgram('amd64').length, digest(pauseProgram('amd64'))], [278, '47fa9e846aa41c90']);
  assert.deepEqual([pauseProgram('arm64').length, digest(pauseProgram('arm64'))], [292, 'e191e7cd2c3e6d4c']);
});

test('the image is the same every time, and small', () => {
  const [one, two] = [pauseImage('amd64'), pauseImage('amd64')];
  assert.equal(one.manifest.digest, two.manifest.digest);
  const { config, architecture } = JSON.parse(one.config.bytes.toString()) as {
    config: { Entrypoint: string[] };
    architecture: string;
  };
  assert.deepEqual([config.Entrypoint, architecture], [['/pause'], 'amd64']);
  assert.ok(one.layer.bytes.length < 4096);
});

test('a jump goes where its label is, forwards and backwards', () => {
  const jump = (to: string) => ({ to, size: 2, encode: (distance: number) => Uint8Array.from([0xeb, distance & 0xff]) });
  const code = assemble([{ label: 'start' }, jump('end'), Uint8Array.from([0x90]), jump('start'), { label: 'end' }]);
  assert.deepEqual([...code], [0xeb, 5, 0x90, 0xeb, 0xfd]);
  assert.throws(() => assemble([jump('nowhere')]), /there is no label nowhere/);
});
