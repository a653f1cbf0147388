import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutTrailing } from './trailing.ts';

test('only the run at the end goes, and a long run elsewhere costs no more than it is long', () => {
  assert.equal(withoutTrailing('/a//b///', '/'), '/a//b');
  assert.equal(withoutTrailing('///', '/'), '');
  assert.equal(withoutTrailing('', '/'), '');
  const run = `${'/'.repeat(1_000_000)}x`;
  assert.equal(withoutTrailing(run, '/'), run);
});
