import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { declareType } from '../apiextensions/rules/declared-type.ts';
import { valueBySchema } from '../apiextensions/rules/schema-value.ts';
import type { JsonSchema } from '../apiextensions/schema/json-schema.ts';
import { CelCompileError, compile, createEnvironment, ErrorValue } from './cel.ts';
import { jsonValue } from './json-values.ts';
import { BOOL, DYN, formatType, INT, listOf, mapOf, STRING } from './types.ts';
import { ListValue, MapValue, Optional, Uint, type Value } from './values.ts';

const schema: JsonSchema = {
  type: 'object',
  properties: {
    x: { type: 'integer' },
    y: { type: 'number' },
    s: { type: 'string', maxLength: 10 },
    names: { type: 'array', items: { type: 'string' } },
    few: { type: 'array', maxItems: 10, items: { type: 'object', properties: { name: { type: 'string', maxLength: 5 } } } },
    counts: { type: 'object', additionalProperties: { type: 'integer' } },
    'a-b': { type: 'integer' },
    namespace: { type: 'string' },
    port: { 'x-kubernetes-int-or-string': true },
    set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    inner: { type: 'object', properties: { z: { type: 'integer' } } },
    maybe: { type: 'string', nullable: true },
    when: { type: 'string', format: 'date-time' },
    bytes: { type: 'string', format: 'byte' },
  },
};
const object = {
  apiVersion: 'v1',
  kind: 'K',
  metadata: { name: 'n', labels: { a: 'b' } },
  x: 5,
  y: 1,
  s: 'h\u00e9llo',
  names: ['a', 'b'],
  few: [{ name: 'p' }, { name: 'q' }],
  counts: { a: 1, b: 2 },
  'a-b': 7,
  namespace: 'here',
  port: '80',
  set: ['b', 'a'],
  inner: { z: 1 },
  maybe: null,
  when: '2020-01-02T03:04:05Z',
  bytes: 'aGk=',
  unknown: 1,
};
const self = {
  type: declareType(schema, 'self', true)!.type,
  value: (json: unknown) => valueBySchema(json, schema, 'self', true),
};
const environment = createEnvironment({ variables: { self: self.type, any: DYN } });
const variables = (name: string): Value | undefined =>
  name === 'self' ? self.value(object) : name === 'any' ? jsonValue(object) : undefined;

function plain(value: Value): unknown {
  if (value instanceof ErrorValue) return `error: ${value.message}`;
  if (value instanceof ListValue) return [...value].map(plain);
  if (value instanceof MapValue)
    return Object.fromEntries([...value.keys()].map((key) => [String(plain(key)), plain(value.get(key)!)]));
  if (value instanceof Optional) return value.value === undefined ? 'none' : { some: plain(value.value) };
  return value instanceof Uint ? value.value : value;
}
const evaluate = (source: string) => compile(source, environment).evaluate(variables);

/** Checks a table of expressions and their values, naming the expression that fails. */
function expectValues(table: Readonly<Record<string, unknown>>): void {
  for (const [source, expected] of Object.entries(table)) assert.deepEqual(plain(evaluate(source).value), expected, source);
}

test('fields of a schema have its types, under escaped names, and nothing that it does not describe', () => {
  expectValues({
    'self.x + 1': 6n,
    'self.y > 0.5': true,
    'self.a__dash__b': 7n,
    'self.__namespace__': 'here',
    'self.s.size()': 5n,
    'type(self.port) == string && int(self.port) == 80': true,
    'self.set == ["a", "b"]': true,
    'self.set + ["a", "c"]': ['b', 'a', 'c'],
    'self.metadata.name': 'n',
    'self.when.getFullYear()': 2020n,
    'string(self.bytes)': 'hi',
  });
});

