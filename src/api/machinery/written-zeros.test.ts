import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInType } from '../apply/built-in-type.ts';
import { trackCreate } from '../apply/track-update.ts';
import { decodeObject } from './decode.ts';
import { resetStatus } from './initial-status.ts';
import type { DynamicObject } from './object.ts';
import { fieldOfSchema } from './schema.ts';
import { isWrittenAsZero } from './written-zeros.ts';

const priorityClass = { group: 'scheduling.k8s.io', version: 'v1', kind: 'PriorityClass', schema: 'V1PriorityClass' };

test('numbers that Go always writes are there as 0', () => {
  const { object } = decodeObject(priorityClass, { metadata: { name: 'low' } });
  assert.equal(object['value'], 0);
  const written = decodeObject(priorityClass, { metadata: { name: 'high' }, value: 7 });
  assert.equal(written.object['value'], 7);
});

test('a new status shows them too', () => {
  const statusOf = (schema: string) => {
    const object: DynamicObject = { apiVersion: 'v1', kind: 'Any', metadata: {} };
    resetStatus(schema)(object);
    return object['status'];
  };
  assert.deepEqual(statusOf('V1StatefulSet'), { availableReplicas: 0, replicas: 0 });
  assert.deepEqual(statusOf('V1PodDisruptionBudget'), {
    currentHealthy: 0,
    desiredHealthy: 0,
    disruptionsAllowed: 0,
    expectedPods: 0,
  });
});

test('who makes an object does not come to own what it did not say', () => {
  const writer = { manager: 'm', operation: 'Update', apiVersion: 'scheduling.k8s.io/v1', subresource: '', time: '' } as const;
  const owned = (object: object) => trackCreate(builtInType('V1PriorityClass'), object, writer, [])?.[0]?.fieldsV1;
  assert.equal(owned({ value: 0 }), undefined);
  assert.deepEqual(owned({ value: 1 }), { 'f:value': {} });
});

test('the fields are there', () => {
  for (const [schema, field] of [
    ['V1PodDisruptionBudgetStatus', 'expectedPods'],
    ['V1PriorityClass', 'value'],
    ['V1StatefulSetStatus', 'availableReplicas'],
  ] as const) {
    assert.ok(isWrittenAsZero(schema, field));
    assert.deepEqual(fieldOfSchema(schema, field), { form: 'scalar', name: 'int32' });
  }
  assert.equal(isWrittenAsZero('V1PriorityClass', 'description'), false);
});
