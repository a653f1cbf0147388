import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { VirtualClock } from './clock.ts';
import { ChangeSignal, runSyncs } from './sync-runner.ts';

function bench(run?: (at: number) => void) {
  const clock = new VirtualClock(0);
  const changes = new ChangeSignal();
  const controller = new AbortController();
  const runs: [number, string][] = [];
  const ended = runSyncs(changes, controller.signal, {
    clock,
    minIntervalMs: 1000,
    maxIntervalMs: 30_000,
    retryMs: 5000,
    async run(why) {
      runs.push([clock.now(), why]);
      run?.(clock.now());
    },
  });
  return {
    clock,
    changes,
    runs,
    end: () => {
      controller.abort();
      return ended;
    },
  };
}

test('changes that come at once make few runs, and the last of them is seen', async () => {
  const { clock, changes, runs, end } = bench();
  await clock.advance(0);
  for (let at = 0; at < 3000; at += 100) {
    changes.set();
    await clock.advance(100);
  }
  await clock.advance(2000);
  assert.ok(runs.length >= 4 && runs.length <= 7, JSON.stringify(runs));
  assert.ok(runs.at(-1)![0] >= 2900, JSON.stringify(runs));
  await end();
});

test('without changes it runs once a period', async () => {
  const { clock, runs, end } = bench();
  await clock.advance(61_000);
  assert.deepEqual(runs, [
    [0, 'change'],
    [30_000, 'period'],
    [60_000, 'period'],
  ]);
  await end();
});

test('a run that failed is tried again soon', async () => {
  const { clock, runs, end } = bench((at) => {
    if (at < 10_000) throw new Error('no');
  });
  await clock.advance(11_000);
  assert.deepEqual(
    runs.map(([at]) => at),
    [0, 5000, 10_000],
  );
  await end();
});

test('waiting leaves nothing behind at the signal', async () => {
  const clock = new VirtualClock(0);
  const changes = new ChangeSignal();
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i++) {
    const waiting = changes.wait(clock, 1000, signal);
    if (i) changes.set();
    else await clock.advance(1000);
    assert.equal(await waiting, i > 0);
  }
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  assert.equal(clock.pending, 0);
});
