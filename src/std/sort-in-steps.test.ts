import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { runAtOnce } from './pauses.ts';
import { sortInSteps } from './sort-in-steps.ts';

const byTen = (a: number, b: number) => Math.floor(a / 10) - Math.floor(b / 10);

test('a list comes out as the language sorts it, equal items in their order, whatever the parts', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100), { maxLength: 60 }), fc.integer({ min: 1, max: 10 }), (list, part) => {
      const before = [...list];
      assert.deepEqual(runAtOnce(sortInSteps(list, byTen, part)), list.toSorted(byTen));
      assert.deepEqual(list, before);
    }),
  );
});

test('there are pauses in a long list, and none in a short one', () => {
  const pausesIn = (length: number) => {
    const steps = sortInSteps(
      Array.from({ length }, (_, i) => (i * 7919) % length),
      (a, b) => a - b,
    );
    let pauses = 0;
    while (!steps.next().done) pauses++;
    return pauses;
  };
  assert.equal(pausesIn(8192), 0);
  assert.ok(pausesIn(100_000) > 20);
});
