import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exactJsonText, parseExactJson } from './exact-json.ts';
import { jsonTextInSteps, parseInSteps } from './json-in-steps.ts';
import { runAtOnce, type Steps } from './pauses.ts';

/** What a reader makes of a text: a value, or the words that it is refused with. */
function outcome(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch (error) {
    assert.ok(error instanceof SyntaxError);
    return { refused: error.message };
  }
}

const sameAsAtOnce = (text: string, part: number) =>
  assert.deepEqual(
    outcome(() => runAtOnce(parseInSteps(text, { part }))),
    outcome(() => parseExactJson(text)),
    text,
  );

const key = fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('__proto__', 'constructor', '1', '0', 'a"b\\', 'ключ'));
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(9007199254740993n, -9223372036854775808n),
    ),
    fc.array(tie('json'), { maxLength: 6 }),
    fc.dictionary(key, tie('json'), { maxKeys: 6, noNullPrototype: true }),
  ),
}));
const blank = fc.constantFrom('', ' ', '\n', '\t ');
const part = fc.integer({ min: 1, max: 40 });

test('a text parsed in parts is what it is parsed at once', () => {
  fc.assert(
    fc.property(json, fc.integer({ min: 0, max: 2 }), blank, part, (value, indent, around, size) => {
      const text = `${around}${exactJsonText(value, indent)}${around}`;
      sameAsAtOnce(text, size);
    }),
  );
});

test('a text that is broken anywhere is refused in the same words', () => {
  const piece = fc.constantFrom('', ',', '{', '}', '[', ']', '"', ':', '1', '\\', ' ', ',"a":1', ',,', '{}', 'null');
  fc.assert(
    fc.property(json, fc.nat(), fc.nat(3), piece, part, (value, place, cut, put, size) => {
      const whole = exactJsonText({ a: value, b: [value] });
      const at = place % (whole.length + 1);
      sameAsAtOnce(whole.slice(0, at) + put + whole.slice(at + cut), size);
    }),
    { numRuns: 1000 },
  );
});

test('a number before a bracket is no part of a name', () => {
  for (const put of ['1', '-', '1e', '0.', 'null', '""'])
    for (const inner of ['[1,2,3,4,5,6]', '{"x":1,"y":2,"z":3}'])
      for (let size = 1; size < 20; size++) {
        sameAsAtOnce(`{"a":${put}${inner},"b":2}`, size);
        sameAsAtOnce(`[${put}${inner},2]`, size);
      }
});

test('members that come again keep their place and have their last value', () => {
  const text = '{"a":{"x":[1,2,3],"y":1},"b":2,"a":{"z":[4,5,6,7]},"__proto__":{"p":[1,2,3]}}';
  for (let size = 1; size < 30; size++) {
    const parsed = runAtOnce(parseInSteps(text, { part: size }));
    assert.equal(JSON.stringify(parsed), JSON.stringify(JSON.parse(text)));
    assert.equal(Object.getPrototypeOf(parsed), Object.prototype);
  }
});

test('an object is written in parts as it is at once', () => {
  fc.assert(
    fc.property(fc.dictionary(key, json, { noNullPrototype: true }), part, (value, size) => {
      assert.equal(runAtOnce(jsonTextInSteps(value, size)), exactJsonText(value));
      assert.equal(runAtOnce(jsonTextInSteps(value, size, 2)), exactJsonText(value, 2));
    }),
  );
  const wide = {
    a: Array.from({ length: 100 }, (_, i) => ({ i })),
    b: { u: undefined },
    c: [undefined],
    d: new Date(0),
    e: undefined,
  };
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, i % 20 < 17 ? undefined : [i, undefined]]));
  for (const value of [wide, many, {}, { a: {} }, { a: [] }, Object.fromEntries([['__proto__', { x: 1 }]])])
    for (const indent of [0, 2]) assert.equal(runAtOnce(jsonTextInSteps(value, 10, indent)), exactJsonText(value, indent));
});

test('large texts have pauses on the way, small ones none', () => {
  const count = (steps: Steps<unknown>) => {
    let pauses = 0;
    while (!steps.next().done) pauses++;
    return pauses;
  };
  const data = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, 'v']));
  const large = { metadata: { name: 'a', labels: data }, list: Object.keys(data) };
  const text = JSON.stringify(large);
  const least = Math.floor(text.length / (80 * 1024));
  assert.ok(count(parseInSteps(text)) >= least);
  assert.ok(count(jsonTextInSteps(large)) >= least);
  assert.deepEqual(runAtOnce(parseInSteps(text)), large);
  assert.equal(count(parseInSteps('{"a":[1,2]}')), 0);
  assert.equal(count(jsonTextInSteps({ a: [1, 2] })), 0);
  const digits = `{"a":${'7'.repeat(3_000_000)}}`;
  const steps = parseInSteps(digits);
  let pauses = 0;
  assert.throws(() => {
    while (!steps.next().done) pauses++;
  }, SyntaxError);
  assert.ok(pauses >= 4);
});
