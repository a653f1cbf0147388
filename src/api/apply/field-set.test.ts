import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { difference, equalSets, type FieldSet, intersection, isEmptySet, LEAF, nodeOf, pathsOf, union } from './field-set.ts';
import { parseFieldSet } from './parse-field-set.ts';
import { canonicalElement, formatPath } from './path-element.ts';

/** A set the plain way: its paths, joined. */
const asPaths = (set: FieldSet) => new Set([...pathsOf(set)].map((path) => path.join(' ')));

const element = fc.constantFrom('f:a', 'f:b', 'f:__proto__', 'k:{"name":"x"}', 'v:"y"', 'v:1');
const node: fc.Memo<FieldSet> = fc.memo((depth) =>
  depth === 0
    ? fc.constant(LEAF)
    : fc
        .tuple(fc.dictionary(element, node(depth - 1), { maxKeys: 3, noNullPrototype: true }), fc.boolean())
        .map(([children, member]) => nodeOf(children, member) ?? LEAF),
);
const aSet = fc.dictionary(element, node(3), { maxKeys: 4, noNullPrototype: true }) as fc.Arbitrary<FieldSet>;

test('union, difference and intersection of sets are those of their paths', () => {
  fc.assert(
    fc.property(aSet, aSet, (a, b) => {
      const [pathsA, pathsB] = [asPaths(a), asPaths(b)];
      assert.deepEqual([...asPaths(union(a, b))].sort(), [...pathsA.union(pathsB)].sort());
      assert.deepEqual([...asPaths(difference(a, b))].sort(), [...pathsA.difference(pathsB)].sort());
      assert.deepEqual([...asPaths(intersection(a, b))].sort(), [...pathsA.intersection(pathsB)].sort());
      assert.equal(equalSets(a, b), pathsA.symmetricDifference(pathsB).size === 0);
    }),
    { numRuns: 500 },
  );
});

test('what leaves a set as it is comes back as the same object', () => {
  fc.assert(
    fc.property(aSet, (a) => {
      assert.equal(union(a, a), a);
      assert.equal(union(a, LEAF), a);
      assert.equal(difference(a, LEAF), a);
      assert.equal(difference(a, { 'f:other': LEAF }), a);
      assert.ok(isEmptySet(difference(a, a)));
    }),
  );
});

test('a set is read back from what it is sent as', () => {
  fc.assert(
    fc.property(aSet, (a) => {
      assert.deepEqual(asPaths(parseFieldSet(JSON.parse(JSON.stringify(a)))), asPaths(a));
    }),
  );
});

test('whatever JSON is sent as fields is read or refused with an Error, and read the same again', () => {
  const key = fc.oneof(element, fc.string({ maxLength: 6 }), fc.constantFrom('.', 'k:{}', 'k:{"b":1,"a":2}', 'i:3', 'x:y'));
  const fields: fc.Memo<unknown> = fc.memo((depth) =>
    depth === 0
      ? fc.constant({})
      : fc.dictionary(fc.oneof({ weight: 9, arbitrary: element }, key), fields(depth - 1), { maxKeys: 3 }),
  );
  const anything = fc.oneof(fc.jsonValue({ maxDepth: 6 }), fields(4));
  let read = 0;
  fc.assert(
    fc.property(anything, (json) => {
      let set: FieldSet;
      try {
        set = parseFieldSet(json);
      } catch (error) {
        assert.ok(error instanceof Error && error.message.length < 500);
        return;
      }
      read++;
      assert.deepEqual(parseFieldSet(JSON.parse(JSON.stringify(set))), set);
      for (const path of pathsOf(set)) formatPath(path);
    }),
    { numRuns: 1_000 },
  );
  assert.ok(read > 50);
});

test('sets that are too deep are refused rather than exhausting the stack', () => {
  const deep = JSON.parse(`${'{"f:a":'.repeat(5_000)}{}${'}'.repeat(5_000)}`) as unknown;
  assert.throws(() => parseFieldSet(deep), /must not be deeper than 500/);
});

test('elements have one form, whatever form they come in', () => {
  assert.equal(canonicalElement('k:{ "protocol": "TCP", "containerPort": 80 }'), 'k:{"containerPort":80,"protocol":"TCP"}');
  assert.equal(canonicalElement('v: "a"'), 'v:"a"');
  assert.equal(canonicalElement('i:007'), 'i:7');
  assert.equal(canonicalElement('z:future'), undefined);
  for (const bad of ['', 'f', 'fname', 'k:[1]', 'k:{', 'v:{}', 'i:x']) assert.throws(() => canonicalElement(bad), Error);
});

test('paths are written as upstream writes them', () => {
  assert.equal(
    formatPath(['f:spec', 'f:containers', 'k:{"name":"web"}', 'f:ports', 'k:{"containerPort":80,"protocol":"TCP"}', 'f:name']),
    '.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"].name',
  );
  assert.equal(formatPath(['f:metadata', 'f:finalizers', 'v:"a.b/c"']), '.metadata.finalizers[="a.b/c"]');
  assert.equal(formatPath(['f:args', 'i:2']), '.args[2]');
});
