import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonSchema } from './json-schema.ts';
import { validateListItems } from './list-items.ts';
import { prune } from './prune.ts';
import { dropIdleNulls, setSchemaDefaults } from './set-defaults.ts';
import { Unchanged } from './unchanged.ts';
import { validateValue } from './validate-value.ts';

const errorsOf = (value: unknown, schema: JsonSchema, old?: unknown) =>
  validateValue({ v: value }, { type: 'object', properties: { v: schema } }, '', old === undefined ? undefined : { v: old }).map(
    ({ field, message }) => `${field}: ${message}`,
  );

/** Schema, a value that it takes, one that it does not, and what is said then. */
const KEYWORDS: readonly [JsonSchema, unknown, unknown, string][] = [
  [{ type: 'integer' }, 1, true, 'v: Invalid value: "boolean": v in body must be of type integer: "boolean"'],
  [{ type: 'number' }, 1, 'x', 'v: Invalid value: "string": v in body must be of type number: "string"'],
  [{ type: 'string' }, '', null, 'v: Invalid value: "null": v in body must be of type string: "null"'],
  [{ type: 'object' }, {}, [], 'v: Invalid value: "array": v in body must be of type object: "array"'],
  [{ type: 'boolean' }, false, 0, 'v: Invalid value: "integer": v in body must be of type boolean: "integer"'],
  [{ type: 'integer', maximum: 3 }, 3, 4, 'v: Invalid value: 4: v in body should be less than or equal to 3'],
  [{ type: 'integer', maximum: 3, exclusiveMaximum: true }, 2, 3, 'v: Invalid value: 3: v in body should be less than 3'],
  [{ type: 'integer', minimum: 3 }, 3, 2, 'v: Invalid value: 2: v in body should be greater than or equal to 3'],
  [{ type: 'number', minimum: 0, exclusiveMinimum: true }, 0.1, 0, 'v: Invalid value: 0: v in body should be greater than 0'],
  [{ type: 'number', multipleOf: 0.1 }, 0.3, 0.35, 'v: Invalid value: 0.35: v in body should be a multiple of 0.1'],
  [{ type: 'string', minLength: 2 }, 'ab', 'a', 'v: Invalid value: "a": v in body should be at least 2 chars long'],
  [{ type: 'string', maxLength: 2 }, '😀😀', 'abc', 'v: Too long: may not be more than 2 bytes'],
  [{ type: 'string', pattern: '^a+$' }, 'aa', 'ab', 'v: Invalid value: "ab": v in body should match \'^a+$\''],
  [{ type: 'string', enum: ['a', 'b'] }, 'b', 'c', 'v: Unsupported value: "c": supported values: "a", "b"'],
  [
    { type: 'string', format: 'ipv4' },
    '10.0.0.1',
    '10.0.0',
    'v: Invalid value: "10.0.0": v in body must be of type ipv4: "10.0.0"',
  ],
  [
    { type: 'string', format: 'nobody-knows' },
    'x',
    1,
    'v: Invalid value: "integer": v in body must be of type string: "integer"',
  ],
  [{ type: 'array', minItems: 1 }, [1], [], 'v: Invalid value: 0: v in body should have at least 1 items'],
  [{ type: 'array', maxItems: 1 }, [1], [1, 2], 'v: Too many: 2: must have at most 1 item'],
  [
    { type: 'array', items: { type: 'string' } },
    ['a'],
    ['a', 1],
    'v[1]: Invalid value: "integer": v[1] in body must be of type string: "integer"',
  ],
  [{ type: 'object', minProperties: 1 }, { a: 1 }, {}, 'v: Invalid value: 0: v in body should have at least 1 properties'],
  [{ type: 'object', maxProperties: 1 }, { a: 1 }, { a: 1, b: 1 }, 'v: Too many: 2: must have at most 1 item'],
  [{ type: 'object', required: ['a'] }, { a: 1 }, {}, 'v.a: Required value'],
  [
    { type: 'object', additionalProperties: { type: 'string' } },
    { a: 'x' },
    { a: 1 },
    'v.a: Invalid value: "integer": v.a in body must be of type string: "integer"',
  ],
  [
    { 'x-kubernetes-int-or-string': true },
    '50%',
    true,
    'v: Invalid value: "boolean": v in body must be of type integer,string: "boolean"',
  ],
  [{ type: 'string', not: { enum: ['x'] } }, 'y', 'x', '<nil>: Invalid value: "": "v" must not validate the schema (not)'],
];

