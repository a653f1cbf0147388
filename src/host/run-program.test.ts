import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../test/harness/until.ts';
import { ProgramError, runProgram } from './run-program.ts';

const failure = (pattern: RegExp, code: string) => (error: unknown) =>
  error instanceof ProgramError && pattern.test(error.message) && error.code === code;

test('what a program prints is answered, and its arguments pass no shell', async () => {
  assert.deepEqual(await runProgram('printf', ['%s|', '$HOME', 'a b', ';true']), { stdout: '$HOME|a b|;true|', stderr: '' });
  assert.equal((await runProgram('cat', [], { input: 'from here' })).stdout, 'from here');
});

test('a program that fails is quoted with its status', async () => {
  const run = runProgram('sh', ['-c', 'echo no such thing >&2; exit 32']);
  await assert.rejects(run, failure(/^sh ended with status 32: no such thing$/, 'PROGRAM_FAILED'));
  await assert.rejects(run, (error: ProgramError) => error.exitCode === 32 && error.stderr === 'no such thing\n');
});

test('a program that is not installed is named', async () => {
  await assert.rejects(runProgram('no-such-program-here', []), failure(/^no-such-program-here: executable/, 'PROGRAM_MISSING'));
});

test('a program that takes too long is killed', async () => {
  await assert.rejects(runProgram('sleep', ['60'], { timeoutMs: 20 }), failure(/within 20 ms/, 'PROGRAM_TIMEOUT'));
});

test('an aborted program is killed and rejects with the reason of the abort', async () => {
  const controller = new AbortController();
  const run = runProgram('sleep', ['60'], { signal: controller.signal });
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(run, (error) => error === reason);
  await assert.rejects(runProgram('true', [], { signal: controller.signal }), (error) => error === reason);
});

test('a program that does not read its input is judged by its status', async () => {
  await runProgram('true', [], { input: 'x'.repeat(1 << 20) });
});

test('a program that is killed is not waited for, though what it has started holds its outputs', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'muster-test-'));
  const file = join(directory, 'pid');
  const controller = new AbortController();
  const script = 'sleep 300 & echo $! > "$1.new"; mv "$1.new" "$1"; wait';
  const run = runProgram('sh', ['-c', script, 'sh', file], { signal: controller.signal }).catch((error: unknown) => error);
  const pid = Number(await until('it has started another one', () => readFile(file, 'utf8').catch(() => undefined)));
  try {
    controller.abort(new Error('enough'));
    assert.deepEqual(await run, new Error('enough'));
    process.kill(pid, 0); // which still runs
  } finally {
    process.kill(pid, 'SIGKILL');
    await rm(directory, { recursive: true });
  }
});

test('a program that never stops printing is killed', async () => {
  await assert.rejects(runProgram('yes', []), failure(/printed more than/, 'PROGRAM_OUTPUT'));
  await assert.rejects(
    runProgram('yes', [], { largestOutputBytes: 1000 }),
    failure(/printed more than 1000 bytes/, 'PROGRAM_OUTPUT'),
  );
});
