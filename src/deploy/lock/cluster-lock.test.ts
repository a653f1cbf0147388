import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { until } from '../../../test/harness/until.ts';
import { runProgram } from '../../host/run-program.ts';
import { speakWithProgram } from '../../host/spoken-program.ts';
import { type Clock, systemClock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { createTranscriptTransport } from '../transport/transcript.ts';
import type { Transport } from '../transport/transport.ts';
import { lockCluster, lockScript } from './cluster-lock.ts';

const signal = new AbortController().signal;

/** This machine as a host, with a lock file of the test's own. */
const host = (file: string): Transport => ({
  ...createTranscriptTransport('host'),
  speak: async (script) => speakWithProgram('sh', ['-c', script.replaceAll('/run/muster-deploy.lock', file)]),
});

const lock = (file: string, holder: string) =>
  lockCluster({ transports: new Map([['m1', host(file)]]), holder, clock: systemClock, signal });

test('who comes second is told who holds the lock, and gets it when that lets go', async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file('lock');
  const first = await lock(file, "ann's apply");
  await assert.rejects(lock(file, 'bob'), {
    code: 'CLUSTER_LOCKED',
    message: "another command is changing this cluster: ann's apply (told by m1)",
  });
  await first[Symbol.asyncDispose]();
  await using second = await lock(file, 'bob');
  assert.ok(second);
});

test('a holder that is killed holds nothing', async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file('lock');
  // As a deploying process holds its end of the connection.
  const holder = spawn('sh', ['-c', 'tail -f /dev/null | sh -c "$0"', lockScript('ann', file)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  await once(holder.stdout, 'data');
  await assert.rejects(lock(file, 'bob'), { code: 'CLUSTER_LOCKED' });
  process.kill(-holder.pid!, 'SIGKILL');
  const second = await until('the lock is free', () => lock(file, 'bob'));
  await second[Symbol.asyncDispose]();
  assert.equal((await runProgram('cat', [file])).stdout, 'bob\n');
});

/** A host that loses patience after a second, whose holder's words pass or not. */
const impatient = (file: string, isDead: () => boolean): Transport => ({
  ...createTranscriptTransport('host'),
  run: async () => ({ stdout: 'done\n', stderr: '' }),
  speak: async (script) => {
    const program = speakWithProgram('sh', [
      '-c',
      script.replaceAll('/run/muster-deploy.lock', file).replace(/timeout \d+ /, 'timeout 1 '),
    ]);
    const write = program.stream._write.bind(program.stream);
    program.stream._write = (chunk, encoding, done) => (isDead() ? done() : write(chunk, encoding, done));
    return program;
  },
});

test('a holder whose link died is not waited for: the host lets go, and the holder may do nothing more', async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file('lock');
  const way = impatient(file, () => true);
  await using first = await lockCluster({ transports: new Map([['m1', way]]), holder: 'ann', clock: systemClock, signal });
  const guarded = first.guard(way);
  const second = await until('the lock is free', () => lock(file, 'bob'));
  await second[Symbol.asyncDispose]();
  await until('the first has heard of it', () =>
    guarded.run('true').then(
      () => undefined,
      (error: unknown) => {
        assert.match((error as Error).message, /^this command was not heard of for 40 s, and m1 let go of its lock/);
        return true;
      },
    ),
  );
});

test('a holder that is heard of keeps the lock, and may go on', async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file('lock');
  let beats = 0;
  // A holder's time that passes as fast as the host's patience allows for.
  const clock: Clock = {
    ...systemClock,
    sleep: (ms, until) => {
      if (ms === 5_000) beats++;
      return systemClock.sleep(ms === 5_000 ? 20 : ms, until);
    },
  };
  const way = host(file);
  await using first = await lockCluster({ transports: new Map([['m1', way]]), holder: 'ann', clock, signal });
  await until('it has said so often', () => beats > 20);
  await assert.rejects(lock(file, 'bob'), { code: 'CLUSTER_LOCKED' });
  assert.ok(first);
});