test('each keyword takes and refuses what it should, in upstream’s words', () => {
  for (const [schema, good, bad, message] of KEYWORDS) {
    assert.deepEqual(errorsOf(good, schema), [], JSON.stringify(schema));
    assert.deepEqual(errorsOf(bad, schema), [message], JSON.stringify(schema));
  }
});

test('lists by key take objects alone', () => {
  const schema: JsonSchema = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['k'],
    items: { type: 'object' },
  };
  assert.deepEqual(
    validateListItems([{ k: 1 }, 'x', { k: 1 }], schema, 'v').map(({ field, message }) => `${field}: ${message}`),
    ['v[1]: Invalid value: "x": must be an object for an array of list-type map'],
  );
});

test('where a format is said, the format is what is told of; lists and texts are let through to it', () => {
  assert.deepEqual(errorsOf(true, { type: 'integer', format: 'int32' }), [
    'v: Invalid value: "": v in body must be of type int32: ""',
  ]);
  assert.deepEqual(errorsOf(1, { type: 'string', format: 'date' }), [
    'v: Invalid value: "int64": v in body must be of type date: "int64"',
  ]);
  assert.deepEqual(errorsOf('1', { type: 'integer', format: 'int32' }), [
    'v: Invalid value: "string": v in body must be of type integer: "string"',
  ]);
  assert.deepEqual(errorsOf([], { type: 'string', format: 'date' }), []);
  assert.deepEqual(errorsOf('::1', { anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] }), []);
});

test('numbers are held to their types, and limits of integers are integers', () => {
  assert.deepEqual(errorsOf(2 ** 31, { type: 'integer', format: 'int32' }), [
    '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in v',
  ]);
  assert.deepEqual(errorsOf(4e38, { type: 'number', format: 'float' }), [
    '<nil>: Invalid value: "": Checked value must be of type number with format float in v',
  ]);
  assert.deepEqual(errorsOf(3, { type: 'number', multipleOf: 0.1 }), [
    'v: Invalid value: 0: factor MultipleOf declared for v must be positive: 0',
  ]);
  assert.deepEqual(errorsOf(0.3, { type: 'number', multipleOf: 0.1 }), []);
  assert.deepEqual(errorsOf(1e-7, { type: 'number', minimum: 0.5, multipleOf: 0.5 }), [
    'v: Invalid value: 1e-07: v in body should be a multiple of 0.5',
    'v: Invalid value: 1e-07: v in body should be greater than or equal to 0.5',
  ]);
  assert.deepEqual(errorsOf(1.5, { type: 'integer' }), [
    'v: Invalid value: "number": v in body must be of type integer: "number"',
    '<nil>: Invalid value: "": Checked value must be of type integer (default format) in v',
  ]);
  assert.deepEqual(errorsOf(3, { type: 'integer', maximum: 2.5 }), [
    '<nil>: Invalid value: "": Maximum boundary value must be of type integer (default format) in v',
    'v: Invalid value: 3: v in body should be less than or equal to 2.5',
  ]);
});

test('null is no value of an enumeration, and numbers are compared with its values as Go converts them', () => {
  assert.deepEqual(errorsOf(null, { type: 'string', nullable: true, enum: ['a', null] }), [
    'v: Unsupported value: null: supported values: "a", "null"',
  ]);
  assert.deepEqual(errorsOf(1.5, { type: 'number', enum: [1] }), []);
});

test('null is taken where it may be', () => {
  assert.deepEqual(errorsOf(null, { type: 'string', nullable: true }), []);
  assert.deepEqual(errorsOf(null, { 'x-kubernetes-preserve-unknown-fields': true }), []);
});

