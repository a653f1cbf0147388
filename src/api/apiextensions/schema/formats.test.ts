import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCheck, isKnownFormat } from './formats.ts';

const ROWS: readonly [string, readonly string[], readonly string[]][] = [
  ['date', ['2024-02-29'], ['2023-02-29', '24-01-01', '2024-1-1']],
  [
    'date-time',
    ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00.123+02:00', '2024-01-01T00:00:00Zt'],
    ['2024-01-01', '2024-01-01 00:00:00Z', '2024-01-01T25:00:00Z'],
  ],
  [
    'duration',
    ['1h30m', '0', '1.5s', '2 days', '1e3s', 'in 5 minutes'],
    ['1', 'h', '1x', '1'.repeat(100), `${'9'.repeat(30)} s`],
  ],
  ['email', ['a@example.com', 'A B <a@b>'], ['a', '@b', 'a b@c']],
  ['hostname', ['example.com', 'a-b'], ['-a', 'a..b', 'a_b', 'a-b-c', '2020-01-01', 'a.b1']],
  ['ipv4', ['10.0.0.1', '010.0.0.01', '::ffff:10.0.0.1'], ['10.0.0.256', '::1']],
  ['ipv6', ['::1', '::ffff:10.0.0.1'], ['10.0.0.1', ':::', 'fe80::1%eth0']],
  ['cidr', ['10.0.0.0/8', 'fd00::/64'], ['10.0.0.0', '10.0.0.0/33']],
  ['mac', ['00:1a:2B:3c:4d:5e', '0011.2233.4455'], ['00:1a:2b', 'x', '00:1a:2b:3c:4d:5e:6f']],
  ['uuid', ['6f9619ff-8b86-d011-b42d-00cf4fc964ff'], ['6f9619ff', 'g']],
  ['uuid4', ['f47ac10b-58cc-4372-a567-0e02b2c3d479'], ['f47ac10b-58cc-1372-a567-0e02b2c3d479']],
  ['byte', ['YQ=='], ['', 'YQ=', 'Y Q=']],
  ['uri', ['https://example.com/a?b', '/path', 'fe80::1%eth0'], ['example', 'https://a b', 'http://a%zz']],
  ['hexcolor', ['#fff', '00ff00'], ['#ff', 'red']],
  ['rgbcolor', ['rgb(1,2,3)'], ['rgb(1,2)', 'rgb(256,0,0)']],
  ['isbn', ['0321751043', '978-0321751041'], ['0321751044']],
  ['creditcard', ['4111 1111 1111 1111'], ['4111 1111 1111 1112']],
  ['ssn', ['111-11-1111'], ['111-11-111', '111111111']],
  ['k8s-short-name', ['a-b'], ['A', '-a']],
  ['k8s-long-name', ['a.b'], ['a..b']],
];

test('texts are told by their formats', () => {
  for (const [format, good, bad] of ROWS) {
    const check = formatCheck(format)!;
    for (const text of good) assert.equal(check(text), true, `${format}: ${text}`);
    for (const text of bad) assert.equal(check(text), false, `${format}: ${text}`);
  }
});

test('formats that nobody knows are passed over', () => {
  for (const [format, type] of [
    ['int32', 'integer'],
    ['float', 'number'],
    ['date-time', 'string'],
    ['uuid', ''],
  ] as const)
    assert.equal(isKnownFormat(format, type), true);
  for (const [format, type] of [
    ['int32', 'string'],
    ['date', 'integer'],
    ['date', 'object'],
    ['x', ''],
  ] as const)
    assert.equal(isKnownFormat(format, type), false);
  for (const format of ['int32', 'nothing', '__proto__', 'constructor']) assert.equal(formatCheck(format), undefined);
});
