import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareKeys, prefixEnd } from '../key-order.ts';
import { SortedKeys } from './sorted-keys.ts';

const seed = Number(process.env['STORE_SEED'] ?? randomInt(2 ** 31));
const key = fc.string({ unit: 'binary', maxLength: 4 });
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

test(`keys compare as their UTF-8 bytes do (seed ${seed})`, () => {
  const property = fc.property(key, key, (a, b) => Math.sign(compareKeys(a, b)) === Math.sign(byBytes(a, b)));
  fc.assert(property, { seed, numRuns: 2000 });
});

test(`a prefix’s end divides the keys that begin with it from those that come later (seed ${seed})`, () => {
  const property = fc.property(key, key, (prefix, other) => {
    const end = prefixEnd(prefix);
    if (end === undefined) return /^\u{10ffff}*$/u.test(prefix);
    const isInside = compareKeys(other, prefix) >= 0 && compareKeys(other, end) < 0;
    return compareKeys(prefix + other, end) < 0 && isInside === other.startsWith(prefix);
  });
  fc.assert(property, { seed, numRuns: 2000 });
});

test('many keys, added and removed in any order, stay in order and can be counted', () => {
  const keys = new SortedKeys();
  const all = Array.from({ length: 5000 }, (_, i) => `/${(i * 7919) % 5000}`);
  for (const key of all) assert.ok(keys.add(key));
  assert.equal(keys.add('/17'), false);
  for (let i = 0; i < 5000; i += 3) assert.ok(keys.delete(`/${i}`));
  assert.equal(keys.delete('/3'), false);
  const expected = all.filter((key) => Number(key.slice(1)) % 3 !== 0).sort();
  assert.equal(keys.size, expected.length);
  for (const [from, to] of [
    ['', undefined],
    ['/1', '/2'],
    ['/4999', undefined],
    ['/25', '/2500'],
    ['/9', '/1'],
    ['0', undefined],
  ] as const) {
    const range = expected.filter((key) => key >= from && (to === undefined || key < to));
    const scanned: string[] = [];
    keys.scan(from, to, (key) => scanned.push(key) > 0);
    assert.deepEqual(scanned, range);
    assert.equal(keys.count(from, to), range.length);
  }
});