test('of several schemas the nearest one’s complaint is told along with theirs', () => {
  const schema: JsonSchema = { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }], properties: { a: {}, b: {} } };
  assert.deepEqual(errorsOf({ a: 1 }, schema), []);
  assert.deepEqual(errorsOf({}, schema), [
    '<nil>: Invalid value: "": "v" must validate one and only one schema (oneOf). Found none valid',
    'v.a: Required value',
  ]);
  assert.deepEqual(errorsOf({ a: 1, b: 1 }, schema), [
    '<nil>: Invalid value: "": "v" must validate one and only one schema (oneOf). Found 2 valid alternatives',
  ]);
  assert.match(errorsOf('x', { anyOf: [{ maxLength: 0 }, { minLength: 2 }] })[0]!, /must validate at least one schema \(anyOf\)/);
  assert.match(
    errorsOf('x', { allOf: [{ maxLength: 0 }] }).join(),
    /Too long.*must validate all the schemas \(allOf\)\. None validated/,
  );
});

test('what an update leaves as it was is not held against it', () => {
  const items: JsonSchema = { type: 'object', properties: { n: { type: 'string' }, size: { type: 'integer', maximum: 3 } } };
  assert.deepEqual(errorsOf(9, { type: 'integer', maximum: 3 }, 9), []);
  assert.equal(errorsOf(8, { type: 'integer', maximum: 3 }, 9).length, 1);
  const atomic: JsonSchema = { type: 'array', items };
  const keyed: JsonSchema = { ...atomic, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'] };
  const before = [{ n: 'a', size: 9 }];
  const after = [
    { n: 'b', size: 1 },
    { n: 'a', size: 9 },
  ];
  assert.deepEqual(errorsOf(after, keyed, before), []);
  assert.equal(errorsOf(after, atomic, before).length, 1);
});

test('items that are there twice are told once, whatever the order of their fields', () => {
  const set: JsonSchema = {
    type: 'array',
    items: { type: 'object', 'x-kubernetes-map-type': 'atomic' },
    'x-kubernetes-list-type': 'set',
  };
  const errors = validateListItems(
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
      { b: 2, a: 1 },
    ],
    set,
    'v',
  );
  assert.deepEqual(
    errors.map(({ field, message }) => `${field}: ${message}`),
    ['v[1]: Duplicate value: {"a":1,"b":2}'],
  );
});

test('a list of a hundred thousand items with keys is checked in one walk', () => {
  const schema: JsonSchema = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['n'],
    items: { type: 'object', properties: { n: { type: 'integer' } } },
  };
  const list = Array.from({ length: 100_000 }, (_, n) => ({ n }));
  assert.deepEqual(validateListItems(list, schema), []);
  assert.deepEqual(validateValue(list, schema, 'v', list.slice().reverse()), []);
});

const nested: JsonSchema = {
  type: 'object',
  properties: {
    known: { type: 'string', default: 'd' },
    deep: { type: 'object', properties: { a: { type: 'integer', default: 1 }, b: { type: 'integer' } } },
    open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { shut: { type: 'object' } } },
    map: { type: 'object', additionalProperties: { type: 'object', properties: { x: { type: 'string' } } } },
    list: { type: 'array', items: { type: 'object', properties: { x: { type: 'string', nullable: true } } } },
  },
};

test('what the schema does not know is dropped and named; what it keeps open stays', () => {
  const object = {
    apiVersion: 'v',
    kind: 'K',
    metadata: { anything: 1 },
    known: 'x',
    other: 1,
    deep: { b: 1, c: 2 },
    open: { free: { x: 1 }, shut: { gone: 1 } },
    map: { k: { x: '', y: 1 } },
    list: [{ y: 1 }],
  };
  const dropped: string[] = [];
  prune(object, nested, dropped);
  assert.deepEqual(dropped, ['other', 'deep.c', 'open.shut.gone', 'map.k.y', 'list[0].y']);
  assert.deepEqual(object, {
    apiVersion: 'v',
    kind: 'K',
    metadata: { anything: 1 },
    known: 'x',
    deep: { b: 1 },
    open: { free: { x: 1 }, shut: {} },
    map: { k: { x: '' } },
    list: [{}],
  } as unknown);
});

