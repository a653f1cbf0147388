import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compile, createEnvironment } from './cel.ts';
import { jsonValue } from './json-values.ts';
import { misplacedTypes, NotJson, toJson } from './to-json.ts';
import { DYN } from './types.ts';

const environment = createEnvironment({ variables: { self: DYN } });

function evaluate(expression: string, self: unknown = {}) {
  return compile(expression, environment).evaluate((name) => (name === 'self' ? jsonValue(self) : undefined));
}

const large = {
  times: Array.from({ length: 1000 }, (_, i) => i),
  empties: Array.from({ length: 20_000 }, () => ''),
  lists: Array.from({ length: 20_000 }, () => []),
  text: 'é'.repeat(200_000),
};

describe('the work of an expression', () => {
  for (const call of [
    'self.empties.isSorted()',
    'self.empties.join() == ""',
    'self.empties == self.empties + []',
    'self.lists.flatten().size() == 0',
    '"%s".format([self.empties]).size() > x',
    'self.text.size() > x',
    'self.text.charAt(5) == "é"',
    '{self.text: x}.size() == 1',
    'self.text.matches("b{" + string(900 + x) + "}") || true',
    'timestamp("2020-01-01T00:00:00Z").getHours(x % 2 == 0 ? "Europe/Berlin" : "Asia/Tokyo") >= 0',
  ])
    it(`ends ${call}, cheap as upstream has it, when it was done a thousand times`, () => {
      const once = evaluate(`[1].all(x, ${call})`, large);
      assert.equal(once.value, true);
      const often = evaluate(`self.times.all(x, self.times.all(y, ${call}))`, large);
      assert.equal(often.costLimitReached, true);
    });

  it('counts no further than to its limit in lists that hold one list many times', () => {
    const { costLimitReached } = evaluate('self.times.map(x, self.empties).flatten().size() > 0', large);
    assert.equal(costLimitReached, true);
  });

  it('lets what is appended a thousand times, read by its index and compared go on to the limit of its cost', () => {
    const { value, cost } = evaluate('self.times.all(x, self.times.map(y, y + x)[x] == 2 * x && x in self.times)', {
      times: large.times.slice(0, 100),
    });
    assert.equal(value, true);
    assert.ok(cost > 100_000);
  });
});

describe('lists that are put together', () => {
  const long = Array.from({ length: 100 }, (_, i) => i);

  it('are the same whether they are copied or shared', () => {
    for (const [expression, expected] of [
      ['self + [7]', [...long, 7]],
      ['[7] + self', [7, ...long]],
      ['self + self', [...long, ...long]],
      ['[] + self + []', long],
      ['self.map(x, x) + [1] + [2]', [...long, 1, 2]],
      ['[self.map(x, x)].map(l, l + [1] == l + [1] && l + [2] != l + [1])', [true]],
      ['(self + [7])[100] == 7 && (self + self)[199] == 99 && 99 in self + [7]', true],
      ['[1] + [2] + [3]', [1, 2, 3]],
    ] as const)
      assert.deepEqual(toJson(evaluate(expression, long).value), expected, expression);
  });
});

describe('texts with characters of two units', () => {
  const self = 'a😀b😀c';
  it('are counted and cut by characters, as those without', () => {
    for (const [expression, expected] of [
      ['self.charAt(3)', '😀'],
      ['self.indexOf("b")', 2],
      ['self.lastIndexOf("😀")', 3],
      ['self.indexOf("😀", 2)', 3],
      ['self.substring(1, 3)', '😀b'],
      ['"héllo".charAt(1) + "héllo".substring(2)', 'éllo'],
      ['"héllo".indexOf("l", 3)', 3],
      ['"héllo".lastIndexOf("l", 2)', 2],
      ['strings.quote("a\\"\\\\\\n😀")', '"a\\"\\\\\\n😀"'],
      ['("é".size() + 100 * "é😀".size())', 201],
    ] as const)
      assert.deepEqual(toJson(evaluate(expression, self).value), expected, expression);
  });
});

describe('values that hold one value many times over', () => {
  /** Lists within lists, each twice in the next. */
  const doubled = (times: number) => `[[1]]${'.map(a, [a, a])'.repeat(times)}`;

  for (const [what, expression] of [
    ['compared', `${doubled(60)} == ${doubled(60)}`],
    ['looked for', `${doubled(60)}.indexOf([]) == 0`],
    ['told apart', `dyn([${doubled(60)}, ${doubled(60)}]).distinct().size() == 1`],
    ['taken as sets', `sets.contains([${doubled(60)}], [${doubled(60)}])`],
    ['looked for in a list', `${doubled(60)} in [${doubled(60)}]`],
  ] as const)
    it(`are ${what} up to the limit`, () => {
      assert.equal(evaluate(expression).costLimitReached, true);
    });

  it('are no JSON when they come to more than fits into memory', () => {
    assert.throws(() => toJson(evaluate(doubled(60)).value), NotJson);
    assert.throws(() => misplacedTypes(evaluate(doubled(60)).value, 'Object'), NotJson);
    assert.deepEqual(toJson(evaluate(doubled(1)).value), [[[1], [1]]]);
  });

  it('are found at their place in lists that were put together many times', () => {
    const { value } = evaluate(
      `[self]${'.map(a, a + self)'.repeat(200)}[0][8003]`,
      Array.from({ length: 40 }, (_, i) => i),
    );
    assert.equal(value, 3n);
  });
});

describe('expressions that grow when they are read', () => {
  const refused = (expression: string, message: RegExp) => assert.throws(() => compile(expression, environment), message);

  it('are refused when macros within macros write them out too often', () => {
    refused(`optional.of(1)${'.optMap(v, v)'.repeat(100)}.hasValue()`, /macros written out exceeds limit/);
    assert.equal(evaluate(`optional.of(1)${'.optMap(v, v + 1)'.repeat(5)}.value()`).value, 6n);
  });

  it('are refused when their types double with each map', () => {
    refused(`[1]${'.map(a, {a: a})'.repeat(60)}.size() == 1`, /types are too large/);
  });

  it('may have as many empty lists as there is room for', () => {
    assert.equal(evaluate(`[${Array(30_000).fill('[]').join()}].size()`).value, 30_000n);
  });
});

describe('what is bound', () => {
  const bound = createEnvironment({ variables: { self: DYN }, bindings: true });
  it('may be a map that is written out', () => {
    const program = compile("cel.bind(m, {'a': self}, m.a + m.a)", bound);
    assert.equal(program.evaluate(() => 2n).value, 4n);
  });
});

describe('quantities', () => {
  it('are added whatever their exponents are', () => {
    for (const text of ['0e999999999', '1e999999999'])
      assert.equal(
        evaluate(`quantity("${text}").add(quantity("1.0000000000000000000000001")).isGreaterThan(quantity("1"))`).value,
        true,
      );
  });
});
