import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runAtOnce } from '../../../std/pauses.ts';
import type { JsonSchema } from './json-schema.ts';
import { publishedSchema } from './open-api.ts';

const published = (...args: Parameters<typeof publishedSchema>) => runAtOnce(publishedSchema(...args));

const OPEN: JsonSchema = {
  type: 'object',
  description: 'Anything.',
  'x-kubernetes-preserve-unknown-fields': true,
  properties: { spec: { type: 'object' } },
};

test('version 2 says of an object that keeps unknown fields no more than that it is one, version 3 names its fields', () => {
  assert.deepEqual(published(OPEN, 'v2'), { type: 'object' });
  assert.deepEqual(published(undefined, 'v2'), { type: 'object' });
  assert.deepEqual(published(undefined, 'v3'), { type: 'object' });
  const { properties } = published(OPEN, 'v3');
  assert.deepEqual(Object.keys(properties as object), ['apiVersion', 'kind', 'metadata', 'spec']);
});

test('a resource within another must say what it is, and has words of its own for that', () => {
  const pod: JsonSchema = {
    type: 'object',
    'x-kubernetes-embedded-resource': true,
    required: ['spec'],
    properties: { spec: {} },
  };
  const schema: JsonSchema = { type: 'object', properties: { pod } };
  for (const form of ['v2', 'v3'] as const) {
    const { properties } = published(schema, form) as {
      properties: Record<string, { required: string[]; properties: object }>;
    };
    assert.deepEqual(properties['pod']!.required, ['spec', 'kind', 'apiVersion']);
    assert.match(JSON.stringify(properties['pod']!.properties), /"kind is a string value representing the type of this object\./);
  }
});

test('an open field has neither type nor fields in version 2', () => {
  const schema: JsonSchema = { type: 'object', properties: { spec: OPEN } };
  const specOf = (form: 'v2' | 'v3') => (published(schema, form)['properties'] as Record<string, object>)['spec'];
  assert.deepEqual(specOf('v2'), { description: 'Anything.', 'x-kubernetes-preserve-unknown-fields': true });
  assert.deepEqual(specOf('v3'), OPEN);
});

test('version 2 requires no field that may be null', () => {
  const properties: Record<string, JsonSchema> = { a: { type: 'string', nullable: true }, b: { type: 'string' } };
  const schema: JsonSchema = { type: 'object', required: ['a', 'b'], properties };
  assert.deepEqual(published(schema, 'v2')['required'], ['b']);
  assert.deepEqual(published(schema, 'v3')['required'], ['a', 'b']);
  assert.equal('required' in published({ ...schema, required: ['a'] }, 'v2'), false);
});

test('version 2 names no defaults, and of what may be null neither type, items nor fields; version 3 does', () => {
  const inner: JsonSchema = { type: 'object', nullable: true, required: ['a'], properties: { a: { type: 'string' } } };
  const properties: Record<string, JsonSchema> = {
    inner,
    text: { type: 'string', nullable: true, format: 'uuid', enum: ['x'], default: 'x' },
    map: { type: 'object', nullable: true, additionalProperties: { type: 'string' } },
    open: { type: 'object', additionalProperties: true },
  };
  const v2 = published({ type: 'object', properties }, 'v2')['properties'] as Record<string, object>;
  assert.deepEqual(v2['inner'], { required: ['a'] });
  assert.deepEqual(v2['text'], { format: 'uuid', enum: ['x'] });
  assert.deepEqual(v2['map'], { additionalProperties: { type: 'string' } });
  assert.deepEqual(v2['open'], properties['open']);
  const v3 = published({ type: 'object', properties }, 'v3')['properties'] as Record<string, object>;
  assert.deepEqual([v3['inner'], v3['text'], v3['open']], [inner, properties['text'], properties['open']]);
});

test('version 3 says of an integer or a text that it is either, once', () => {
  const both = [{ type: 'integer' }, { type: 'string' }];
  const publishedAs = (more: JsonSchema) => {
    const port: JsonSchema = { 'x-kubernetes-int-or-string': true, ...more };
    const { properties } = published({ type: 'object', properties: { port } }, 'v3');
    const { 'x-kubernetes-int-or-string': _, ...said } = (properties as Record<string, Record<string, unknown>>)['port']!;
    return said;
  };
  assert.deepEqual(publishedAs({}), { anyOf: both });
  assert.deepEqual(publishedAs({ anyOf: both }), { anyOf: both });
  assert.deepEqual(publishedAs({ allOf: [{ anyOf: both }] }), { allOf: [{ anyOf: both }] });
  assert.deepEqual(publishedAs({ anyOf: [{ minimum: 1 }], allOf: [{ maximum: 5 }] }), {
    anyOf: [{ minimum: 1 }],
    allOf: [{ anyOf: both }, { maximum: 5 }],
  });
});
