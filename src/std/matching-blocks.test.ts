import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchingBlocks } from './matching-blocks.ts';

const texts = (a: string, b: string) => matchingBlocks([...a], [...b])?.map(({ inA, size }) => a.slice(inA, inA + size));

test('the longest common block is found first, then what is before and after it', () => {
  assert.deepEqual(texts('ab', 'acab'), ['ab']);
  assert.deepEqual(texts('qabxcd', 'abycdf'), ['ab', 'cd']);
  assert.deepEqual(texts('abc', 'xyz'), []);
  assert.deepEqual(texts('', 'x'), []);
});

test('in long lists what is frequent is found only beside what is not', () => {
  const many = Array.from({ length: 300 }, () => '}');
  assert.deepEqual(matchingBlocks(['a', '}', 'b'], ['c', '}', ...many]), []);
  assert.deepEqual(matchingBlocks(['a', '}', 'b'], [...many, 'a', '}']), [{ inA: 0, inB: 300, size: 2 }]);
});

test('lists that take too long to compare are not', () => {
  const numbers = (salt: string) => Array.from({ length: 30_000 }, (_, i) => `${i % 200}${i % 3 ? '' : salt}`);
  assert.equal(matchingBlocks(numbers('a'), numbers('b')), undefined);
});
