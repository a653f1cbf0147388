import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { runAtOnce } from '../../std/pauses.ts';
import { findDuplicateFields, findDuplicateKeys, strictProblems, untypedProblemsInSteps } from './duplicate-fields.ts';

test('fields given twice are found wherever they are', () => {
  assert.deepEqual(findDuplicateFields('{"a":1,"b":{"c":[{"d":1},{"d":"\\"d\\":","e":2,"d":3}]},"\\u0061":2}'), [
    'b.c[1].d',
    'a',
  ]);
  assert.deepEqual(findDuplicateFields('{"a":{"x":"a"},"b":{"x":{}, "y" : ["x","x"]}}'), []);
  assert.deepEqual(findDuplicateKeys('{"a":{"b":1,\n"b":2}}'), [{ key: 'b', path: 'a.b', at: 13 }]);
});

test('JSON as it is written has no field twice', () => {
  fc.assert(fc.property(fc.json({ maxDepth: 4 }), (text) => assert.deepEqual(findDuplicateFields(text), [])));
});

test('problems are told in the order of the text, and an unknown field is told once', () => {
  const text =
    '{"spec":{"x":1,"y":2,"y":3,"paused":true,"paused":false,"containers":[{"z":{"a":1,"a":2},"image":"","image":""}]}}';
  assert.deepEqual(strictProblems(text, ['spec.x', 'spec.y', 'spec.containers[0].z']), [
    'unknown field "spec.x"',
    'unknown field "spec.y"',
    'duplicate field "spec.paused"',
    'unknown field "spec.containers[0].z"',
    'duplicate field "spec.containers[0].image"',
  ]);
  assert.deepEqual(strictProblems('{"a":1}', ['a']), ['unknown field "a"']);
  assert.deepEqual(strictProblems('{"a":1,"a":2}', []), ['duplicate field "a"']);
});

test('of a custom resource all that comes again is told, the unknown too, and then what is unknown', () => {
  const text = '{"spec":{"x":1,"y":2,"y":3,"known":1,"known":2,"ports":[{"z":1}]}}';
  assert.deepEqual(runAtOnce(untypedProblemsInSteps(text, ['spec.ports[0].z', 'spec.x', 'spec.y'])), [
    'duplicate field "spec.y"',
    'duplicate field "spec.known"',
    'unknown field "spec.ports[0].z"',
    'unknown field "spec.x"',
    'unknown field "spec.y"',
  ]);
});

test('what comes again and again is told once, and no more than a hundred problems are', () => {
  assert.deepEqual(findDuplicateFields('{"a":{"b":1,"b":2},"a":{"b":1,"b":2,"b":3}}'), ['a.b', 'a']);
  const keys = Array.from({ length: 80 }, (_, i) => `"k${i}":1,"k${i}":2,"u${i}":3`);
  const problems = strictProblems(
    `{${keys.join()}}`,
    Array.from({ length: 80 }, (_, i) => `u${i}`),
  );
  assert.equal(problems.length, 100);
  assert.deepEqual(problems.slice(-2), ['duplicate field "k49"', 'unknown field "u49"']);
});

test('a key that comes again a hundred thousand times, nine thousand objects deep, has its path told once', () => {
  const DEPTH = 9_000;
  const deep = (inner: string) => `${'{"a":'.repeat(DEPTH)}${inner}${'}'.repeat(DEPTH)}`;
  const above = 'a.'.repeat(DEPTH);
  assert.deepEqual(findDuplicateFields(deep(`{${new Array(100_000).fill('"b":1').join()}}`)), [`${above}b`]);
  const objects = new Array(50_000).fill('"x":{"b":1,"b":1}').join();
  assert.deepEqual(findDuplicateFields(deep(`{${objects}}`)), [`${above}x.b`, `${above}x`]);
});

test('keys that are called as an unknown field is, nine thousand objects deep, do not have their path put together each', () => {
  const deep = `${'{"a":'.repeat(9_000)}{${new Array(100_000).fill('"x":1').join()}}${'}'.repeat(9_000)}`;
  const long = 'y'.repeat(18_001);
  const text = `{"b":${deep},"${long}":1,"x":1,"kind":1,"kind":2}`;
  assert.deepEqual(strictProblems(text, ['b', `${long}x`, 'x']), [
    'unknown field "b"',
    'unknown field "x"',
    'duplicate field "kind"',
  ]);
  assert.deepEqual(strictProblems('{"a[0":1,"a":{"0":1,"0":2}}', ['a[0']), ['unknown field "a[0"', 'duplicate field "a.0"']);
});
