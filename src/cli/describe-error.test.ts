import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeError } from './describe-error.ts';

test('a failure is one line, and what others put into it cannot speak to the terminal', () => {
  assert.equal(describeError(new Error('one\ntwo\r\n\tthree')), 'one two \tthree');
  assert.equal(
    describeError(new Error('\u001b[2J\u001b]0;title\u0007\u009bm ü 日本')),
    '\\x1b[2J\\x1b]0;title\\x07\\x9bm ü 日本',
  );
  assert.equal(describeError(new AggregateError([new Error('a\rb'), new Error('a\rb')], 'both')), 'both: a\\x0db');
  assert.equal(describeError('plain'), 'plain');
});
