import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonSchema } from './json-schema.ts';
import { publishedSchema } from './open-api.ts';

const OPEN: JsonSchema = {
  type: 'object',
  description: 'Anything.',
  'x-kubernetes-preserve-unknown-fields': true,
  properties: { spec: { type: 'object' } },
};

test('version 2 names no field of an object that keeps unknown ones, version 3 does', () => {
  assert.deepEqual(publishedSchema(OPEN, 'v2'), {
    description: 'Anything.',
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
  });
  const { properties } = publishedSchema(OPEN, 'v3');
  assert.deepEqual(Object.keys(properties as object), ['apiVersion', 'kind', 'metadata', 'spec']);
});

test('an open field has neither type nor fields in version 2', () => {
  const schema: JsonSchema = { type: 'object', properties: { spec: OPEN } };
  const specOf = (form: 'v2' | 'v3') => (publishedSchema(schema, form)['properties'] as Record<string, object>)['spec'];
  assert.deepEqual(specOf('v2'), { description: 'Anything.', 'x-kubernetes-preserve-unknown-fields': true });
  assert.deepEqual(specOf('v3'), OPEN);
});

test('version 2 requires no field that may be null', () => {
  const properties: Record<string, JsonSchema> = { a: { type: 'string', nullable: true }, b: { type: 'string' } };
  const schema: JsonSchema = { type: 'object', required: ['a', 'b'], properties };
  assert.deepEqual(publishedSchema(schema, 'v2')['required'], ['b']);
  assert.deepEqual(publishedSchema(schema, 'v3')['required'], ['a', 'b']);
  assert.equal('required' in publishedSchema({ ...schema, required: ['a'] }, 'v2'), false);
});
