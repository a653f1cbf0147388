import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from './duration.ts';
import { ageOf, humanDuration } from './human-duration.ts';

test('durations are read and written as Go does', () => {
  const cases: readonly [string, number, string][] = [
    ['0', 0, '0s'],
    ['5s', 5000, '5s'],
    ['2m0s', 120_000, '2m0s'],
    ['1h', 3_600_000, '1h0m0s'],
    ['8760h', 31_536_000_000, '8760h0m0s'],
    ['1.5h', 5_400_000, '1h30m0s'],
    ['250ms', 250, '250ms'],
    ['1m0.5s', 60_500, '1m0.5s'],
    ['-10s', -10_000, '-10s'],
    ['10us', 0.01, '10µs'],
    ['.5s', 500, '500ms'],
  ];
  for (const [text, ms, formatted] of cases) {
    assert.equal(parseDuration(text), ms, text);
    assert.equal(formatDuration(ms), formatted, text);
  }
});

test('what is not a duration is refused in Go words', () => {
  assert.throws(() => parseDuration(''), /^CodedError: time: invalid duration ""$/);
  assert.throws(() => parseDuration('5'), /time: missing unit in duration "5"/);
  assert.throws(() => parseDuration('5d'), /time: unknown unit "d" in duration "5d"/);
  assert.throws(() => parseDuration('1h x'), /unknown unit|invalid duration/);
  assert.throws(() => parseDuration('999999999h'), /invalid duration/);
});

test('whole milliseconds survive writing and reading', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(10 ** 12), max: 10 ** 12 }), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)),
  );
});

test('ages get coarser as they grow', () => {
  const second = 1000;
  const minute = 60 * second;
  const hour = 60 * minute;
  const day = 24 * hour;
  const cases: readonly [number, string][] = [
    [-2 * second, '<invalid>'],
    [-1 * second, '0s'],
    [0, '0s'],
    [119 * second, '119s'],
    [2 * minute, '2m'],
    [5 * minute + 30 * second, '5m30s'],
    [10 * minute + 30 * second, '10m'],
    [179 * minute, '179m'],
    [3 * hour, '3h'],
    [7 * hour + 5 * minute, '7h5m'],
    [47 * hour, '47h'],
    [2 * day, '2d'],
    [7 * day + 3 * hour, '7d3h'],
    [30 * day, '30d'],
    [729 * day, '729d'],
    [750 * day, '2y20d'],
    [3000 * day, '8y'],
  ];
  for (const [ms, text] of cases) assert.equal(humanDuration(ms), text);
});

test('an age without a time is unknown', () => {
  assert.equal(ageOf(undefined, 0), '<unknown>');
  assert.equal(ageOf('1970-01-01T00:00:00Z', 5000), '5s');
});
