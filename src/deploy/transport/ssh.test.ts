import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { SpokenProgram } from '../../host/spoken-program.ts';
import { createSshTransport } from './ssh.ts';

/** A program that says this, and ends when it is destroyed. */
function saying(...texts: string[]): SpokenProgram {
  const stream = new PassThrough();
  for (const text of texts) stream.write(text);
  const ended = new Promise<{ exitCode: number; stderr: string }>((resolve) =>
    stream.once('close', () => resolve({ exitCode: 255, stderr: '' })),
  );
  return { stream, ended };
}

const settings = { user: 'admin' };

test('what a login prints before is of no interest, however much it is', async () => {
  const program = saying('x'.repeat(100_000), 'muster-', 'connected\n');
  const run = async () => ({ stdout: 'done', stderr: '' });
  await using transport = createSshTransport({ destination: 'h', settings, socket: '/s', run, speak: () => program });
  assert.equal((await transport.run('true')).stdout, 'done');
});

test('a host on which a login gets no shell is told of, once, and its ssh ended', async () => {
  const programs: SpokenProgram[] = [];
  const speak = () => {
    programs.push(saying('Welcome\n'));
    return programs.at(-1)!;
  };
  const run = () => assert.fail('nothing can be run');
  await using transport = createSshTransport({ destination: 'h', settings, socket: '/s', run, speak, loginMs: 1 });
  const told = {
    code: 'HOST_UNREACHABLE',
    message: 'cannot reach admin@h: whoever logs in there gets no shell within 0.001 s',
  };
  await assert.rejects(transport.run('true'), told);
  await assert.rejects(transport.run('true'), told);
  assert.equal(programs.length, 1);
  assert.ok(programs[0]!.stream.destroyed);
});
