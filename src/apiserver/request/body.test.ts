import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { parseJson, parseYaml } from './body.ts';
import { readYaml } from './yaml-body.ts';

const parse = (text: string) => parseYaml(Buffer.from(text));

test('YAML is read as JSON would be', async () => {
  assert.deepEqual(await parse('a: 1\nb: [x, "y"]\nc: &d {e: null}\nf: *d\n'), {
    a: 1,
    b: ['x', 'y'],
    c: { e: null },
    f: { e: null },
  });
  assert.deepEqual(Object.keys((await parse('__proto__: {x: 1}')) as object), ['__proto__']);
});

test('of a key that comes again the last one counts, and its place is told', async () => {
  const { value, repeated } = await readYaml(Buffer.from('a: 1\nb: {c: 1, "c": 2}\na: 3'));
  assert.deepEqual(value, { a: 3, b: { c: 2 } });
  assert.deepEqual(repeated, ['line 2: key "c" already set in map', 'line 3: key "a" already set in map']);
});

test('words and numbers mean what they mean to go-yaml', async () => {
  const text = 'a: yes\nb: off\nc: 0777\nd: 2020-01-01\ne: 10:20\nf: 1_000\non: 1\ng: 0x1F\nh: 1e3\ni: ~\nj: <<\n';
  assert.deepEqual(await parse(text), {
    a: true,
    b: false,
    c: 511,
    d: '2020-01-01',
    e: '10:20',
    f: 1000,
    true: 1,
    g: 31,
    h: 1000,
    i: null,
    j: '<<',
  });
});

test('a second document and what is no YAML are refused', async () => {
  await assert.rejects(parse('a: 1\n---\nb: 1'), /multiple documents/);
  await assert.rejects(parse('a: [1'), { code: 400 });
});

test('aliases of aliases are refused, and depth is no way to end the server', async () => {
  const levels = [...'bcdefghi'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`)}]`);
  await assert.rejects(parse(`a: &a [x]\n${levels.join('\n')}`), /Excessive alias count/);
  await assert.rejects(parse('['.repeat(200_000)), { code: 400 });
});

