import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ProgramError } from '../../host/run-program.ts';
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

test('a link that dies within a script is told as that, and who is let out at once with what the login printed', async () => {
  const died = new ProgramError('ssh ended', 'PROGRAM_FAILED', {
    ...{ program: 'ssh', args: [], exitCode: 255, stdout: '', stderr: "useradd warning: kube's uid 200 outside\n" },
  });
  const run = () => Promise.reject(died);
  await using transport = createSshTransport({
    destination: 'h',
    settings,
    socket: '/s',
    run,
    speak: () => saying('muster-connected\n'),
  });
  await assert.rejects(transport.run('true'), {
    code: 'HOST_UNREACHABLE',
    message: "cannot reach admin@h: the connection broke off; the last that was heard: useradd warning: kube's uid 200 outside",
  });
  for (const [printed, told] of [
    ['This account is currently not available.\n', /: This account is currently not available\.$/],
    ['', /: whoever logs in there is let out at once and told nothing: has the account expired/],
  ] as const) {
    const speak = (): SpokenProgram => {
      const stream = new PassThrough();
      stream.end(printed);
      return { stream, ended: setImmediate({ exitCode: 1, stderr: '' }) };
    };
    await using refused = createSshTransport({ destination: 'h', settings, socket: '/s', run, speak });
    await assert.rejects(refused.run('true'), { code: 'HOST_UNREACHABLE', message: told });
  }
});

test('a host that shows another key than the known one is told with the line that knows it', async () => {
  const told = async (stderr: string) => {
    const speak = (): SpokenProgram => {
      const stream = new PassThrough();
      stream.destroy();
      return { stream, ended: Promise.resolve({ exitCode: 255, stderr }) };
    };
    const run = () => assert.fail('nothing can be run');
    await using transport = createSshTransport({ destination: 'h', settings, socket: '/s', run, speak });
    return transport.run('true').then(String, ({ message }: Error) => message);
  };
  const changed = [
    '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @',
    'Add correct host key in /home/a/.ssh/known_hosts to get rid of this message.',
    'Offending ED25519 key in /home/a/.ssh/known_hosts:3',
    'Host key for h has changed and you have requested strict checking.',
    'Host key verification failed.',
  ];
  assert.equal(
    await told(`${changed.join('\r\n')}\r\n`),
    'cannot reach admin@h: Host key verification failed. Its key is not that of /home/a/.ssh/known_hosts:3: somebody else may answer. Only if the host was made anew, take that line out',
  );
  assert.equal(
    await told('No ED25519 host key is known for h and you have requested strict checking.\nHost key verification failed.\n'),
    'cannot reach admin@h: No ED25519 host key is known for h and you have requested strict checking. Host key verification failed.',
  );
  assert.equal(
    await told('ssh: connect to host h port 22: No route to host\n'),
    'cannot reach admin@h: ssh: connect to host h port 22: No route to host',
  );
});
