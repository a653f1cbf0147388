import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { runAtOnce } from '../../std/pauses.ts';
import { applyMergePatch, applyMergePatchInSteps } from './merge-patch.ts';

test('the examples of RFC 7396 hold', () => {
  const cases: readonly [unknown, unknown, unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [document, patch, expected] of cases) assert.deepEqual(applyMergePatch(document, patch), expected);
});

test('a third time changes nothing, and neither argument is touched', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()), (document, patch) => {
      const before = JSON.stringify([document, patch]);
      // A list that takes the place of a map has its nulls left out when it takes the place of itself.
      const twice = applyMergePatch(applyMergePatch(document, patch), patch);
      assert.equal(JSON.stringify(applyMergePatch(twice, patch)), JSON.stringify(twice));
      assert.equal(JSON.stringify([document, patch]), before);
    }),
  );
});

test('a patch does not reach prototypes', () => {
  applyMergePatch({}, JSON.parse('{"__proto__":{"polluted":1}}'));
  assert.equal('polluted' in {}, false);
});

test('nulls are left out of maps within lists, too, but for lists that take the place of a map', () => {
  const list = [{ a: null, b: [{ c: null, d: 1 }] }, null];
  assert.deepEqual(applyMergePatch({ x: [1] }, { x: list, y: list }), {
    x: [{ b: [{ d: 1 }] }, null],
    y: [{ b: [{ d: 1 }] }, null],
  });
  assert.deepEqual(applyMergePatch({ x: {} }, { x: list }), { x: list });
});

test('what is merged in steps is the same, shares nothing with the arguments, and has its fields in the same order', () => {
  const value = () =>
    fc.oneof(fc.jsonValue(), fc.array(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue()), { maxLength: 5 }));
  const map = () => fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), value());
  fc.assert(
    fc.property(map(), fc.oneof(map(), value()), fc.integer({ min: 1, max: 10 }), (document, patch, small) => {
      const before = JSON.stringify([document, patch]);
      const merged = runAtOnce(applyMergePatchInSteps<unknown>(document, patch, small));
      assert.equal(JSON.stringify(merged), JSON.stringify(applyMergePatch<unknown>(document, patch)));
      spoil(merged);
      assert.equal(JSON.stringify([document, patch]), before);
    }),
  );
});

/** Changes every list and map of a value. */
function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const each of Object.values(value)) spoil(each);
  Object.assign(value, Array.isArray(value) ? [] : { spoiled: true });
  if (Array.isArray(value)) value.push('spoiled');
}

test('merging 80,000 items has pauses', () => {
  const items = (v: string) => ({ spec: { a: Array.from({ length: 80_000 }, (_, i) => ({ k: `${i}`, v })) } });
  let pauses = 0;
  for (const steps = applyMergePatchInSteps(items('v'), items('w')); !steps.next().done; ) pauses++;
  assert.ok(pauses > 20, `${pauses} pauses`);
});
