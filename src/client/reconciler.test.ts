import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { until } from '../../test/harness/until.ts';
import { conflict, MODIFIED } from '../api/machinery/status-error.ts';
import { VirtualClock } from '../std/clock.ts';
import { type Logger, silentLogger } from '../std/logger.ts';
import { SettableClock } from '../std/settable-clock.test-support.ts';
import { LoopMetrics } from './loop-metrics.ts';
import { type Outcome, Reconciler } from './reconciler.ts';

const HOUR_MS = 3_600_000;

function setUp(reconcile: (key: string) => Promise<Outcome>, workers = 2, processorMs?: () => number) {
  const clock = new VirtualClock(0);
  const metrics = new LoopMetrics();
  const errors: string[] = [];
  const logger: Logger = { ...silentLogger, error: (message) => errors.push(message) };
  const loop = new Reconciler({ name: 'loop', reconcile, clock, logger, metrics, workers, processorMs });
  const controller = new AbortController();
  const ended = loop.run(controller.signal);
  const stop = () => {
    controller.abort();
    return ended;
  };
  return { clock, loop, errors, counts: metrics.loop('loop'), stop };
}

test('a failure is logged, counted and tried again with a delay that doubles until it goes well', async () => {
  const times: number[] = [];
  const run = setUp(async () => {
    times.push(run.clock.now());
    if (times.length < 4) throw new Error('no');
  });
  run.loop.add('key');
  await run.clock.advance(1000);
  assert.deepEqual(times, [0, 5, 15, 35]);
  assert.equal(run.errors.length, 3);
  assert.deepEqual([run.counts.adds, run.counts.errors, run.counts.retries], [1, 3, 3]);
  await run.stop();
});

test('a conflict is tried again without being called an error', async () => {
  let attempts = 0;
  const run = setUp(async () => {
    if (attempts++ === 0) throw conflict({ group: '', resource: 'nodes' }, 'n', MODIFIED);
  });
  run.loop.add('key');
  await run.clock.advance(100);
  assert.deepEqual([attempts, run.errors.length, run.counts.errors], [2, 0, 0]);
  await run.stop();
});

test('waiting for something is no failure, and a time to come back is kept', async () => {
  const times: number[] = [];
  const run = setUp(async () => {
    times.push(run.clock.now());
    return times.length === 1 ? 'retry' : times.length === 2 ? { requeueAfterMs: 500 } : undefined;
  });
  run.loop.add('key');
  await run.clock.advance(10_000);
  assert.deepEqual(times, [0, 5, 505]);
  assert.equal(run.errors.length, 0);
  await run.stop();
});

test('what is to be done at a time is done then, though the machine has slept meanwhile', async () => {
  const clock = new SettableClock(0);
  const times: number[] = [];
  const reconcile = async (): Promise<Outcome> => {
    times.push(clock.now());
    if (times.length === 1) return { requeueAtMs: 8 * HOUR_MS };
  };
  const loop = new Reconciler({ name: 'loop', reconcile, clock, logger: silentLogger, metrics: new LoopMetrics() });
  const controller = new AbortController();
  const ended = loop.run(controller.signal);
  loop.add('key');
  await clock.advance(1000);
  clock.aheadMs = 8 * HOUR_MS;
  await clock.advance(60_000);
  assert.equal(times.length, 2);
  controller.abort();
  await ended;
});

test('one key is never worked on twice at a time, several are', async () => {
  let running = 0;
  const most = { all: 0, sameKey: 0 };
  const active = new Map<string, number>();
  const run = setUp(async (key) => {
    active.set(key, (active.get(key) ?? 0) + 1);
    most.all = Math.max(most.all, ++running);
    most.sameKey = Math.max(most.sameKey, active.get(key)!);
    await run.clock.sleep(10);
    active.set(key, active.get(key)! - 1);
    running--;
  }, 3);
  for (const key of ['a', 'b', 'c', 'd', 'a', 'b']) run.loop.add(key);
  await run.clock.advance(5);
  run.loop.add('a');
  await run.clock.advance(100);
  assert.deepEqual(most, { all: 3, sameKey: 1 });
  await run.stop();
});

test('stopping waits for what has begun and begins nothing more', async () => {
  const finished: string[] = [];
  const run = setUp(async (key) => {
    await run.clock.sleep(10);
    finished.push(key);
  }, 1);
  run.loop.add('a');
  run.loop.add('b');
  await run.clock.advance(5);
  const stopped = run.stop();
  await run.clock.advance(5);
  await stopped;
  assert.deepEqual(finished, ['a']);
});

test('waits that are over and work that is going on can be told from what has ended', async () => {
  const gates: (() => void)[] = [];
  const run = setUp(() => new Promise<void>((resolve) => gates.push(resolve)), 1);
  const waited = () => run.counts.waits.reduce((sum, each) => sum + each, 0);
  run.loop.add('a');
  run.loop.add('b');
  await run.clock.advance(0);
  assert.deepEqual([waited(), run.counts.running.size, run.counts.depth()], [1, 1, 1]);
  gates.shift()!();
  await run.clock.advance(0);
  assert.deepEqual([waited(), run.counts.running.size, run.counts.depth()], [2, 1, 0]);
  gates.shift()!();
  await run.clock.advance(0);
  assert.equal(run.counts.running.size, 0);
  await run.stop();
});

test('a key that takes the processor again and again rests in between, while others are worked on, and is not forgotten', async () => {
  let usedMs = 0;
  const turns: string[] = [];
  const run = setUp(
    async (key) => {
      turns.push(key);
      if (key !== 'heavy') return;
      usedMs += 200;
      run.loop.add(key);
    },
    1,
    () => usedMs,
  );
  run.loop.add('heavy');
  for (let i = 0; i < 20; i++) await setImmediate();
  run.loop.add('light');
  for (let i = 0; i < 20; i++) await setImmediate();
  assert.deepEqual(turns, ['heavy', 'heavy', 'light'], 'nothing of the heavy one until its rest is over');
  await until('its rest is over', () => turns.length === 4);
  assert.equal(turns[3], 'heavy');
  await run.stop();
});

test('keys for which there is nothing to do are not all worked on in one turn of the event loop', async () => {
  let usedMs = 0;
  let done = 0;
  const work = async () => {
    usedMs += 2;
    done++;
  };
  const run = setUp(work, 2, () => usedMs);
  for (let i = 0; i < 1000; i++) run.loop.add(`key-${i}`);
  await setImmediate();
  const inOneTurn = done;
  await until('all keys are done', () => done === 1000);
  assert.ok(inOneTurn < 100, `${inOneTurn} keys in one turn`);
  await run.stop();
});
