import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishedSchema } from '../../api/apiextensions/schema/open-api.ts';
import { runAtOnce, type Steps } from '../../std/pauses.ts';
import { type DocumentForm, DocumentWriter } from './document-writer.ts';
import { SWAGGER_PROTOBUF } from './gnostic-encoding.ts';
import { OPENAPI_V3_JSON, SWAGGER_JSON } from './json-forms.ts';
import type { SchemaObject } from './openapi-document.ts';

const FRAME = { swagger: '2.0', info: { title: 'a', version: 'b' }, security: [], securityDefinitions: {} } as const;
const FORMS: Readonly<Record<string, DocumentForm>> = {
  JSON: SWAGGER_JSON,
  protobuf: SWAGGER_PROTOBUF,
  'version 3': OPENAPI_V3_JSON,
};

function pausesOf<T>(steps: Steps<T>): { readonly pauses: number; readonly value: T } {
  for (let pauses = 0; ; pauses++) {
    const { done, value } = steps.next();
    if (done) return { pauses, value };
  }
}

test('a document has its definitions in the order of their names, whatever the order in which they came', () => {
  const writer = new DocumentWriter(SWAGGER_JSON);
  for (const name of ['b', 'a', 'c']) runAtOnce(writer.addDefinitions({ [name]: { type: 'object', description: name } }));
  const pieces = runAtOnce(writer.finish((...parts) => SWAGGER_JSON.join(FRAME, ...parts)));
  const text = Buffer.concat(pieces).toString();
  assert.deepEqual(Object.keys(JSON.parse(text).definitions), ['a', 'b', 'c']);
  assert.deepEqual(JSON.parse(text).paths, {});
});

test('a long document comes in pieces, with a pause behind each', () => {
  const writer = new DocumentWriter(SWAGGER_JSON);
  const description = 'x'.repeat(100_000);
  runAtOnce(writer.addDefinitions(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`d${i}`, { description }]))));
  const { pauses, value } = pausesOf(writer.finish((...parts) => SWAGGER_JSON.join(FRAME, ...parts)));
  assert.ok(value.length >= 10, `${value.length} pieces`);
  assert.ok(pauses >= value.length - 1, `${pauses} pauses`);
  assert.equal(JSON.parse(Buffer.concat(value).toString()).definitions.d29.description, description);
});

test('a schema of thousands of properties is published, and written in each form, with pauses', () => {
  const properties = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`p${i}`, { type: 'string' }]));
  const schema = { type: 'object', properties: { spec: { type: 'object', properties } } };
  const published = pausesOf(publishedSchema(schema, 'v3'));
  assert.ok(published.pauses >= 5, `${published.pauses} pauses`);
  for (const [name, form] of Object.entries(FORMS)) {
    const { pauses } = pausesOf(form.definition('a', published.value as SchemaObject));
    assert.ok(pauses >= 1, `${name}: ${pauses} pauses`);
  }
});
