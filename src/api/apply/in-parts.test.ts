import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { runAtOnce } from '../../std/pauses.ts';
import { builtInType } from './built-in-type.ts';
import { EMPTY, type FieldSet, LEAF, nodeOf, union } from './field-set.ts';
import { DIFFERENCE, INTERSECTION, inParts, type SetOperation, UNION, WITHOUT_BRANCHES, withNamedFieldsOf } from './in-parts.ts';

const element = fc.constantFrom(
  'f:a',
  'f:b',
  'f:metadata',
  'f:labels',
  'f:data',
  'f:spec',
  'v:1',
  'k:{"name":"x"}',
  'f:__proto__',
);
const { node } = fc.letrec<{ node: FieldSet }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.constant(LEAF),
    fc
      .tuple(fc.array(fc.tuple(element, tie('node')), { minLength: 1, maxLength: 5 }), fc.boolean())
      .map(([children, member]) => nodeOf(Object.fromEntries(children), member)!),
  ),
}));
const set = fc.array(fc.tuple(element, node), { maxLength: 5 }).map((children): FieldSet => Object.fromEntries(children));

const operations: Record<string, SetOperation> = {
  union: UNION,
  difference: DIFFERENCE,
  intersection: INTERSECTION,
  'difference of branches': WITHOUT_BRANCHES,
  'named fields': withNamedFieldsOf(builtInType('V1ConfigMap')),
};

for (const [name, operation] of Object.entries(operations))
  test(`a ${name} of wide sets is the same in parts and at once`, () => {
    fc.assert(
      fc.property(set, set, fc.boolean(), fc.integer({ min: 1, max: 4 }), (a, other, isPart, children) => {
        const b = isPart ? union(other, a) : other;
        const expected = operation.of([a, b], []);
        const made = runAtOnce(inParts(operation, [a, b], children));
        assert.deepEqual(made, expected);
        // Who sees the same set knows that nothing was taken.
        if (expected === a && name.startsWith('difference')) assert.equal(made, a);
      }),
      { numRuns: 3000 },
    );
  });

test('others have their turn after every few thousand children', () => {
  const wide = (from: number): FieldSet => ({
    'f:data': Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`f:k${from + i}`, LEAF])),
  });
  for (const operation of Object.values(operations)) {
    let pauses = 0;
    for (const steps = inParts(operation, [wide(0), wide(10_000)]); !steps.next().done; ) pauses++;
    assert.ok(pauses >= 5, `${pauses}`);
  }
  assert.equal(inParts(UNION, [EMPTY, EMPTY]).next().done, true);
});
