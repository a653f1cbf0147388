import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { until } from '../../../test/harness/until.ts';
import { runProgram } from '../../host/run-program.ts';
import { speakWithProgram } from '../../host/spoken-program.ts';
import { systemClock } from '../../std/clock.ts';
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
