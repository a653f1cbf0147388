import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../../std/coded-error.ts';
import { runAtOnce, type Steps } from '../../std/pauses.ts';
import { allKinds } from '../all-kinds.ts';
import { apiVersionOf } from '../machinery/kind.ts';
import type { ScalarName } from '../machinery/schema.ts';
import { decodeProtobuf } from './decode.ts';
import { decodeProtobufInSteps } from './decode-in-steps.ts';
import { encodeProtobuf } from './encode.ts';
import { encodeProtobufInSteps } from './encode-in-steps.ts';
import { type FieldShape, type MessageShape, shapeOf, type ValueShape } from './message-shape.ts';

/** A number from 0 to 1, another one each time. */
type Random = () => number;

/** Mulberry32: small, and the same for a seed everywhere. */
function randomFrom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const pick = <T>(random: Random, values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
const INTEGERS = [0, 1, -1, 127, 128, 16_384, 2_097_152, 268_435_456, 2_147_483_647, -2_147_483_648];
const TEXTS = ['', 'a', 'ü€😀', 'x'.repeat(200), '__proto__', '0'];

/** What a scalar of each kind may be, in its canonical form. */
const SCALARS: Readonly<Record<ScalarName, readonly unknown[]>> = {
  string: TEXTS,
  boolean: [true, false],
  int32: INTEGERS,
  int64: [...INTEGERS, 2 ** 35, 2 ** 49, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  double: [0, 0.1, -1e300],
  bytes: ['AA==', 'AP8=', Buffer.alloc(300, 7).toString('base64')],
  quantity: ['0', '1', '500m', '1Gi', '-3'],
  'int-or-string': [0, 80, -1, '', 'http', '50%'],
  time: ['1970-01-01T00:00:01Z', '1969-12-31T23:59:59Z', '2026-11-22T02:23:43Z', '9999-12-31T23:59:59Z'],
  'micro-time': ['2026-11-22T02:23:43.000001Z', '1969-12-31T23:59:59.999999Z', '2026-11-22T02:23:43.000000Z'],
  any: [{ a: [1, null, 'x'] }, 'text', 5],
};

/** Nodes of one object, about. */
const MOST_NODES = 400;

function fieldsOf(shape: MessageShape): FieldShape[] {
  return shape.descending.flatMap((field) => ('embedded' in field ? fieldsOf(field.embedded) : [field]));
}

/** An object of a shape: any of its fields may be there. */
function objectOf(shape: MessageShape, random: Random, budget = { nodes: MOST_NODES }): Record<string, unknown> {
  const valueFor = (value: ValueShape): unknown => {
    if (value.form === 'scalar') return pick(random, SCALARS[value.name]);
    if (value.form === 'message') return objectOf(value.shape, random, budget);
    const texts = [pick(random, TEXTS), pick(random, TEXTS)];
    if (value.form === 'texts') return texts;
    const schema = objectOf(value.shape, random, budget);
    return pick(random, [schema, { boolean: random() > 0.5, list: [schema], texts }[value.or]]);
  };
  const object: Record<string, unknown> = {};
  for (const { name, count, value } of fieldsOf(shape)) {
    if (random() > 0.4 || --budget.nodes < 0) continue;
    if (count === 'one') object[name] = valueFor(value);
    else if (count === 'list') object[name] = [valueFor(value), valueFor(value)];
    else object[name] = Object.fromEntries([pick(random, TEXTS), 'k'].map((key) => [key, valueFor(value)]));
  }
  return object;
}

/** All that `written` says is in `read`, but for what is empty. */
function assertSaid(written: unknown, read: unknown, path: string): void {
  if (isEmpty(written)) return;
  if (typeof written !== 'object' || written === null) {
    assert.equal(read, written, path);
    return;
  }
  if (Array.isArray(written)) assert.equal((read as unknown[]).length, written.length, path);
  for (const [key, value] of Object.entries(written)) assertSaid(value, (read as Record<string, unknown>)[key], `${path}.${key}`);
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isEmpty);
  return value === '' || value === 0 || value === false || value === '0' || value === undefined;
}

for (const kind of allKinds)
  test(`any ${kind.group || 'core'} ${kind.kind} is read as it was written`, () => {
    const type = { apiVersion: apiVersionOf(kind), kind: kind.kind };
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const object = { ...type, ...objectOf(shapeOf(kind.schema), randomFrom(seed)) };
        const bytes = encodeProtobuf(object, kind.schema, type);
        const read = decodeProtobuf(bytes, kind.schema);
        assertSaid(object, read, kind.kind);
        assert.ok(encodeProtobuf(read, kind.schema, type).equals(bytes), 'written again, it is the same');
        const part = 1 + (Math.abs(seed) % 50);
        assert.ok(runAtOnce(encodeProtobufInSteps(object, kind.schema, type, part)).equals(bytes), 'with pauses it is the same');
        assert.deepEqual(runAtOnce(decodeProtobufInSteps(bytes, kind.schema, part)), read);
      }),
      { numRuns: 40 },
    );
  });