test('macros walk lists and maps, with one variable or two', () => {
  expectValues({
    'self.names.all(n, n.size() == 1)': true,
    'self.counts.exists(k, self.counts[k] == 2)': true,
    'self.few.exists_one(e, e.name == "p")': true,
    'self.names.map(n, n + "x")': ['ax', 'bx'],
    'self.names.map(n, n > "a", n + "x")': ['bx'],
    'self.names.filter(n, n > "a")': ['b'],
    '[1, 2, 3].all(i, v, v == i + 1)': true,
    'self.counts.transformMap(k, v, v + 1)': { a: 2n, b: 3n },
    '["a", "b"].transformList(i, v, v + string(i))': ['a0', 'b1'],
    '{"a": "b"}.transformMapEntry(k, v, {v: k})': { b: 'a' },
    'optional.of(1).optMap(v, v + 1).orValue(0)': 2n,
    'has(self.inner.z) && !has(any.nothing)': true,
  });
});

test('integers keep 64 bits, and numbers of different types compare by value', () => {
  expectValues({
    '9223372036854775807': 9223372036854775807n,
    '-9223372036854775808': -9223372036854775808n,
    '9223372036854775807 + 1': 'error: integer overflow',
    '1 / 0': 'error: division by zero',
    '7 % 0': 'error: modulus by zero',
    '-7 / 2': -3n,
    '1u + 2u': 3n,
    '1 < 1.5 && 2u > 1': true,
    'dyn(1) == 1.0': true,
    '[7, 8][dyn(1.0)] == 8 && [7, 8][dyn(0u)] == 7': true,
    'dyn(9223372036854775807) < 9223372036854775808.0': false,
    'double("1e3")': 1000,
    'int(1.9)': 1n,
    'string(1e25)': '1e+25',
    'string(1000000.0) + " " + string(123456.0)': '1e+06 123456',
    'uint(-0.5 * 1.0)': 'error: unsigned integer overflow',
    'duration("90s").getMilliseconds()': 90000n,
    'duration("90m") + duration("30s")': evaluate('duration("5430s")').value,
    'timestamp("2020-01-02T03:04:05Z") - timestamp("2020-01-01T00:00:00Z") > duration("24h")': true,
    'timestamp("2020-07-01T00:30:00Z").getHours("Europe/Berlin")': 2n,
    'timestamp("2020-07-01T00:30:00Z").getHours("-02:00")': 22n,
    'timestamp("2020-07-01T00:30:00Z").getHours("Nowhere/At")': 'error: unknown time zone Nowhere/At',
    "b'\\xff' == b'\\377'": true,
  });
});

test('texts are formatted as English pages show numbers, and what is in lists and maps as expressions say it', () => {
  expectValues({
    '"%.0f %.1f %.2f".format([2.5, 0.25, 2.675])': '2 0.2 2.67',
    '"%f %.1f".format([1234567.891, -1234.0])': '1,234,567.891000 -1,234.0',
    '"%e %.3e".format([1052.032911275, -0.00012])': '1.052033×10⁰³ -1.200000×10⁻⁰⁴',
    '"%f %f".format([double("Infinity"), double("NaN")])': '∞ NaN',
    '"%s %s %s".format([["a", "b"], [1.5], {"x": duration("1s")}])': '["a", "b"] [1.500000] {"x":duration("1s")}',
    '"%s %x %X %b %o %%".format([1.5, "é", 255, true, 8])': '1.5 c3a9 FF 1 10 %',
    '("%" + "s %s").format([1])': 'error: index 1 out of range',
    '("%" + "s").format([1, 2])': '1',
    '("%" + "d").format([1.5])': 'error: error during formatting: decimal clause can only be used on integers, was given double',
  });
});

