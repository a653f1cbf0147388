/**
 * How long single expressions hold up the event loop that go on until their limit of cost (1,000,000, which upstream takes for a tenth of
 * a second), and a regular expression over 1 MB: milliseconds of the main thread's processor time, the shortest of a few runs.
 *
 *     node bench/cel.ts
 *
 * Prints one JSON line.
 */
import { compile, createEnvironment } from '../src/api/cel/cel.ts';
import { jsonValue } from '../src/api/cel/json-values.ts';
import { compileRegularExpression } from '../src/api/cel/regular-expression.ts';
import { DYN, INT, listOf, mapOf, objectOf, STRING } from '../src/api/cel/types.ts';
import { report } from './bench-cluster.ts';

const RUNS = 3;
const item = objectOf(
  'item',
  new Map([
    ['name', STRING],
    ['count', INT],
  ]),
);
const items = Array.from({ length: 2000 }, (_, i) => ({ name: `item-${i}`, count: i }));
const values: Record<string, unknown> = {
  numbers: items.map(({ count }) => count),
  words: items.map(({ name }) => name),
  untyped: items.map(({ count }) => count),
  items,
  table: Object.fromEntries(items.map(({ name, count }) => [name, count])),
  text: 'a'.repeat(1_000_000),
};
const environment = createEnvironment({
  variables: {
    ...{
      numbers: listOf(INT),
      words: listOf(STRING),
      untyped: DYN,
      items: listOf(item),
      table: mapOf(STRING, INT),
      text: STRING,
    },
  },
});
const expressions: Record<string, string> = {
  comparedNumbers: 'numbers.all(x, numbers.all(y, x + y >= 0))',
  untypedNumbers: 'untyped.all(x, untyped.all(y, x + y >= 0))',
  comparedWords: 'words.all(x, words.exists_one(y, x == y))',
  fields: 'items.all(x, items.all(y, x.count + y.count >= 0 && x.name != ""))',
  table: 'table.all(k, table.all(l, table[k] >= 0 && l in table))',
  mapped: 'numbers.all(x, numbers.map(y, y + x).size() > 0)',
  filtered: 'numbers.all(x, numbers.filter(y, y != x).size() > 0)',
  oneByOne:
    'numbers.all(x, [x].all(y, [y].all(z, [z].all(a, a >= 0)))) && numbers.all(x, numbers.all(w, [x].all(y, [y] == [y])))',
  words: 'words.all(x, words.all(y, x.startsWith("item") && y.contains("-") && (x + y).size() > 0))',
  matched: 'words.all(x, words.all(y, y.matches("^[a-z]+-[0-9]+$")))',
  madeMaps: 'numbers.all(x, numbers.all(y, {"a": x}.a == x))',
  members: 'numbers.all(x, numbers.all(y, y in numbers))',
  equalLists: 'numbers.all(x, numbers == numbers + [] )',
  contained: 'text.contains("aaaaaaaaaab")',
  joined: 'words.all(x, words.join(",").size() > 0)',
  sorted: 'words.all(x, words.sort().size() > 0)',
  distinct: 'words.all(x, words.slice(0, 900).distinct().size() > 0)',
  matchedOnce: 'text.matches("^[a-z]+(b|c)$")',
};

function milliseconds(work: () => void): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < RUNS; i++) {
    const before = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(before);
    shortest = Math.min(shortest, (user + system) / 1000);
  }
  return Math.round(shortest);
}

const figures: Record<string, { ms: number; cost: number; end: string }> = {};
for (const [name, source] of Object.entries(expressions)) {
  const program = compile(source, environment);
  let last = { value: undefined as unknown, cost: 0 };
  const ms = milliseconds(() => {
    last = program.evaluate((variable) => jsonValue(values[variable]));
  });
  const { value, cost } = last;
  figures[name] = { ms, cost, end: typeof value === 'boolean' ? String(value) : 'refused' };
}
const text = values['text'] as string;
const patterns: Record<string, number> = {};
for (const pattern of ['^[a-z]+$', '^a*b', '(a|b)*c', '[a-z]([-a-z0-9]*[a-z0-9])?', '^([a-z0-9]+(-[a-z0-9]+)*\\.)+$', 'aab$'])
  patterns[pattern] = milliseconds(() => compileRegularExpression(pattern).test(text));
report({ bench: 'cel', expressions: figures, patterns });
