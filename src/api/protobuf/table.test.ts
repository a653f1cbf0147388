import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allKinds } from '../all-kinds.ts';
import numbers from '../gen/protobuf-fields.json' with { type: 'json' };
import { type FieldType, fieldsOfSchema } from '../machinery/schema.ts';
import { schemaOfObject } from './object-schema.ts';

const rows: Readonly<Record<string, Readonly<Record<string, string>>>> = numbers;
const OTHER_ROOTS = [
  'AuthenticationV1TokenRequest',
  'V1Binding',
  'V1DeleteOptions',
  'V1Eviction',
  'V1ListMeta',
  'V1Scale',
  'V1Status',
];

/** Its own type lies in the envelope; only references to other objects have these fields on the wire. */
const TYPE_META = new Set(['apiVersion', 'kind']);

function structureIn(type: FieldType): string | undefined {
  if (type.form === 'structure') return type.schema;
  return type.form === 'scalar' ? undefined : structureIn(type.of);
}

function reachable(): Set<string> {
  const found = new Set<string>();
  const queue = [...allKinds.map((kind) => kind.schema), ...OTHER_ROOTS];
  for (let schema = queue.pop(); schema !== undefined; schema = queue.pop()) {
    if (found.has(schema)) continue;
    found.add(schema);
    for (const { type } of fieldsOfSchema(schema).values()) {
      const inner = structureIn(type);
      if (inner) queue.push(inner);
    }
  }
  return found;
}

test('every field of everything that is served has a number', () => {
  const missing: string[] = [];
  for (const schema of reachable()) {
    const fields = fieldsOfSchema(schema);
    const isObject = fields.has('apiVersion') && fields.has('kind') && rows[schema]?.['apiVersion'] === undefined;
    for (const name of fields.keys())
      if (rows[schema]?.[name] === undefined && !(isObject && TYPE_META.has(name))) missing.push(`${schema}.${name}`);
  }
  assert.deepEqual(missing, []);
  assert.ok(reachable().size > 350, 'the walk goes through what kinds are made of');
});

test('a number is given once in a message, and an embedded message takes one', () => {
  for (const [schema, row] of Object.entries(rows)) {
    const seen = new Set<string>();
    const embedded = new Set<string>();
    for (const [name, text] of Object.entries(row)) {
      assert.match(text, /^([1-9]\d*\.)*[1-9]\d*\*?!?$/, `${schema}.${name}`);
      const path = text.replace(/[*!]/g, '');
      assert.ok(!seen.has(path), `${schema}: ${path} is given twice`);
      seen.add(path);
      for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) embedded.add(path.slice(0, dot));
    }
    for (const path of embedded) assert.ok(!seen.has(path), `${schema}: ${path} is a field and a message`);
  }
});

test('the table names no field that its schema does not have', () => {
  for (const [schema, row] of Object.entries(rows))
    for (const name of Object.keys(row)) assert.ok(fieldsOfSchema(schema).has(name), `${schema}.${name}`);
});

test('every kind that is served has a protobuf form', () => {
  for (const kind of allKinds) {
    const apiVersion = kind.group ? `${kind.group}/${kind.version}` : kind.version;
    assert.equal(schemaOfObject({ apiVersion, kind: kind.kind }), kind.schema);
  }
  assert.equal(schemaOfObject({ apiVersion: 'v1', kind: 'Status' }), 'V1Status');
  assert.equal(schemaOfObject({ apiVersion: 'example.com/v1', kind: 'Widget' }), undefined);
});
