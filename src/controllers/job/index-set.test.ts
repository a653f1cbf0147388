import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { IndexSet, readIndexes, writeIndexes } from './index-set.ts';

test('indexes are told as ranges of three and more, and read again as they were', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 60 })), (indexes) => {
      const set = new IndexSet();
      for (const index of indexes) set.add(index);
      const read = readIndexes(writeIndexes(set), 61);
      const wanted = new Set(indexes);
      assert.deepEqual([set.size, read.size], [wanted.size, wanted.size]);
      for (let index = 0; index <= 60; index++)
        assert.deepEqual([set.has(index), read.has(index)], [wanted.has(index), wanted.has(index)]);
      assert.deepEqual(read.ranges, set.ranges);
    }),
  );
  const set = new IndexSet();
  for (const index of [8, 1, 3, 2, 5, 7, 3]) set.add(index);
  assert.equal(writeIndexes(set), '1-3,5,7,8');
});

test('those in other ranges are counted', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 40 })), fc.array(fc.nat({ max: 40 })), (own, others) => {
      const [a, b] = [new IndexSet(), new IndexSet()];
      for (const index of own) a.add(index);
      for (const index of others) b.add(index);
      assert.equal(a.countIn(b.ranges), new Set(own).intersection(new Set(others)).size);
    }),
  );
});

test('two thousand million indexes take no more room than one', () => {
  const completions = 2 ** 31 - 1;
  const set = readIndexes(`0-99,200-${completions - 1}`, completions);
  assert.equal(set.size, completions - 100);
  assert.deepEqual([set.endOf(50), set.endOf(150), set.endOf(200)], [99, undefined, completions - 1]);
  set.add(100);
  assert.equal(writeIndexes(set), `0-100,200-${completions - 1}`);
});
