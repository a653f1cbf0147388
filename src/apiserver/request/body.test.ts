import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerRequest } from '../contracts.ts';
import { parseYaml, readObject, tooLarge } from './body.ts';
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

test('a map of many keys is read in the time that its size takes', { timeout: 60_000 }, async () => {
  // With a comparison of each key with each other one this took minutes.
  const text = Array.from({ length: 20_000 }, (_, i) => `k${i}: v`).join('\n');
  assert.equal(Object.keys((await parse(text)) as object).length, 20_000);
});

test('bodies in YAML have a limit of their own', async () => {
  const limits: number[] = [];
  const request = (type: string) =>
    ({
      headers: { 'content-type': type },
      readBody: async (limit: number) => {
        limits.push(limit);
        throw tooLarge(limit);
      },
    }) as object as ServerRequest;
  for (const type of ['application/yaml', 'application/json'])
    await assert.rejects(readObject(request(type), 'V1ConfigMap'), { code: 413 });
  assert.deepEqual(limits, [262_144, 3_145_728]);
});
