import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goFormat } from './go-format.ts';

test('values look as Go prints them', () => {
  assert.equal(goFormat({ b: [1, 'x y', true], a: { c: null } }), 'map[a:map[c:<nil>] b:[1 x y true]]');
  assert.equal(goFormat([]), '[]');
});