test('formats that are written out are compared with their arguments when they are compiled', () => {
  const why = (source: string) => {
    try {
      compile(source, createEnvironment({ variables: {} }));
    } catch (error) {
      if (error instanceof CelCompileError) return error.explanation.split('\n')[0];
      throw error;
    }
    return undefined;
  };
  const at = (column: number, text: string) => `compilation failed: ERROR: <input>:1:${column}: ${text}`;
  assert.equal(why('"%s %s".format([1])'), at(15, 'index 1 out of range'));
  assert.equal(why('"%s".format([1, 2])'), at(12, 'too many arguments supplied to string.format (expected 1, got 2)'));
  assert.equal(
    why('"%f".format([1])'),
    at(14, 'error during formatting: fixed-point clause can only be used on doubles, was given int'),
  );
  assert.equal(
    why('"%d".format([timestamp(0)])'),
    at(23, 'error during formatting: decimal clause can only be used on integers, was given google.protobuf.Timestamp'),
  );
  assert.equal(why('"%q".format([1])'), at(12, 'could not parse formatting clause: unrecognized formatting clause "q"'));
  assert.equal(why('"%s %d".format([dyn(1), dyn("x")])'), undefined);
});

test('constants cost nothing, and neither do the attributes that a conditional chooses between', () => {
  const environment = createEnvironment({ variables: { list: listOf(INT), map: mapOf(STRING, STRING), yes: BOOL } });
  const values: Record<string, Value> = {
    list: jsonValue([1, 1, 2, 2, 3, 3, 4, 5]),
    map: jsonValue({ k1: 'a', k2: 'b' }),
    yes: true,
  };
  const costs: Record<string, number> = {
    'size(list.filter(e, e % 2 == 0)) == 3': 67,
    'list.map(e, e * 20).filter(e, e > 50).exists(e, e == 60)': 193,
    "map == {'k1': 'a', 'k2': 'b'}": 2,
    '[].size() == dyn(0)': 2,
    '(yes ? list : list) == list': 3,
  };
  for (const [source, cost] of Object.entries(costs))
    assert.equal(compile(source, environment).evaluate((name) => values[name]).cost, cost, source);
});

test('an index that is an attribute is part of its list, and what is looked for in vain has no price', () => {
  const environment = createEnvironment({ variables: { list: listOf(INT), map: mapOf(STRING, STRING) } });
  const values: Record<string, Value> = { list: jsonValue([1, 0]), map: jsonValue({ a: 'x' }) };
  const cost = (source: string) => compile(source, environment).evaluate((name) => values[name]).cost;
  assert.equal(cost('list[list[1]]'), cost('list[0]') + cost('list[1]') - 1);
  assert.equal(cost('map[?"none"]'), cost('map[?"a"]') - 1);
  assert.equal(cost('map.?none'), cost('map.?a') - 1);
});

test('a look into what fails has no price, and none is given back', () => {
  const environment = createEnvironment({ variables: { list: listOf(INT) } });
  const cost = (source: string) => compile(source, environment).evaluate(() => jsonValue([1, 0])).cost;
  const failing = cost('[1/0][0]');
  for (const source of ['[1/0][list[1]]', '[1/0][?0]', '[1/0][?list[1]]']) assert.equal(cost(source), failing, source);
});

test('what compares sets has the price of a call besides', () => {
  const program = (source: string) => compile(source, createEnvironment({ variables: {} }));
  for (const [source, wanted] of Object.entries({
    'sets.contains([1, 2], [1])': 3,
    'sets.intersects([1, 2], [1])': 3,
    'sets.equivalent([1, 2], [1])': 5,
  })) {
    assert.equal(program(source).evaluate(() => undefined).cost, wanted, source);
    assert.equal(program(source).estimateCost().max, 2 * 10 + wanted, source);
  }
});

test('of several signs none is the number’s', () => {
  const environment = createEnvironment({ variables: {} });
  assert.equal(compile('-9223372036854775808 < --5', environment).evaluate(() => undefined).value, true);
  for (const source of ['--9223372036854775808', '- -9223372036854775808'])
    assert.throws(() => compile(source, environment), /invalid int literal/);
});

test('what stands behind or and orValue is not looked at in vain', () => {
  expectValues({
    'optional.of(1).orValue(1 / 0)': 1n,
    'optional.of(1).or(optional.of(1 / 0)).value()': 1n,
    'optional.none().orValue(1 / 0)': 'error: division by zero',
  });
});

