import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { until } from '../../test/harness/until.ts';
import { lockFile } from './file-lock.ts';
import { runProgram } from './run-program.ts';

const options = (signal = new AbortController().signal) => ({ run: runProgram, signal });

test('one at a time has the file, the owner knows that another waits, and the next has it when the owner lets go', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('lock');
  const first = await lockFile(path, options());
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal(await first.isWanted(), false);
  let has = false;
  const second = lockFile(path, options()).then((lock) => {
    has = true;
    return lock;
  });
  await until('the owner knows', () => first.isWanted());
  assert.equal(has, false);
  await first.release();
  const lock = await second;
  assert.equal(await lock.isWanted(), false);
  await lock.release();
});

test('who waits can stop waiting, and other programs respect the lock', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('lock');
  const lock = await lockFile(path, options());
  const stop = new AbortController();
  const waiting = lockFile(path, options(stop.signal));
  stop.abort(new Error('enough'));
  await assert.rejects(waiting, { message: 'enough' });
  const other = spawn('flock', ['--exclusive', '--nonblock', path, 'true'], { stdio: 'ignore' });
  assert.deepEqual(await once(other, 'close'), [1, null]);
  await lock.release();
});

test('a file that is removed is lost, and one that cannot be made is named', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('lock');
  const lock = await lockFile(path, options());
  await rm(path);
  assert.equal(await lock.isWanted(), true);
  await lock.release();
  await assert.rejects(
    lockFile(directory.file('no', 'lock'), options()),
    /^CodedError: unable to acquire file lock on ".*no\/lock": ENOENT/,
  );
});