test('defaults are set where their parent is, nulls that are no values are dropped, others stay', () => {
  const object = { deep: { b: null }, list: [{ x: null }] };
  assert.equal(dropIdleNulls(object, nested), true);
  assert.equal(setSchemaDefaults(object, nested), true);
  assert.deepEqual(object, { known: 'd', deep: { a: 1 }, list: [{ x: null }] } as unknown);
  assert.equal(setSchemaDefaults(object, nested), false, 'defaults of defaults change nothing');
});

test('any value goes through any schema without a crash, and pruning and defaulting twice is as good as once', () => {
  const seed = Number(process.env['MUSTER_TEST_SEED'] ?? Date.now() % 1_000_000);
  const value = fc.jsonValue({ maxDepth: 4 });
  const names = fc.constantFrom('a', 'b', '__proto__', 'constructor', 'toString');
  const { schema } = fc.letrec<{ schema: JsonSchema }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 4 },
      fc.record(
        {
          type: fc.constantFrom('string', 'integer', 'number', 'boolean'),
          nullable: fc.boolean(),
          default: fc.constantFrom('x', 1, true),
          maximum: fc.integer(),
          maxLength: fc.nat(3),
          pattern: fc.constantFrom('^a', '(a+)+$', '.'),
          enum: fc.array(value, { maxLength: 2 }),
        },
        { requiredKeys: [] },
      ),
      fc.record(
        {
          type: fc.constant('object'),
          properties: fc.array(fc.tuple(names, tie('schema')), { maxLength: 3 }).map((pairs) => {
            const made: Record<string, JsonSchema> = {};
            for (const [name, inner] of pairs)
              Object.defineProperty(made, name, { value: inner, enumerable: true, writable: true, configurable: true });
            return made;
          }),
          required: fc.array(names, { maxLength: 2 }),
          'x-kubernetes-preserve-unknown-fields': fc.constant(true),
        },
        { requiredKeys: ['type'] },
      ),
      fc.record({ type: fc.constant('array'), items: tie('schema'), maxItems: fc.nat(3) }, { requiredKeys: ['type'] }),
      fc.record({ anyOf: fc.array(tie('schema'), { maxLength: 2 }), not: tie('schema') }, { requiredKeys: [] }),
    ) as fc.Arbitrary<JsonSchema>,
  }));
  fc.assert(
    fc.property(schema, fc.dictionary(names, value), (given, map) => {
      const object = JSON.parse(JSON.stringify(map)) as Record<string, unknown>;
      const whole: JsonSchema = { ...given, type: 'object' };
      prune(object, whole);
      dropIdleNulls(object, whole);
      setSchemaDefaults(object, whole);
      const once = JSON.stringify(object);
      prune(object, whole);
      setSchemaDefaults(object, whole);
      assert.equal(JSON.stringify(object), once);
      const errors = validateValue(object, whole);
      const copy = JSON.parse(once) as unknown;
      const left = validateValue(object, whole, '', copy).map(({ field, message }) => `${field} ${message}`);
      const all = new Set(errors.map(({ field, message }) => `${field} ${message}`));
      assert.ok(left.every((each) => all.has(each)));
      // What the schema does not know all of is never the same.
      if (new Unchanged().is(object, copy, whole)) assert.deepEqual(left, []);
      for (const { field, message } of errors) assert.ok(field && message);
    }),
    { seed, numRuns: 300 },
  );
});

test('a text that is too long for its pattern is refused in words that say so', () => {
  const schema = { type: 'string', pattern: '^(a|b)*a(a|b){500}$' };
  const [message] = errorsOf('ab'.repeat(500_000), schema);
  assert.match(message!, /cannot be compared with its pattern: the pattern is too complex for a text of 1000000 characters/);
  assert.deepEqual(errorsOf(`${'ab'.repeat(500)}b`, schema), []);
});
