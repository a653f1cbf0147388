import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exactJsonText, integer64, isExactInteger, NumberOutOfRange, parseExactJson } from './exact-json.ts';

test('integers of 64 bits keep their digits, other numbers are numbers', () => {
  const text =
    '{"a":9223372036854775807,"b":[-9223372036854775808, 9007199254740993],"c":9007199254740991,"d":1.5,"e":"9223372036854775807","f":null,"g":{},"h":[],"i":true}';
  assert.deepEqual(parseExactJson(text), {
    a: 9223372036854775807n,
    b: [-9223372036854775808n, 9007199254740993n],
    c: 9007199254740991,
    d: 1.5,
    e: '9223372036854775807',
    f: null,
    g: {},
    h: [],
    i: true,
  });
  assert.equal(parseExactJson('9007199254740993'), 9007199254740993n);
  assert.equal(parseExactJson(' -9007199254740993 '), -9007199254740993n);
});

test('what 64 bits cannot hold, and what is written as a fraction, is a double', () => {
  assert.deepEqual(parseExactJson('[9223372036854775808,-9223372036854775809,9007199254740993.0,9007199254740993e0]'), [
    2 ** 63,
    -(2 ** 63),
    9007199254740992,
    9007199254740992,
  ]);
});

test('texts of JSON show the digits again, with and without indentation', () => {
  const value = { a: 9223372036854775807n, b: [{ c: -9007199254740993n }], d: undefined, __proto__: null };
  assert.equal(exactJsonText(value), '{"a":9223372036854775807,"b":[{"c":-9007199254740993}]}');
  assert.equal(exactJsonText({ a: [9007199254740993n] }, 2), '{\n  "a": [\n    9007199254740993\n  ]\n}');
  assert.equal(exactJsonText({ a: 1 }), '{"a":1}');
});

test('what is no JSON value for other reasons is not hidden', () => {
  const ring: Record<string, unknown> = {};
  ring['self'] = ring;
  assert.throws(() => exactJsonText(ring), /circular/i);
  assert.throws(() => parseExactJson('{"a":9223372036854775807'), SyntaxError);
});

test('names of prototypes are names, beside long numbers too', () => {
  const parsed = parseExactJson('{"__proto__":{"x":9007199254740993},"constructor":1}') as Record<string, unknown>;
  assert.deepEqual(Object.keys(parsed), ['__proto__', 'constructor']);
  assert.equal(exactJsonText(parsed), '{"__proto__":{"x":9007199254740993},"constructor":1}');
});

test('depth is no trouble: a number thousands of levels down is read and written', () => {
  const depth = 5_000;
  const text = `${'{"a":['.repeat(depth)}9223372036854775807${']}'.repeat(depth)}`;
  assert.equal(exactJsonText(parseExactJson(text)), text);
});

test('megabytes of digits in a string take no longer than their length', () => {
  const text = JSON.stringify({ a: '1'.repeat(3_000_000) });
  assert.deepEqual(parseExactJson(text), JSON.parse(text));
});

test('any document is read as JSON.parse reads it, but for the digits', () => {
  const integer = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\\', '"', '\\"', '1234567890123456', ',1234567890123456,'),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      integer.map(integer64),
      fc.array(tie('value')),
      fc.dictionary(fc.string(), tie('value')),
    ),
  })).value;
  fc.assert(
    fc.property(tree, fc.constantFrom(undefined, 1), (value, indent) => {
      const text = exactJsonText(value, indent);
      const parsed = parseExactJson(text);
      assert.equal(exactJsonText(parsed, indent), text);
      assert.deepEqual(JSON.parse(text), JSON.parse(exactJsonText(parsed)));
    }),
    { numRuns: 60 },
  );
});

test('an exact integer is a safe number or a BigInt', () => {
  assert.equal(integer64(5n), 5);
  assert.equal(integer64(2n ** 53n), 2n ** 53n);
  assert.ok(isExactInteger(5) && isExactInteger(2n ** 60n));
  assert.ok(!isExactInteger(2 ** 60) && !isExactInteger(1.5) && !isExactInteger('5'));
});

test('a number beyond all doubles is refused, not made Infinity and then null', () => {
  const digits = '9'.repeat(310);
  for (const literal of ['1e400', '-1.5E+999', '1e0400', digits, `-${digits}.5`, `${digits}e5`])
    for (const text of [literal, `[1,${literal}]`, `{"a": ${literal} }`, `{"a":${literal}}`, `[\n${literal}\n]`])
      assert.throws(() => parseExactJson(text), NumberOutOfRange, text.slice(0, 40));
  assert.throws(() => parseExactJson('{"a":1e400}'), {
    message: 'json: cannot unmarshal number 1e400 into Go value of type float64',
  });
  assert.deepEqual(parseExactJson('[1e308,1e-400,"1e400",1e+2,0e400]'), [1e308, 0, '1e400', 100, 0]);
  assert.equal(parseExactJson(JSON.stringify(digits)), digits);
});
