/** Objects made at random from each kind's schema go through everything that a kind does with them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allKinds } from './all-kinds.ts';
import { cloneJson } from './machinery/clone.ts';
import { decodeObject } from './machinery/decode.ts';
import { apiVersionOf, type KindDefinition, type WriteContext } from './machinery/kind.ts';
import { type FieldType, fieldsOfSchema, type ScalarName } from './machinery/schema.ts';
import { renderTable } from './machinery/table.ts';
import { validateMetadata } from './machinery/validate-metadata.ts';
import { olderKinds } from './older/older-kinds.ts';

const SCALARS: Readonly<Record<ScalarName, readonly unknown[]>> = {
  string: ['', 'a', 'Always', 'kubernetes.io/x', 'None', 'UPPER', 'a b', '10.0.0.1', '__proto__'],
  boolean: [true, false],
  int32: [0, 1, -1, 80, 70_000],
  int64: [0, 1, -1, 3600],
  double: [0, 0.5],
  time: ['2024-01-01T00:00:00Z', '2020-06-01T12:00:00+02:00'],
  'micro-time': ['2024-01-01T00:00:00.000000Z'],
  bytes: ['', 'YQ=='],
  quantity: ['0', '100m', '1Gi', 2],
  'int-or-string': [0, 80, '25%', 'http'],
  any: [null, {}, 'x', [1]],
};

/** Mulberry32: evenly spread numbers in [0, 1) that follow from the seed. */
function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A value of the type, with fewer fields the deeper it lies. */
function make(type: FieldType, random: () => number, depth: number): unknown {
  switch (type.form) {
    case 'scalar': {
      const values = SCALARS[type.name];
      return values[Math.floor(random() * values.length)];
    }
    case 'list':
      return Array.from({ length: Math.floor(random() * 3) }, () => make(type.of, random, depth + 1));
    case 'map':
      return Object.fromEntries(
        ['a', 'cpu', 'x/y'].filter(() => random() < 0.3).map((key) => [key, make(type.of, random, depth + 1)]),
      );
    case 'structure':
      return makeStructure(type.schema, random, depth + 1);
  }
}

/** What the generated schemas know no type for: they hold schemas. */
const SCHEMAS_OR_MORE: readonly unknown[] = [{}, { type: 'string', default: 'x' }, true, false];
const SCHEMAS: readonly unknown[] = [...SCHEMAS_OR_MORE, [], [{ type: 'object' }], 'x'];
const HOLD_SCHEMAS: ReadonlySet<string> = new Set(['items', 'additionalItems', 'additionalProperties']);

function makeStructure(schema: string, random: () => number, depth: number): Record<string, unknown> {
  const fields = [...fieldsOfSchema(schema)].filter(() => random() < (depth > 6 ? 0.05 : depth > 2 ? 0.4 : 0.8));
  const ofSchemas = schema === 'V1JSONSchemaProps';
  const pick = (from: readonly unknown[]) => from[Math.floor(random() * from.length)];
  const fill = (name: string, type: FieldType) => {
    if (ofSchemas && HOLD_SCHEMAS.has(name)) return pick(name === 'items' ? SCHEMAS : SCHEMAS_OR_MORE);
    // Nor for this one, which is a structure without fields.
    return schema === 'V1CustomResourceSubresources' && name === 'status' ? {} : make(type, random, depth);
  };
  return Object.fromEntries(fields.map(([name, { type }]) => [name, fill(name, type)]));
}

const context: WriteContext = { nowMs: 0, user: { name: 'u', groups: ['g'], extra: { k: ['v'] } } };

function makeObject(kind: KindDefinition, random: () => number) {
  const json = { ...makeStructure(kind.schema, random, 0), apiVersion: apiVersionOf(kind), kind: kind.kind };
  return decodeObject(kind, JSON.parse(JSON.stringify(json))).object;
}

/** Everything that may happen to an object; nothing of it may throw. */
function exercise(kind: KindDefinition, random: () => number): void {
  const existing = makeObject(kind, random);
  const object = makeObject(kind, random);
  const frozen = JSON.stringify(existing);
  kind.setDefaults?.(object);
  const defaulted = JSON.stringify(object);
  kind.setDefaults?.(object);
  assert.equal(JSON.stringify(object), defaulted, `${kind.kind}: defaults of defaults`);
  const created = cloneJson(object);
  kind.prepareForCreate?.(created, context);
  validateMetadata(created.metadata, kind);
  kind.validate?.(created, context);
  kind.validate?.(object, context, existing);
  kind.warnings?.(object, existing);
  kind.validateUpdate?.(object, existing, context);
  kind.gracePeriodSeconds?.(object, undefined);
  for (const part of kind.parts) part.validate?.(part.merge(cloneJson(existing), object, context), existing, context);
  assert.equal(JSON.stringify(existing), frozen, `${kind.kind}: the existing object was changed`);
  if (kind.storedAs) kind.storedAs.fromStored(kind.storedAs.toStored(object));
  renderTable(kind, [object, existing], { nowMs: 0, includeObject: 'Object' });
  for (const get of Object.values(kind.selectableFields)) assert.equal(typeof get(object), 'string');
}

for (const kind of [...allKinds, ...olderKinds])
  test(`any ${kind.kind} of ${apiVersionOf(kind)} is defaulted, checked, merged and shown without a crash`, async () => {
    await kind.loadFirst?.();
    fc.assert(
      fc.property(fc.integer(), (seed) => exercise(kind, seededRandom(seed))),
      { numRuns: 60 },
    );
  });
