import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EVENT_DELETE } from './messages.ts';
import { WatchBatches } from './watch-batches.ts';

const event = (key: string, modRevision: number, type = 0) => ({
  type,
  kv: { key, createRevision: 1, modRevision, version: 1, value: new Uint8Array() },
  prevKv: undefined,
});

function record(from: number) {
  const told: [number, string[]][] = [];
  const keyOf = (e: { type: string; key?: string; entry?: { key: string } }) => e.key ?? e.entry!.key;
  return { told, batches: new WatchBatches(from, (events, revision) => told.push([revision, events.map(keyOf as never)])) };
}

test('a revision that comes in pieces is told once, whole', () => {
  const { told, batches } = record(5);
  batches.take([event('a', 4), event('b', 5)], true);
  batches.take([event('c', 5), event('d', 6, EVENT_DELETE)], true);
  assert.deepEqual(told, [[5, ['b', 'c']]]);
  assert.equal(batches.next, 6);
  batches.take([event('e', 6)], false);
  assert.deepEqual(told.at(-1), [6, ['d', 'e']]);
});

test('after a break what was held back comes again, and what was told does not', () => {
  const { told, batches } = record(2);
  batches.take([event('a', 2), event('b', 3)], true);
  batches.broken();
  assert.equal(batches.next, 3);
  batches.take([event('a', 2), event('b', 3), event('c', 3)], false);
  assert.deepEqual(told, [
    [2, ['a']],
    [3, ['b', 'c']],
  ]);
});

test('news that nothing happened moves the place to go on from, but not past what is held back', () => {
  const { batches } = record(2);
  batches.passed(9);
  assert.equal(batches.next, 10);
  batches.passed(4);
  assert.equal(batches.next, 10);
  batches.take([event('a', 12)], true);
  batches.passed(20);
  assert.equal(batches.next, 10);
});

test('however events are cut into responses, and wherever the stream breaks, each revision is told once and in order', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 20 });
  const cuts = fc.array(fc.record({ take: fc.integer({ min: 1, max: 7 }), breaks: fc.boolean() }), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(sizes, cuts, (perRevision, pieces) => {
      const all = perRevision.flatMap((count, i) => Array.from({ length: count }, (_, n) => event(`k${n}`, i + 2)));
      const { told, batches } = record(2);
      let left = all;
      for (const { take, breaks } of pieces) {
        const part = left.slice(0, take);
        left = left.slice(take);
        batches.take(part, left.length > 0 && part.at(-1)!.kv.modRevision === left[0]!.kv.modRevision);
        if (!breaks) continue;
        batches.broken();
        left = all.filter(({ kv }) => kv.modRevision >= batches.next - 1);
      }
      batches.take(left, false);
      assert.deepEqual(
        told.map(([revision, keys]) => [revision, keys.length]),
        perRevision.map((count, i) => [i + 2, count]),
      );
    }),
  );
});
