import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { tidyHeap } from './tidy-heap.ts';

const MB = 1_000_000;

/** A process whose heap and business the test says; `collectedAtMs` are the times at which it was collected. */
function setUp(use: { usedBytes: number; heldBytes: number }) {
  const clock = new VirtualClock(0);
  const process = { ...use, share: 0, load: 0.2, collectedAtMs: [] as number[], atMs: 0, processorMs: 0 };
  const processorMs = () => {
    process.processorMs += (clock.now() - process.atMs) * process.share;
    process.atMs = clock.now();
    return process.processorMs;
  };
  const collect = () => void process.collectedAtMs.push(clock.now());
  const tidying = tidyHeap({ clock, heapUse: () => ({ ...process }), processorMs, machineLoad: () => process.load, collect });
  return { clock, process, tidying };
}

test('the heap of a small cluster is collected once, some time after its start', async () => {
  const { clock, process } = setUp({ usedBytes: 30 * MB, heldBytes: 60 * MB });
  await clock.advance(3_600_000);
  assert.deepEqual(process.collectedAtMs, [3_000]);
});

test('a larger heap is not held up at its start, and collected once it was calm for two minutes', async () => {
  const { clock, process } = setUp({ usedBytes: 200 * MB, heldBytes: 460 * MB });
  await clock.advance(119_999);
  assert.deepEqual(process.collectedAtMs, []);
  await clock.advance(1);
  assert.deepEqual(process.collectedAtMs, [120_000]);
  // What did not help is not tried again all the time.
  await clock.advance(599_999);
  assert.equal(process.collectedAtMs.length, 1);
  await clock.advance(30_000);
  assert.deepEqual(process.collectedAtMs, [120_000, 720_000]);
});

test('while more than half of a processor is in use nothing is collected, and the calm begins anew after it', async () => {
  const { clock, process } = setUp({ usedBytes: 200 * MB, heldBytes: 460 * MB });
  await clock.advance(90_000);
  process.share = 0.6;
  await clock.advance(30_000);
  process.share = 0.3;
  await clock.advance(90_000);
  assert.deepEqual(process.collectedAtMs, []);
  await clock.advance(30_000);
  assert.deepEqual(process.collectedAtMs, [240_000]);
});

test('nor on a machine that others keep busy, where collecting would take seconds', async () => {
  const { clock, process } = setUp({ usedBytes: 200 * MB, heldBytes: 460 * MB });
  process.load = 4;
  await clock.advance(3_600_000);
  assert.deepEqual(process.collectedAtMs, []);
  process.load = 0.5;
  await clock.advance(120_000);
  assert.equal(process.collectedAtMs.length, 1);
});

test('a heap that V8 uses, or one so large that collecting it would be noticed, is left to V8', async () => {
  for (const use of [
    { usedBytes: 200 * MB, heldBytes: 250 * MB },
    { usedBytes: 900 * MB, heldBytes: 2_000 * MB },
  ]) {
    const { clock, process } = setUp(use);
    await clock.advance(3_600_000);
    assert.deepEqual(process.collectedAtMs, [], JSON.stringify(use));
  }
});

test('a cluster that stops is not collected any more, and a process that cannot collect sets no timers', async () => {
  const { clock, process, tidying } = setUp({ usedBytes: 30 * MB, heldBytes: 460 * MB });
  tidying.cancel();
  await clock.advance(3_600_000);
  assert.deepEqual(process.collectedAtMs, []);
  const without = new VirtualClock(0);
  tidyHeap({
    clock: without,
    heapUse: () => assert.fail(),
    processorMs: () => assert.fail(),
    machineLoad: () => assert.fail(),
    collect: undefined,
  });
  await without.advance(3_600_000);
});
