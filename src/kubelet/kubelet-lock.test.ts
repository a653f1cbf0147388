import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { until } from '../../test/harness/until.ts';
import { VirtualClock } from '../std/clock.ts';
import { silentLogger } from '../std/logger.ts';
import { takeKubeletLock } from './kubelet-lock.ts';

test('a kubelet that is to make room ends when another comes, and that one goes on', async () => {
  await using directory = await temporaryDirectory();
  const clock = new VirtualClock(0);
  const signal = new AbortController().signal;
  const options = { path: directory.file('lock'), exitOnContention: true, signal, clock, logger: silentLogger };
  const first = await takeKubeletLock(options);
  let hasEnded = false;
  first.signal.addEventListener('abort', () => {
    hasEnded = true;
    void first.release();
  });
  const second = takeKubeletLock({ ...options, exitOnContention: false });
  await until('the first one has ended', async () => {
    await clock.advance(1000);
    return hasEnded;
  });
  const lock = await second;
  assert.equal(lock.signal.aborted, false);
  await lock.release();
});

test('without a lock file there is nothing to wait for, and nothing to make room by', async () => {
  const { signal } = new AbortController();
  const options = { path: undefined, exitOnContention: false, signal, clock: new VirtualClock(0), logger: silentLogger };
  assert.equal((await takeKubeletLock(options)).signal, signal);
  await assert.rejects(takeKubeletLock({ ...options, exitOnContention: true }), /no lock file specified/);
});
