import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { tidyHeapAfterStart } from './tidy-heap.ts';

async function collections(usedHeapBytes: number, options: { cancelled?: boolean } = {}): Promise<number> {
  const clock = new VirtualClock(0);
  let collected = 0;
  const timer = tidyHeapAfterStart({ clock, usedHeapBytes: () => usedHeapBytes, collect: () => collected++ });
  if (options.cancelled) timer.cancel();
  await clock.advance(3_600_000);
  return collected;
}

test('the heap of a small cluster is collected once, some time after its start', async () => {
  assert.equal(await collections(30_000_000), 1);
});

test('a large heap is left to V8, which does not stop everything for it', async () => {
  assert.equal(await collections(300_000_000), 0);
});

test('a cluster that stops before is not collected', async () => {
  assert.equal(await collections(30_000_000, { cancelled: true }), 0);
});
