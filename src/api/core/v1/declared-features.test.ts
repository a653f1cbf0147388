import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf } from '../../test-specimens.ts';
import { nodeKind } from './node.ts';

test('what a node says it can do is named, sorted, and said once', () => {
  const nodes = specimensOf(nodeKind);
  const told = (...declaredFeatures: string[]) =>
    nodes.refusals(nodes.make({}), nodes.make({ status: { declaredFeatures } }), 'status');
  assert.deepEqual(told('AllOf', 'AllOf/part', 'Zoom'), []);
  assert.deepEqual(told('B', 'A', 'A'), [
    'status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically',
    'status.declaredFeatures[2]: Duplicate value: "A"',
  ]);
  const [small, long] = told('Small/', 'X'.repeat(254));
  assert.match(
    small!,
    /^status\.declaredFeatures\[0\]: Invalid value: "Small\/": invalid feature name "Small\/": must start with an/,
  );
  assert.match(long!, /^status\.declaredFeatures\[1\]: .*: must be no more than 253 characters$/);
  assert.equal(nodes.complaints({ status: { declaredFeatures: ['small'] } }).length, 1);
});
