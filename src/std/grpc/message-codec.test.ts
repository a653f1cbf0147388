import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import protobuf from 'protobufjs/light.js';
import { ProtobufError } from '../protobuf/protobuf-error.ts';
import { createMessageCodec } from './message-codec.ts';
import { fieldsOf, type Message, type MessageInput } from './message-schema.ts';

const SCHEMAS = {
  Inner: { id: '1 uint32', name: '2 string' },
  All: {
    text: '1 string',
    flag: '2 bool',
    small: '3 int32',
    large: '4 int64',
    unsigned: '5 uint64',
    kind: '6 enum',
    ratio: '7 double',
    data: '8 bytes',
    inner: '9 Inner',
    texts: '10 repeated string',
    numbers: '11 repeated int64',
    inners: '12 repeated Inner',
    labels: '13 map string',
    byName: '200 map Inner',
    ratios: '15 repeated double',
  },
} as const;
const codec = createMessageCodec(SCHEMAS);

/** The same messages as the reference implementation has them. */
const reference = protobuf.Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(SCHEMAS).map(([name, schema]) => [
      name,
      {
        fields: Object.fromEntries(
          fieldsOf(schema).map((field) => {
            const type = field.type === 'enum' ? 'int32' : field.type;
            const rule = field.label === 'repeated' ? { rule: 'repeated' } : {};
            return [field.name, { id: field.number, type, ...rule, ...(field.label === 'map' && { keyType: 'string' }) }];
          }),
        ),
      },
    ]),
  ),
});
const ReferenceAll = reference.lookupType('All');

const safeInteger = fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
const inner = fc.record({ id: fc.nat(), name: fc.string({ unit: 'binary' }) }, { noNullPrototype: true });
const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString'));
const message = fc.record(
  {
    text: fc.string({ unit: 'binary' }),
    flag: fc.boolean(),
    small: fc.integer(),
    large: safeInteger,
    unsigned: fc.maxSafeNat(),
    kind: fc.nat(100),
    ratio: fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0)),
    data: fc.uint8Array(),
    inner,
    texts: fc.array(fc.string()),
    numbers: fc.array(safeInteger),
    inners: fc.array(inner),
    labels: fc.dictionary(key, fc.string(), { noNullPrototype: false }),
    byName: fc.dictionary(key, inner, { noNullPrototype: false }),
    ratios: fc.array(fc.double({ noNaN: true })),
  },
  { requiredKeys: [], noNullPrototype: true },
);

type All = Message<typeof SCHEMAS, 'All'>;
const EMPTY = codec.decode('All', Buffer.alloc(0));

/** With every field that decoding gives, in a form that can be compared. */
function complete(value: MessageInput<typeof SCHEMAS, 'All'>): All {
  const given = { ...EMPTY, ...value };
  return { ...given, data: Buffer.from(given.data), labels: { ...given.labels }, byName: { ...given.byName } } as never;
}

test('what is encoded is read back, and read the same by the reference implementation', () => {
  fc.assert(
    fc.property(message, (value) => {
      const bytes = codec.encode('All', value);
      assert.deepEqual(complete(codec.decode('All', bytes)), complete(value));
      // The reference keeps a map's key `__proto__` nowhere; all else must agree.
      const known = ReferenceAll.toObject(ReferenceAll.decode(bytes), {
        longs: Number,
        bytes: Array,
        objects: true,
        arrays: true,
        defaults: true,
      });
      assert.equal(known['text'], value.text ?? '');
      assert.equal(known['small'], value.small ?? 0);
      assert.equal(known['large'], value.large ?? 0);
      assert.deepEqual(known['numbers'], value.numbers ?? []);
      assert.deepEqual(known['inners'], value.inners ?? []);
      assert.deepEqual(known['data'], [...(value.data ?? [])]);
    }),
  );
});

test('what the reference implementation encodes is read, packed lists and single ones alike', () => {
  fc.assert(
    fc.property(message, (value) => {
      const plain = { ...value, labels: { a: 'b', c: '' }, byName: { x: { id: 7, name: 'y' } } };
      const bytes = Buffer.from(ReferenceAll.encode(ReferenceAll.fromObject(plain)).finish());
      assert.deepEqual(complete(codec.decode('All', bytes)), complete(plain));
    }),
  );
  // numbers: 1, 2 one by one (tag 11 << 3 | 0).
  assert.deepEqual(codec.decode('All', Buffer.from([0x58, 1, 0x58, 2])).numbers, [1, 2]);
});

test('known bytes', () => {
  const bytes = codec.encode('All', { text: 'hi', small: -1, inner: { id: 300 }, labels: { k: 'v' } });
  assert.equal(bytes.toString('hex'), '0a02686918ffffffffffffffffff014a0308ac026a060a016b120176');
});

test('fields that are not known, or come as another type, are passed over', () => {
  const bytes = Buffer.concat([
    Buffer.from([0xfa, 0x3e, 2, 1, 2]),
    Buffer.from([0x0a, 1, 0x61]),
    Buffer.from([0x18 | 5, 1, 2, 3, 4]),
  ]);
  assert.deepEqual({ ...codec.decode('All', bytes), text: '' }, EMPTY);
  assert.equal(codec.decode('All', bytes).text, 'a');
});

test('a map takes keys that are names of prototypes, and gives no object more than its own', () => {
  const read = codec.decode(
    'All',
    codec.encode('All', { labels: JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string> }),
  );
  assert.deepEqual(Object.entries(read.labels), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  assert.equal(Object.getPrototypeOf(read.labels), null);
});

test('bytes that are no message fail as such', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        codec.decode('All', bytes);
      } catch (error) {
        assert.ok(error instanceof ProtobufError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('a message cut off in the middle of a field is not taken', () => {
  const bytes = codec.encode('All', { text: 'a text', inner: { name: 'inner' } });
  assert.throws(() => codec.decode('All', bytes.subarray(0, -1)), ProtobufError);
});
