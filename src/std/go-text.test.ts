import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goFloat, goQuote } from './go-text.ts';

test('numbers read as Go prints them', () => {
  assert.deepEqual([0, 604800, 2592000, 15552000, 0.5, 1.5e-7, 1e21, Number.POSITIVE_INFINITY].map(goFloat), [
    '0',
    '604800',
    '2.592e+06',
    '1.5552e+07',
    '0.5',
    '1.5e-07',
    '1e+21',
    '+Inf',
  ]);
});

test('text is quoted as Go quotes it', () => {
  assert.equal(goQuote('a"\\\n\t\u0001\u007f\u200bä😀'), '"a\\"\\\\\\n\\t\\x01\\x7f\\u200bä😀"');
});