test('a host that cannot be reached is passed over; one that cannot lock ends it, and the others are released', async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file('lock');
  const away: Transport = {
    ...createTranscriptTransport('away'),
    speak: () => Promise.reject(new CodedError('cannot reach away', { code: 'HOST_UNREACHABLE' })),
  };
  const broken: Transport = { ...createTranscriptTransport('broken'), speak: async () => speakWithProgram('false', []) };
  const both = new Map([
    ['m1', host(file)],
    ['m2', away],
  ]);
  const held = await lockCluster({ transports: both, holder: 'ann', clock: systemClock, signal });
  await held[Symbol.asyncDispose]();
  const options = { transports: new Map([...both, ['m3', broken]]), holder: 'ann', clock: systemClock, signal };
  await assert.rejects(lockCluster(options), { code: 'LOCK_FAILED', message: /^m3 cannot be locked/ });
  await (await lock(file, 'bob'))[Symbol.asyncDispose]();
});

test('of many who come at once one gets the lock, and the others are told who', async () => {
  await using directory = await temporaryDirectory();
  const files = ['m1', 'm2', 'm3'].map((name) => directory.file(name));
  const people = Array.from({ length: 10 }, (_, i) => `person ${i}`);
  const results = await Promise.allSettled(
    people.map((holder, i) => {
      // Inventories may have their hosts in any order.
      const masters = files.map((file, at) => [`m${at + 1}`, host(file)] as const);
      const transports = new Map([...masters.slice(i % 3), ...masters.slice(0, i % 3)]);
      return lockCluster({ transports, holder, clock: systemClock, signal });
    }),
  );
  const won = results.flatMap((result, i) => (result.status === 'fulfilled' ? [{ lock: result.value, holder: people[i]! }] : []));
  assert.equal(won.length, 1);
  const told = results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as Error).message] : []));
  for (const message of told) assert.equal(message, `another command is changing this cluster: ${won[0]!.holder} (told by m1)`);
  await won[0]!.lock[Symbol.asyncDispose]();
});

test('whose connections to all locked hosts have ended may do nothing more; one that is left is enough', async () => {
  await using directory = await temporaryDirectory();
  const ways = ['m1', 'm2'].map((name) => {
    const way = host(directory.file(name));
    const programs: Awaited<ReturnType<Transport['speak']>>[] = [];
    const speak = async (script: string) => {
      const program = await way.speak(script);
      programs.push(program);
      return program;
    };
    return { name, way: { ...way, speak }, programs };
  });
  const transports = new Map(ways.map(({ name, way }) => [name, way]));
  await using held = await lockCluster({ transports, holder: 'ann', clock: systemClock, signal });
  const guarded = held.guard({ ...ways[0]!.way, run: async () => ({ stdout: 'done', stderr: '' }) });
  const end = async ({ programs }: (typeof ways)[number]) => {
    programs[0]!.stream.destroy();
    await programs[0]!.ended;
  };
  await end(ways[0]!);
  assert.equal((await guarded.run('true')).stdout, 'done');
  await end(ways[1]!);
  await assert.rejects(guarded.run('true'), { code: 'LOCK_LOST' });
});

test('a command that makes keys does not begin where no host can be locked', async () => {
  const away: Transport = {
    ...createTranscriptTransport('away'),
    run: () => Promise.reject(new CodedError('cannot reach away: no route', { code: 'HOST_UNREACHABLE' })),
  };
  const options = { transports: new Map([['m1', away]]), holder: 'ann', clock: systemClock, signal };
  await assert.rejects(lockCluster({ ...options, isRequired: true }), {
    code: 'HOSTS_UNREACHABLE',
    message: 'nothing was done: no master can be reached: m1: cannot reach away: no route',
  });
  await (await lockCluster(options))[Symbol.asyncDispose]();
});
