import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Steps } from '../../../std/pauses.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { validateMutatingPolicy } from './mutating-policy-validation.ts';
import { validateValidatingPolicy } from './validating-policy-validation.ts';
import { validateWebhookConfiguration } from './webhook-validation.ts';

const LONG = Array.from({ length: 3000 }, (_, i) => `object.a != ${i}`).join(' || ');

function pauses(steps: Steps<unknown>): number {
  let count = 0;
  while (!steps.next().done) count++;
  return count;
}

const object = (more: object) => ({ metadata: { name: 'a' }, ...more }) as object as DynamicObject;
const named = (expression: string) => [{ name: 'a', expression }];

test('wherever a long expression stands, others have their turn between the passes over it; there is none for short ones', () => {
  const validating = (spec: object) => validateValidatingPolicy(object({ spec }), undefined);
  const mutating = (spec: object) => validateMutatingPolicy(object({ spec }), undefined);
  const places: ((expression: string) => Steps<unknown>)[] = [
    (expression) => validating({ validations: [{ expression }] }),
    (expression) => validating({ validations: [{ expression: 'true', messageExpression: `(${expression}) ? 'a' : 'b'` }] }),
    (expression) => validating({ validations: [{ expression: 'true' }], variables: named(expression) }),
    (expression) => validating({ validations: [{ expression: 'true' }], matchConditions: named(expression) }),
    (expression) => mutating({ variables: named(expression) }),
    (expression) => mutating({ matchConditions: named(expression) }),
    (expression) =>
      validateWebhookConfiguration(object({ webhooks: [{ name: 'a', matchConditions: named(expression) }] }), undefined),
  ];
  for (const [i, place] of places.entries()) {
    assert.ok(pauses(place(LONG)) >= 3, `place ${i}`);
    assert.equal(pauses(place('object.a == 1')), 0, `place ${i}`);
  }
});
