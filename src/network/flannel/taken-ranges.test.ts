import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isWithin, spanOf, TakenRanges } from './taken-ranges.ts';

test('a range is its addresses from the first to the last', () => {
  assert.deepEqual(spanOf('10.1.2.3/24'), { family: 4, first: 0x0a010200n, last: 0x0a0102ffn });
  assert.deepEqual(spanOf('0.0.0.0/0'), { family: 4, first: 0n, last: 0xffffffffn });
  assert.deepEqual(spanOf('255.255.255.255/32'), { family: 4, first: 0xffffffffn, last: 0xffffffffn });
  const first = 0xfd00n << 112n;
  assert.deepEqual(spanOf('fd00::7/64'), { family: 6, first, last: first + (1n << 64n) - 1n });
  assert.equal(spanOf('x'), undefined);
});

test('of ranges that overlap the first one is taken, as if all were looked at', () => {
  const span = fc.tuple(fc.nat(60), fc.nat(12)).map(([first, length]) => ({
    ...{ family: 4 as const, first: BigInt(first), last: BigInt(first + length) },
    cidr: `${first}+${length}`,
  }));
  fc.assert(
    fc.property(fc.array(span, { maxLength: 30 }), (spans) => {
      const taken = new TakenRanges();
      const all: typeof spans = [];
      for (const one of spans) {
        const clashes = all.filter((other) => other.first <= one.last && one.first <= other.last).map(({ cidr }) => cidr);
        const answer = taken.take(one.cidr, one);
        if (clashes.length === 0) all.push(one);
        if (clashes.length === 0) assert.equal(answer, undefined);
        else assert.ok(answer !== undefined && clashes.includes(answer));
      }
    }),
  );
});

test('what lies within', () => {
  assert.ok(isWithin(spanOf('10.1.2.0/24')!, spanOf('10.0.0.0/8')!));
  assert.ok(!isWithin(spanOf('10.0.0.0/8')!, spanOf('10.1.2.0/24')!));
  assert.ok(!isWithin(spanOf('10.1.2.0/24')!, spanOf('::/0')!));
});
