import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalMicroTime, canonicalTime } from './time-text.ts';

test('times are those that Go reads, in UTC and whole seconds', () => {
  const times: readonly [string, string | undefined][] = [
    ['2020-02-29T12:30:45Z', '2020-02-29T12:30:45Z'],
    ['2020-02-29T12:30:45.999999999Z', '2020-02-29T12:30:45Z'],
    ['2020-12-31T23:30:00-01:00', '2021-01-01T00:30:00Z'],
    ['2020-12-31T9:59:00Z', '2020-12-31T09:59:00Z'],
    ['2020-12-31T09:59:00,5Z', '2020-12-31T09:59:00Z'],
    ['2020-01-29T00:00:00+24:00', '2020-01-28T00:00:00Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['2019-02-29T00:00:00Z', undefined],
    ['2020-04-31T00:00:00Z', undefined],
    ['2020-01-01T24:00:00Z', undefined],
    ['2020-01-01T00:00:60Z', undefined],
    ['2020-00-01T00:00:00Z', undefined],
    ['2020-01-01T00:00:00+25:00', undefined],
    ['2020-01-01T00:00:00+0100', undefined],
    ['2020-01-01t00:00:00z', undefined],
    ['2020-01-01', undefined],
  ];
  for (const [text, expected] of times) assert.equal(canonicalTime(text), expected, text);
});

test('a MicroTime has six digits of fraction, no more and no less', () => {
  assert.equal(canonicalMicroTime('2020-01-01T01:00:00.000001+01:00'), '2020-01-01T00:00:00.000001Z');
  for (const text of [
    '2020-01-01T00:00:00Z',
    '2020-01-01T00:00:00.123Z',
    '2020-01-01T00:00:00.1234567Z',
    '2019-02-29T00:00:00.000000Z',
  ])
    assert.equal(canonicalMicroTime(text), undefined, text);
});
