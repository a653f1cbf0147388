import assert from 'node:assert/strict';
import { test } from 'node:test';
import { remembered } from './remembered.ts';

test('what is made of an object is made once, and anew of another that is equal', () => {
  let made = 0;
  const read = remembered(({ text }: { text: string }) => {
    made++;
    return text === '' ? undefined : text.length;
  });
  const object = { text: 'abc' };
  assert.deepEqual([read(object), read(object), made], [3, 3, 1]);
  assert.deepEqual([read({ ...object }), made], [3, 2]);
  const nothing = { text: '' };
  assert.deepEqual([read(nothing), read(nothing), made], [undefined, undefined, 3]);
});
