import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatGoDuration, parseGoDuration } from './go-duration.ts';

test('durations are read and printed as Go does', () => {
  for (const [text, ms, printed] of [
    ['8760h0m0s', 8760 * 3_600_000, '8760h0m0s'],
    ['1h30m', 5_400_000, '1h30m0s'],
    ['1.5s', 1500, '1.5s'],
    ['100ms', 100, '100ms'],
    ['1µs', 0.001, '1µs'],
    ['-2m', -120_000, '-2m0s'],
    ['0', 0, '0s'],
    ['.5h', 1_800_000, '30m0s'],
  ] as const) {
    assert.equal(parseGoDuration(text), ms);
    assert.equal(formatGoDuration(ms), printed);
  }
});

test('what is no duration is refused with its text and Go’s reason', () => {
  for (const [text, why] of [
    ['', 'invalid duration'],
    ['s', 'invalid duration'],
    ['1h-3m', 'unknown unit "h-" in duration'],
    ['5', 'missing unit in duration'],
    ['1.2.3s', 'missing unit in duration'],
    ['1d', 'unknown unit "d" in duration'],
    ['1constructor', 'unknown unit "constructor" in duration'],
    ['5 s', 'unknown unit " s" in duration'],
    ['1h ', 'unknown unit "h " in duration'],
    ['--1h', 'invalid duration'],
    ['3000000h', 'invalid duration'],
  ] as const)
    assert.throws(() => parseGoDuration(text), { message: `time: ${why} ${JSON.stringify(text)}` });
});

test('what is printed is read back', () => {
  fc.assert(fc.property(fc.integer({ min: -1e12, max: 1e12 }), (ms) => assert.equal(parseGoDuration(formatGoDuration(ms)), ms)));
});
