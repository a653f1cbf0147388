import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invalidField, isSameError, LateValue, notSupportedField, requiredField } from './field-error.ts';

test('complaints are the same by what they say, and one value that both show is not written for that', () => {
  const value = new LateValue(() => assert.fail('nobody reads it'));
  assert.ok(isSameError(invalidField('a', value, 'is wrong'), invalidField('a', value, 'is wrong')));
  assert.ok(!isSameError(invalidField('a', value, 'is wrong'), invalidField('a', value, 'is odd')));
  assert.ok(!isSameError(invalidField('a', value, 'is wrong'), invalidField('b', value, 'is wrong')));
  assert.ok(!isSameError(invalidField('a', value, ''), notSupportedField('a', value, [])));
  assert.ok(!isSameError(notSupportedField('a', value, ['x']), notSupportedField('a', value, ['y'])));
  assert.ok(isSameError(invalidField('a', { b: 1 }, ''), invalidField('a', { b: 1 }, '')));
  assert.ok(!isSameError(invalidField('a', 'x', ''), invalidField('a', 'y', '')));
  assert.ok(isSameError(requiredField('a'), requiredField('a')));
});
