import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatWarnings } from './incoming-request.ts';

test('warnings are quoted, told once, and hold nothing that a header may not', () => {
  assert.deepEqual(formatWarnings(['a "b" \\', 'a "b" \\', 'x\r\nset-cookie: y']), [
    '299 - "a \\"b\\" \\\\"',
    '299 - "x  set-cookie: y"',
  ]);
});

test('warnings without end are cut to what clients take for a head', () => {
  const headers = formatWarnings(Array.from({ length: 100_000 }, (_, i) => `unknown field "${i}${'x'.repeat(500)}"`));
  assert.equal(headers.length, 16);
  assert.ok(headers.every((header) => header.length <= 270));
});
