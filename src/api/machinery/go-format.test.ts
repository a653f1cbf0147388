import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goFormat, goJson } from './go-format.ts';

test('values look as Go prints them', () => {
  assert.equal(goFormat({ b: [1, 'x y', true], a: { c: null } }), 'map[a:map[c:<nil>] b:[1 x y true]]');
  assert.equal(goFormat([]), '[]');
});

test('JSON is written as Go writes it', () => {
  const value = JSON.parse('{"b":{"d":1,"c":"<a&b>"},"a":[{"z":null,"__proto__":1}]}');
  assert.equal(goJson(value), '{"a":[{"__proto__":1,"z":null}],"b":{"c":"\\u003ca\\u0026b\\u003e","d":1}}');
});