const NESTED: Record<string, (levels: number) => string> = {
  lists: (n) => `a: ${'['.repeat(n)}${']'.repeat(n)}`,
  maps: (n) => `${'{a: '.repeat(n)}1${'}'.repeat(n)}`,
  'lists that never end': (n) => '['.repeat(n),
  'lists over many lines': (n) => `${'[\n'.repeat(n)}${']'.repeat(n)}`,
  dashes: (n) => `${'- '.repeat(n)}a`,
  'keys of keys': (n) => `${'? '.repeat(n)}a`,
  'lines, each further in': (n) => Array.from({ length: n }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
  'dashes, each line further in': (n) => Array.from({ length: n }, (_, i) => `${' '.repeat(i)}-`).join('\n'),
};
for (const [what, make] of Object.entries(NESTED))
  test(`YAML that nests without end is refused before it is read: ${what}`, async () => {
    await assert.rejects(parse(make(1_100)), {
      code: 400,
      message: 'error converting YAML to JSON: yaml: exceeded max depth of 1000',
    });
  });

test('what looks deep and is not is read: brackets in texts, texts of many lines, lists behind lists', async () => {
  const brackets = '['.repeat(2_000);
  assert.deepEqual(await parse(`a: "${brackets}"\nb: |\n  ${brackets}\n# ${brackets}`), { a: brackets, b: `${brackets}\n` });
  const lines = Array.from({ length: 2_000 }, (_, i) => `  ${' '.repeat(i % 30)}- x`).join('\n');
  assert.equal(typeof ((await parse(`a: |\n${lines}`)) as { a: string }).a, 'string');
  assert.equal(((await parse(Array(3_000).fill('- [[a]]').join('\n'))) as unknown[]).length, 3_000);
});

test('a map or a list is no key', async () => {
  // Written out as text, a key in a key in a key took twenty seconds for a thousand characters.
  for (const text of ['? [a]\n: b', '{{a: 1}: 2}', 'a: &a {}\n*a : 1', `${'? '.repeat(500)}a`])
    await assert.rejects(parse(text), { code: 400, message: /yaml: line \d+: invalid map key: a map or list$/ });
  assert.deepEqual(await parse('a: &a x\n*a : 1'), { a: 'x', x: 1 });
});

test('an alias stands for the last anchor of its name before it, in maps that are merged, too', async () => {
  assert.deepEqual(await parse('a: &x [1]\nb: *x\nc: &x {d: 2}\ne: {<<: *x, f: *x}'), {
    ...{ a: [1], b: [1], c: { d: 2 } },
    e: { d: 2, f: { d: 2 } },
  });
  await assert.rejects(parse('a: *x\nb: &x 1'), { code: 400, message: /Unresolved alias/ });
  for (const text of ['a: &x [*x]', '&x {a: {b: *x}}'])
    await assert.rejects(parse(text), { code: 400, message: /anchor 'x' value contains itself$/ });
  const many = Array.from({ length: 300 }, (_, i) => `a${i}: &x${i} [${i}]\nb${i}: *x${i}`).join('\n');
  assert.deepEqual(((await parse(many)) as Record<string, unknown>)['b299'], [299]);
});

test('a map of many keys is read in the time that its size takes', { timeout: 60_000 }, async () => {
  // With a comparison of each key with each other one this took minutes.
  const text = Array.from({ length: 20_000 }, (_, i) => `k${i}: v`).join('\n');
  assert.equal(Object.keys((await parse(text)) as object).length, 20_000);
});

test('a long document is read by a thread of its own, and says the same', async () => {
  const lines = Array.from({ length: 3_000 }, (_, i) => `key-${i}: [v, "${i}"]`);
  const reading = Promise.all(
    [lines.join('\n'), `${lines.join('\n')}\nkey-1: yes`, `${lines.join('\n')}\n]`].map((text) =>
      readYaml(Buffer.from(text)).catch((error: Error) => error),
    ),
  );
  const [whole, repeated, broken] = await reading;
  assert.ok(whole && !(whole instanceof Error) && repeated && !(repeated instanceof Error));
  assert.deepEqual((whole.value as Record<string, unknown>)['key-2999'], ['v', '2999']);
  assert.deepEqual(repeated.repeated, ['line 3001: key "key-1" already set in map']);
  assert.equal((repeated.value as Record<string, unknown>)['key-1'], true);
  assert.match((broken as Error).message, /^error converting YAML to JSON: yaml: line 3001: /);
  const proto = await readYaml(Buffer.from(`${lines.join('\n')}\n__proto__: {x: 1}`));
  assert.deepEqual(Object.keys(proto.value as object).at(-1), '__proto__');
});

test('a thread that cannot be had is not blamed on the document', async () => {
  const long = Buffer.from(Array.from({ length: 3_000 }, (_, i) => `key-${i}: [v, "${i}"]`).join('\n'));
  const noModule = () => new Worker(new URL('./no-such-module.ts', import.meta.url));
  const noThread = () => new Worker(noModule.name, { execArgv: ['--no-such-option'] });
  for (const begin of [noModule, noThread])
    await assert.rejects(readYaml(long, begin), {
      code: 500,
      message: /^Internal error occurred: cannot read YAML in a thread: /,
    });
  // One that is too much for a thread of its size is.
  const small = () =>
    new Worker('for (const all = [];;) all.push(new Array(1000))', { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } });
  await assert.rejects(readYaml(long, small), { code: 400, message: /^error converting YAML to JSON: yaml: / });
});

test('JSON that nests deeper than Go reads is refused before anything has to bear it; brackets in strings are no depth', () => {
  const nested = (depth: number) => Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`);
  assert.ok(parseJson(nested(10_000)));
  for (const depth of [10_001, 1_500_000])
    assert.throws(
      () => parseJson(nested(depth)),
      (error: { code?: number } & Error) => error.code === 400 && /exceeded max depth/.test(error.message),
    );
  const text = `\\"${'{['.repeat(20_000)}`;
  assert.deepEqual(parseJson(Buffer.from(JSON.stringify({ text, list: [[text]] }))), { text, list: [[text]] });
});
