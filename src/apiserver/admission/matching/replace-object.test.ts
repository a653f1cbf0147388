import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podKind } from '../../../api/core/v1/pod.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { AdmissionAttributes } from '../../contracts.ts';
import { replaceObject } from './replace-object.ts';

test('a field called __proto__ is a field like any other', async () => {
  const object = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'web' } } as DynamicObject;
  const changed = JSON.parse('{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"web"},"__proto__":{"spec":1}}');
  await replaceObject({ object, kind: podKind } as unknown as AdmissionAttributes, changed, podKind);
  assert.equal(Object.getPrototypeOf(object), Object.prototype);
  assert.equal(object['spec'], undefined);
  assert.equal(JSON.stringify(object), JSON.stringify(changed));
});
