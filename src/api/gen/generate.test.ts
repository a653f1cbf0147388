import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { generate } from './generate.ts';
import { readModels } from './models.ts';
import { renderOmittedZeros } from './omitted-zeros.ts';

let generated: { types: string; schema: string };
before(async () => {
  generated = generate(await readModels());
});

test('generating again changes neither file (else run: npm run generate)', () => {
  assert.equal(generated.types, readFileSync(join(import.meta.dirname, 'types.ts'), 'utf8'));
  assert.equal(generated.schema, readFileSync(join(import.meta.dirname, 'schema.json'), 'utf8'));
});

test("which zeros are left out is what schemas and Go's types say (else run: npm run generate)", () => {
  const read = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
  const text = renderOmittedZeros(JSON.parse(read('schema.json')), JSON.parse(read('protobuf-fields.json')));
  assert.equal(text, read('omitted-zeros.json'));
});

test('every type that a schema names has a schema', () => {
  const schemas: Record<string, Record<string, string>> = JSON.parse(generated.schema);
  const missing = Object.values(schemas)
    .flatMap((fields) => Object.values(fields))
    .map((type) => type.replace(/^(\[\]|\{\})+/, '').replace(/!$/, ''))
    .filter((type) => /^[A-Z]/.test(type) && !(type in schemas));
  assert.deepEqual(missing, []);
});

test('a field whose name is mangled in the client has its wire name', () => {
  const { V1LimitRangeItem, V1JSONSchemaProps } = JSON.parse(generated.schema);
  assert.equal(V1LimitRangeItem.default, '{}quantity');
  assert.equal(V1JSONSchemaProps['x-kubernetes-validations'], '[]V1ValidationRule');
});