test('null is a value', () => {
  expectValues({
    'any.maybe == null': true,
    'any["maybe"] == null': true,
    'has(any.maybe) && any.?maybe.hasValue()': true,
    '[null].all(n, n == null)': true,
    'type(null) == null_type': true,
  });
});

test('an error is taken in by what decides without it', () => {
  expectValues({
    '1 / 0 == 1 || true': true,
    'false && 1 / 0 == 1': false,
    '1 / 0 == 1 || false': 'error: division by zero',
    '[0, 1].exists(i, 1 / i == 1)': true,
    'any.nothing.there': 'error: no such key: nothing',
    'any.?nothing.?there.orValue("x")': 'x',
    'any.names[5]': 'error: index out of bounds: 5',
    'any.x + "a" == "a"': 'error: no such overload',
  });
});

test("Kubernetes' libraries", () => {
  expectValues({
    '"Hello".lowerAscii() + "a b".split(" ")[1].upperAscii()': 'helloB',
    '"tacocat".indexOf("c", 3)': 4n,
    '"tacocat".indexOf("a", 30)': -1n,
    '"tacocat".lastIndexOf("a", 7)': -1n,
    '"tacocat".lastIndexOf("a", -1)': 'error: index out of range: -1',
    '"tacocat".substring(4, -1)': 'error: invalid substring range. start: 4, end: -1',
    '"\\u2003a\\ufeff".trim()': 'a\ufeff',
    '"tacocat".substring(0, 4).replace("o", "0")': 'tac0',
    '" a ".trim() + ["b", "c"].join("-")': 'ab-c',
    '"%s is %d, %.2f %x".format(["a", 3, 1.5, 255])': 'a is 3, 1.50 ff',
    '"abc 123 de4".findAll("[0-9]+")': ['123', '4'],
    '"abc 123".find("[0-9]+") + "".find("x")': '123',
    '"aaaa".matches("^(a+)+$")': true,
    '[3, 1, 2].isSorted() || [1, 2].sum() == 3 && [3, 1].min() == 1': true,
    '[1, 2, 2].distinct().reverse()': [2n, 1n],
    '[3, 1, 2].sort() == [3, 1, 2].sortBy(x, x) && lists.range(3).slice(1, 3) == [1, 2]': true,
    '[[1], [2, 3]].flatten().sortBy(x, -x)': [3n, 2n, 1n],
    'sets.contains([1, 2, 3], [1, 3]) && sets.equivalent([1, 1], [1])': true,
    'quantity("1.5Gi").isGreaterThan(quantity("1Gi")) && quantity("2").add(1).asInteger() == 3': true,
    'isQuantity("10Mo")': false,
    'url("https://a.example:80/b?c=d&c=e").getPort() + url("/p").getEscapedPath()': '80/p',
    'url("https://a.example/?c=d&c=e").getQuery()["c"]': ['d', 'e'],
    'isURL("../x") || isURL("a.example")': false,
    'ip("fe80::1").isLinkLocalUnicast() && ip("10.0.0.1").family() == 4': true,
    'ip.isCanonical("::ffff:1")': true,
    'isIP("01.2.3.4") || isIP("::ffff:1.2.3.4")': false,
    'cidr("10.0.0.0/8").containsIP("10.2.3.4") && !cidr("10.0.0.0/8").containsCIDR("10.0.0.0/7")': true,
    'string(cidr("10.1.2.3/12").masked()) + string(cidr("10.1.2.3/12").prefixLength())': '10.0.0.0/1212',
    'semver("1.2.3-rc.1").isLessThan(semver("1.2.3")) && semver("v01.2", true).minor() == 2': true,
    'format.dns1123Label().validate("ok").hasValue()': false,
    'format.named("nope").hasValue()': false,
    '!format.named("uuid").value().validate("x").hasValue()': false,
    'sign(quantity("10").sub(20)) + sign(quantity("0")) + sign(quantity("1m"))': 0n,
    '[3, 1].first().value() - [3, 1].last().value()': 2n,
    '[].first().hasValue() || [].last().hasValue()': false,
  });
});

