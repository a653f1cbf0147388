import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allKinds } from '../all-kinds.ts';
import { fieldsOfSchema, goTypeName, schemaNames } from '../machinery/schema.ts';
import { namedInListTypes } from '../patch/list-types.ts';
import { builtInType } from './built-in-type.ts';
import type { ObjectType } from './object-type.ts';

test('every field and type that has a list type is one of the API', () => {
  const types = new Set(schemaNames().flatMap((schema) => [schema, goTypeName(schema).name]));
  const fields = new Set(
    schemaNames().flatMap((schema) => [...fieldsOfSchema(schema).keys()].map((field) => `${goTypeName(schema).name}.${field}`)),
  );
  const named = namedInListTypes();
  assert.deepEqual(
    named.fields.filter((field) => !fields.has(field)),
    [],
  );
  assert.deepEqual(
    named.types.filter((type) => !types.has(type)),
    [],
  );
});

test('every kind’s type can be made, down to its last field', () => {
  const seen = new Set<ObjectType>();
  const visit = (type: ObjectType): void => {
    if (seen.has(type)) return;
    seen.add(type);
    if (type.form === 'structure') for (const field of type.fields.values()) visit(field.type());
    else if (type.form !== 'scalar') visit(type.element());
  };
  for (const kind of allKinds) visit(builtInType(kind.schema));
  assert.ok(seen.size > 500);
});

test('lists that are sets hold plain values, and keys are fields of the items', () => {
  const container = builtInType('V1Container');
  const ports = container.fields.get('ports')!.type();
  assert.ok(ports.form === 'list' && ports.relation === 'keyed');
  assert.deepEqual(ports.keys, [
    { name: 'containerPort', default: 0 },
    { name: 'protocol', default: 'TCP' },
  ]);
  const secrets = builtInType('V1ServiceAccount').fields.get('secrets')!.type();
  assert.ok(secrets.form === 'list');
  assert.deepEqual(secrets.keys, [{ name: 'name', default: undefined }]);
});

test('a type that is atomic elsewhere can be granular in one field', () => {
  const claimRef = builtInType('V1PersistentVolumeSpec').fields.get('claimRef')!.type();
  assert.ok(claimRef.form === 'structure' && !claimRef.atomic);
  const targetRef = builtInType('V1Endpoint').fields.get('targetRef')!.type();
  assert.ok(targetRef.form === 'structure' && targetRef.atomic);
});
