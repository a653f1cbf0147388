import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseJsonPath } from './json-path.ts';

const object = {
  spec: { replicas: 3, containers: [{ name: 'a', image: 'x' }, { name: 'b' }], 'dotted.name': 'd' },
  status: {
    conditions: [
      { type: 'Ready', status: 'True', n: 2 },
      { type: 'Live', status: 'False', n: 5 },
    ],
  },
};

test('paths lead to what they name', () => {
  const rows: readonly [string, unknown[]][] = [
    ['.spec.replicas', [3]],
    ['$.spec.replicas', [3]],
    ['.spec.missing.deeper', []],
    ['.spec.containers[0].name', ['a']],
    ['.spec.containers[-1].name', ['b']],
    ['.spec.containers[*].name', ['a', 'b']],
    ['.spec.containers[0:1].name', ['a']],
    ['.spec.containers[0,1].name', ['a', 'b']],
    [".spec['dotted.name']", []],
    [".spec['dotted\\.name']", ['d']],
    ['.spec.dotted\\.name', ['d']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type=='Live')].n", [5]],
    ['.status.conditions[?(@.n>2)].type', ['Live']],
    ['.status.conditions[?(@.missing)].type', []],
    ['..image', ['x']],
    ['.__proto__.x', []],
    ['.', []],
    ['.spec.containers[]', [{ name: 'a', image: 'x' }]],
    ['.spec.containers[0:2].name', ['a', 'b']],
    ['.spec.containers[::2].name', ['a']],
    ['.spec.containers[?(@.image)].name', ['a']],
    ['.status.conditions[?(@.n==2)].type', ['Ready']],
  ];
  for (const [path, expected] of rows) assert.deepEqual(parseJsonPath(path)(object), expected, path);
});

test('a path that asks of a value what it has not leads nowhere', () => {
  for (const path of [
    '.spec.containers[5]',
    '.spec.containers[2:1]',
    '.spec.replicas[0]',
    '.spec[?(@.a==1)]',
    '.status.conditions[?(@.n==2.0)].type',
    '.status.conditions[?(@.n=="2")].type',
    '.status.conditions[?(@.n=!2)].type',
    '.spec.containers name',
  ])
    assert.deepEqual(parseJsonPath(path)(object), [], path);
});

test('what is no path is refused', () => {
  for (const path of ['.a[', '.a[b]', '.a["b"]', '.a[?(@.x', '.a[?(]', '.a,b', '.a#b "x', '....', '.a{', '.a[-]', '.a "\\q"'])
    assert.throws(() => parseJsonPath(path), Error, path);
});

test('no text makes it crash or hang', () => {
  const seed = Number(process.env['MUSTER_TEST_SEED'] ?? Date.now() % 1_000_000);
  const parts = fc.constantFrom('.', '..', '[', ']', '*', '?(', ')', '@', '==', '"x"', "'", '\\', 'spec', '0', ':', ',', '-1');
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 30 }), (list) => {
      try {
        parseJsonPath(list.join(''))(object);
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof RangeError), String(error));
      }
    }),
    { seed, numRuns: 500 },
  );
  const wide = { list: Array.from({ length: 20_000 }, () => [1]) };
  for (const path of ['.list.*', '.list..', '.list[*]']) assert.equal(parseJsonPath(path)(wide).length, 10_000, path);
});

test('a union that leads to one long list again and again finds no more than others do', () => {
  const long = { list: new Array(100_000).fill(1) };
  const union = `['${new Array(400).fill('list').join("','")}']`;
  assert.equal(parseJsonPath(`${union}[*]`)(long).length, 10_000);
});