/** With pauses it is read, or refused, the same. */
function readOrRefuse(bytes: Buffer, schema: string): void {
  const [atOnce, withPauses] = [
    () => decodeProtobuf(bytes, schema),
    () => runAtOnce(decodeProtobufInSteps(bytes, schema, 3)),
  ].map((read) => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return error.message;
    }
  });
  assert.deepEqual(withPauses, atOnce);
}

/** How often a long piece of work pauses. */
function countPauses(steps: Steps<unknown>): number {
  let pauses = 0;
  while (!steps.next().done) pauses++;
  return pauses;
}

test('wide maps, lists within lists, and fields that somebody owns are written and read with pauses', () => {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key-${i}`, 'value']));
  const managedFields = [{ manager: 'a', fieldsV1: { 'f:data': many } }];
  const env = Array.from({ length: 10_000 }, (_, i) => ({ name: `E${i}`, value: 'x' }));
  const type = { apiVersion: 'v1', kind: 'any' };
  for (const [schema, object] of Object.entries({
    V1ConfigMap: { metadata: { labels: many, managedFields }, data: many },
    V1Pod: { spec: { containers: [{ name: 'c', env }] } },
  })) {
    const bytes = encodeProtobuf(object, schema, type);
    const part = bytes.length / 20;
    assert.ok(runAtOnce(encodeProtobufInSteps(object, schema, type, part)).equals(bytes));
    assert.deepEqual(runAtOnce(decodeProtobufInSteps(bytes, schema, part)), decodeProtobuf(bytes, schema));
    for (const steps of [encodeProtobufInSteps(object, schema, type, part), decodeProtobufInSteps(bytes, schema, part)])
      assert.ok(countPauses(steps) >= 15);
  }
});

const kinds = fc.constantFrom(...allKinds);

test('whatever the bytes are, they are read or refused with a coded error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), kinds, (noise, { schema }) => {
      const raw = Buffer.from(noise);
      readOrRefuse(Buffer.concat([Buffer.from('k8s\0'), raw]), schema);
      readOrRefuse(Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0x12, raw.length]), raw]), schema);
    }),
    { numRuns: 5000 },
  );
});

test('a message of which bytes were changed or cut off is read or refused with a coded error', () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.integer(), kinds, changes, fc.nat(), (seed, kind, changed, cut) => {
      const object = objectOf(shapeOf(kind.schema), randomFrom(seed), { nodes: 60 });
      const whole = encodeProtobuf(object, kind.schema, { apiVersion: 'v1', kind: kind.kind });
      const bytes = Buffer.from(whole);
      for (const [at, value] of changed) bytes[at % bytes.length] = value;
      readOrRefuse(bytes, kind.schema);
      readOrRefuse(whole.subarray(0, cut % whole.length), kind.schema);
    }),
    { numRuns: 3000 },
  );
});

test('a schema in a CustomResourceDefinition holds schemas, or what JSON has instead', () => {
  const schema = {
    additionalItems: false,
    additionalProperties: { type: 'string', default: null },
    dependencies: { a: ['b', 'c'], d: { maxItems: 0 } },
    items: [{ type: 'integer' }, { enum: [1, 'two'] }],
    properties: { any: { additionalProperties: true }, list: { items: { minimum: 0.5 } } },
  };
  const read = decodeProtobuf(encodeProtobuf(schema, 'V1JSONSchemaProps', { apiVersion: 'v1', kind: 'X' }), 'V1JSONSchemaProps');
  const { default: _, ...rest } = schema.additionalProperties;
  assert.deepEqual(read, { apiVersion: 'v1', kind: 'X', ...schema, additionalProperties: rest });
});
