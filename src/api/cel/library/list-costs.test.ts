/** Prices of cel-go 0.26, as upstream's packages of 1.36.4 reckon them with it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, createEnvironment, ErrorValue } from '../cel.ts';
import { INT, listOf, mapOf, STRING } from '../types.ts';
import { PlainList } from '../values.ts';

const environment = createEnvironment({ variables: { numbers: listOf(INT), text: STRING, counts: mapOf(STRING, INT) } });
const costOf = (source: string) => compile(source, environment).evaluate(() => undefined).cost;
const estimateOf = (source: string) => compile(source, environment).estimateCost().max;

test('functions of lists cost what they make and look at', () => {
  for (const [source, cost] of [
    ['lists.range(4) == [0, 1, 2, 3]', 16],
    ['[5, 1, 2, 3].reverse() == [3, 2, 1, 5]', 16],
    ['[1, 2, 3, 4].slice(1, 3) == [2, 3]', 14],
    ['[4, 3, 2, 1].sort() == [1, 2, 3, 4]', 44],
    ['["d", "a", "b", "c"].sort() == ["a", "b", "c", "d"]', 45],
    ['[-2, 5, -2, 1, 1, 5, -2, 1].distinct() == [-2, 5, 1]', 140],
    ['lists.range(3).sortBy(e, -e) == [2, 1, 0]', 89],
    ['[[1, 2], [3]].flatten() == [1, 2, 3]', 14],
  ] as const)
    assert.equal(costOf(source), cost, source);
});

test('estimates of them know the numbers that are written down, and sizes by pairs', () => {
  assert.equal(estimateOf('lists.range(5)'), 16);
  assert.equal(estimateOf('[1, 2, 3, 4].slice(1, 3)'), 10 + 13);
  assert.equal(estimateOf('["a", "b"].sort()'), 10 + 11 + 9);
  assert.equal(estimateOf('["a", "b"].distinct()'), 10 + 11 + 8);
});

test('a text made of a number, or by a format, has no bound', () => {
  assert.ok(estimateOf('"over " + string(1)') > 2 ** 60);
  assert.ok(estimateOf('"%d".format([1]) + "."') > 2 ** 60);
  assert.ok(estimateOf('"%d over".format([1])') < 20);
});

test('what fails costs what was looked at: both of two arguments, and the lists and maps that it stands in', () => {
  for (const [source, cost] of [
    ['[1 / 0]', 11],
    ['{"a": 1 / 0}', 31],
    ['1 / 0 == 2 / 0', 3],
    ['size([1 / 0])', 12],
    ['1 / 0 + size("a")', 3],
    ['"abc".replace(string(1 / 0), "b")', 2],
  ] as const) {
    const { value, cost: paid } = compile(source, environment).evaluate(() => undefined);
    assert.ok(value instanceof ErrorValue, source);
    assert.equal(paid, cost, source);
  }
});

test('a check of a format costs by the pattern of that format', () => {
  assert.equal(costOf('format.dns1123Label().validate("abc")'), 9);
  assert.equal(costOf('format.uri().validate("abc")'), 277);
});

test('what an expression collects into a map is not there when it runs again', () => {
  const program = compile('numbers.transformMapEntry(i, n, {string(n): i})', environment);
  for (const numbers of [[1n, 2n], [2n, 3n], [2n]]) {
    const { value } = program.evaluate((name) => (name === 'numbers' ? new PlainList(numbers) : undefined));
    assert.ok(!(value instanceof ErrorValue), String((value as ErrorValue).message));
    assert.deepEqual([...(value as unknown as { keys(): Iterable<string> }).keys()], numbers.map(String));
  }
});