test('mistakes are told with their place, in the words of cel-go', () => {
  const operand =
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
  const table: Readonly<Record<string, string>> = {
    'self.x ==': `1:10: Syntax error: mismatched input '<EOF>' expecting ${operand}`,
    '(1': "1:3: Syntax error: missing ')' at '<EOF>'",
    '1 1': "1:3: Syntax error: extraneous input '1' expecting <EOF>",
    '#': "1:1: Syntax error: token recognition error at: '#'",
    x: "1:1: undeclared reference to 'x' (in container '')",
    'nope(1)': "1:5: undeclared reference to 'nope' (in container '')",
    'self.x == "a"': "1:8: found no matching overload for '_==_' applied to '(int, string)'",
    'self.x == null': "1:8: found no matching overload for '_==_' applied to '(int, null)'",
    'self.x.size()': "1:12: found no matching overload for 'size' applied to 'int.()'",
    'self.nope': "1:5: undefined field 'nope'",
    'self.metadata.labels': "1:14: undefined field 'labels'",
    'self.x.y': "1:7: type 'int' does not support field selection",
    'self.x.all(i, true)': "1:5: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
    '[1, "a"]': "1:5: expected type 'int' but found 'string'",
    'has(self)': '1:5: invalid argument to has() macro',
    'self.names.map(1, 2)': '1:16: argument is not an identifier',
    'self.names.all(1, 2)': '1:16: argument must be a simple name',
    'a | b': "1:3: Syntax error: token recognition error at: '| '",
    'size(': `1:6: Syntax error: mismatched input '<EOF>' expecting ${operand.replace("'.'", "')', '.'")}`,
    '{': `1:2: Syntax error: mismatched input '<EOF>' expecting ${operand.replace("'(', '.'", "'}', '(', '.', ','").replace("'!'", "'!', '?'")}`,
    'duration("1x")': '1:10: invalid duration argument',
    'timestamp("x")': '1:11: invalid timestamp argument',
    '"a".matches("(")': '1:13: invalid matches argument',
    if: '1:1: reserved identifier: if',
  };
  for (const [source, message] of Object.entries(table))
    assert.throws(
      () => compile(source, environment),
      (error: unknown) => {
        assert.ok(error instanceof CelCompileError, source);
        assert.equal(error.message.split('\n')[0], `ERROR: <input>:${message}`);
        return true;
      },
    );
  assert.throws(() => compile('self.x > 1 &&\n  y', environment), {
    message: "ERROR: <input>:2:3: undeclared reference to 'y' (in container '')\n |   y\n | ..^",
  });
});

test('costs are those of cel-go, when run and at worst', () => {
  const cost = (source: string) => [evaluate(source).cost, compile(source, environment).estimateCost()] as const;
  assert.deepEqual(cost('self.x == 5'), [3, { min: 2, max: 2 }]);
  assert.deepEqual(cost('self.names.all(n, n.size() == 1)')[0], 15);
  assert.deepEqual(cost('self.few.all(e, e.name == "p")')[1], { min: 3, max: 63 });
  assert.deepEqual(cost('self.x in [1, 5]')[0], 2);
  assert.equal(cost('self.names.all(n, self.names.all(m, m != n))')[1].max > 1e9, true);
  // Of Kubernetes' own types as well: without that no rule could compare two of them.
  for (const same of [
    'quantity("1") == quantity("2")',
    'ip("::1") == ip("::2")',
    'cidr("10.0.0.0/8").masked() == cidr("10.0.0.0/8")',
    'semver("1.2.3") == semver("1.2.4")',
    'url("/a") == url("/b")',
  ])
    assert.ok(cost(same)[1].max < 10, same);
  // Parsing is paid for by the character, as when it runs.
  const long = '0'.repeat(95);
  for (const parsed of ['isIP', 'isCIDR', 'isQuantity', 'isSemver'])
    assert.deepEqual(cost(`${parsed}("${long}")`), [10, { min: 10, max: 10 }], parsed);
  assert.deepEqual(cost(`ip.isCanonical("${'0'.repeat(15)}")`)[1], { min: 3, max: 3 });
  assert.deepEqual(cost('cidr("10.0.0.0/8").ip().family() == 4')[1], { min: 4, max: 4 });
});

