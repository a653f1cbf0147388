import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addAll, addNew } from './add-all.ts';

const MANY = 300_000;

test('more are added than a call takes as arguments', () => {
  const list = ['a'];
  addAll(list, new Array<string>(MANY).fill('b'));
  assert.equal(list.length, MANY + 1);
});

test('what is there is not added again', () => {
  const list = ['a', 'b'];
  addNew(list, ['b', 'c', 'c', 'a']);
  assert.deepEqual(list, ['a', 'b', 'c']);
  const texts = Array.from({ length: MANY }, (_, i) => `t${i}`);
  addNew(list, texts);
  addNew(list, texts);
  assert.equal(list.length, MANY + 3);
});
