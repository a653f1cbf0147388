import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIndexes, sharedIndex } from './index-ranges.ts';

test('indexes are read as ranges, and counted', () => {
  assert.deepEqual(parseIndexes('', 5), { ranges: [], total: 0 });
  assert.deepEqual(parseIndexes('0,2-4', 5), {
    ranges: [
      { from: 0, to: 0 },
      { from: 2, to: 4 },
    ],
    total: 4,
  });
});

test('what is no set of indexes is refused in upstream’s words', () => {
  const cases: [string, string][] = [
    ['1-2-3', `the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by '-'`],
    ['x', 'cannot convert string to integer for index: "x"'],
    ['1,', 'cannot convert string to integer for index: ""'],
    ['7', 'too large index: "7"'],
    ['1-9', 'too large index: "9"'],
    ['2,2', 'non-increasing order, previous: 2, current: 2'],
    ['3-1', 'non-increasing order, previous: 3, current: 1'],
  ];
  for (const [text, error] of cases) assert.deepEqual(parseIndexes(text, 5), { error }, text);
});

/** Rising ranges with gaps between them. */
const sets = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 })), { maxLength: 6 }).map((steps) => {
  let next = 0;
  return steps.map(([gap, length]) => {
    const from = next + gap;
    next = from + length + 1;
    return { from, to: from + length };
  });
});

test('ranges that are written down are read again', () => {
  fc.assert(
    fc.property(sets, (ranges) => {
      const text = ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
      assert.deepEqual((parseIndexes(text, 1000) as { ranges: object }).ranges, ranges);
    }),
  );
});

test('two sets share an index exactly when one is in both', () => {
  const members = (ranges: readonly { from: number; to: number }[]) =>
    new Set(ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i)));
  fc.assert(
    fc.property(sets, sets, (a, b) => {
      const shared = members(a).intersection(members(b));
      const found = sharedIndex(a, b);
      if (found === undefined) assert.equal(shared.size, 0);
      else assert.ok(shared.has(found));
    }),
  );
});