test('an evaluation that costs too much ends early', () => {
  const source = 'self.names.all(a, [1, 2, 3, 4, 5, 6, 7, 8, 9].all(b, [1, 2, 3, 4, 5, 6, 7, 8, 9].all(c, a != "z")))';
  const result = compile(source, environment).evaluate(variables, 100);
  assert.equal(result.costLimitReached, true);
  assert.deepEqual(result.value, new ErrorValue('operation cancelled: actual cost limit exceeded'));
  assert.ok(result.cost > 100 && result.cost < 200);
});

test('what is cheap by its rules and much work all the same is stopped too', () => {
  const wide = jsonValue({ items: Array.from({ length: 5000 }, (_, i) => ({ deep: { i } })) });
  const source = 'lists.range(2000).all(i, any.items == any.items.map(x, x))';
  const { value, costLimitReached } = compile(source, environment).evaluate(() => wide);
  assert.deepEqual([costLimitReached, value instanceof ErrorValue], [true, true]);
  const pattern = `${'.*'.repeat(2000)}x`;
  const { cost } = compile(`"${'a'.repeat(50_000)}".matches("${pattern}")`, environment).evaluate(() => wide);
  assert.ok(cost > 1_000_000, 'paid for before it is matched');
});

test('a type that holds itself is no type', () => {
  assert.throws(() => compile('{}.map(c, [c, type(c)])', environment), CelCompileError);
});

test('many expressions side by side are checked in time that grows with their number', () => {
  const source = `[${Array.from({ length: 9000 }, (_, i) => `${i} == 1`).join(',')}].size() > 0`;
  assert.equal(evaluate(source).value, true);
});

test('nesting beyond what can be walked is refused, whatever makes it', () => {
  const limit = { message: /expression recursion limit exceeded: 250/ };
  for (const source of [
    '('.repeat(5000) + 1 + ')'.repeat(5000),
    `1${' + 1'.repeat(5000)}`,
    `self${'.a'.repeat(5000)}`,
    '!'.repeat(10) + '['.repeat(3000),
  ])
    assert.throws(() => compile(source, environment), limit);
  assert.throws(() => compile(' '.repeat(100_001), environment), { message: /code point size exceeds limit/ });
  assert.equal(evaluate(`true${' && true'.repeat(5000)}`).value, true);
});

test('names of JavaScript objects are ordinary names', () => {
  for (const source of ['__proto__', 'constructor', 'self.constructor', 'self.__proto__', 'toString()'])
    assert.throws(() => compile(source, environment), CelCompileError);
  expectValues({ 'any.?constructor.hasValue()': false, '"__proto__" in any': false, '{"__proto__": 1}["__proto__"]': 1n });
});

const words = fc.constantFrom(
  ...'self any x . ( ) [ ] { } , : ? && || ! - + * / % == < in 1 2.5 "a" b"x" has all map exists null true size string int duration timestamp matches split format ip cidr quantity url if $ \\ \' " ` .? [? 0x 1u //'.split(
    ' ',
  ),
);

test('no text makes the compiler or an evaluation fail in any way but its own', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(words, { maxLength: 25 }).map((parts) => parts.join(' ')),
        fc.string({ unit: 'binary', maxLength: 60 }),
      ),
      (source) => {
        try {
          const program = compile(source, environment);
          program.estimateCost();
          program.evaluate(variables, 10_000);
          formatType(program.resultType);
        } catch (error) {
          if (!(error instanceof CelCompileError)) throw error;
        }
      },
    ),
    { numRuns: 3000 },
  );
});
