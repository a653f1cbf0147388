import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runAtOnce } from '../../std/pauses.ts';
import { parseYamlText } from '../request/parse-yaml.ts';
import { yamlInSteps, yamlListInSteps } from './yaml-text.ts';

const yamlText = (value: unknown): string => runAtOnce(yamlInSteps(value)).join('');

test('texts that readers of YAML 1.1 would take for something else stay texts', () => {
  const words =
    'yes No ON off y N true Null ~ 012 0o7 -0o17 0x1F 0b1 1_000 1:30 1e3 +1 -.5 1. .inf .NaN 2026-01-01 2026-01-01T00:00:00Z';
  const marks = [
    '',
    ' a',
    'a ',
    '- a',
    'a: b',
    'a #b',
    '#a',
    '!a',
    '&a',
    '*a',
    '%a',
    '@a',
    '`a',
    '<<',
    '=',
    '---',
    '[a',
    '{a',
    '"a',
    "'a",
  ];
  const others = ['a\nb', 'a\n', '\n', '\ta', 'a\r', '\u0000', '\u2028', '\u0085', 'a\n\u2029b"', 'ünï', '𝄞'];
  const texts = [...words.split(' '), ...marks, ...others];
  const value = { texts, keys: Object.fromEntries(texts.map((text) => [text, 1])) };
  assert.deepEqual(parseYamlText(yamlText(value)).value, value);
  assert.equal(yamlText({ a: 'yes', b: '2026-01-01T00:00:00Z', c: '0o7' }), 'a: "yes"\nb: "2026-01-01T00:00:00Z"\nc: "0o7"\n');
});

test('keys are in order, and lists begin where their key does', () => {
  const value = {
    kind: 'List',
    apiVersion: 'v1',
    items: [
      { b: [], a: {} },
      { c: null, d: [true, 1.5, -3] },
    ],
  };
  assert.equal(
    yamlText(value),
    'apiVersion: v1\nitems:\n- a: {}\n  b: []\n- c: null\n  d:\n  - true\n  - 1.5\n  - -3\nkind: List\n',
  );
});

test('what is long is written in many parts, to the same text', () => {
  const easy = Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`key-${i}`, `value ${i}`]));
  const value = {
    easy,
    hard: Array.from({ length: 3_000 }, (_, i) => `- ${i}: #`),
    nested: [[['a'], 'b'], { c: { d: ['e\nf\n\n  g'] } }],
  };
  const steps = yamlInSteps(value);
  let pauses = 0;
  let next = steps.next();
  for (; !next.done; next = steps.next()) pauses++;
  assert.ok(pauses >= 8, `${pauses} pauses`);
  assert.deepEqual(parseYamlText(next.value.join('')).value, value);
});

test('keys of a large map are put in order with pauses before the first of them is written', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `k${(i * 7919) % 20_000}`);
  const steps = yamlInSteps(Object.fromEntries(keys.map((key) => [key, 1])));
  let pauses = 0;
  let next = steps.next();
  for (; !next.done; next = steps.next()) pauses++;
  assert.equal(
    next.value.join(''),
    keys
      .sort()
      .map((key) => `${key}: 1\n`)
      .join(''),
  );
  assert.ok(pauses >= 4, `${pauses} pauses`);
});

test('a list is the same text whether it is written whole or item by item', () => {
  const items = [{ a: 1, b: ['x', 'y\nz'] }, { c: {} }];
  for (const some of [items, []]) {
    const fields = { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: '7' } };
    const lazy = some.map(function* (item) {
      yield;
      return item;
    });
    assert.equal(runAtOnce(yamlListInSteps(fields, lazy)).join(''), yamlText({ ...fields, items: some }));
  }
});

test('texts over lines stand further in than what they belong to', () => {
  const value = {
    a: [{ b: 'x\n\ny\n', c: ['  lead\nz', ['p\nq']] }],
    'k: l': { m: 'r\ns' },
    ['long'.repeat(300)]: { n: 't\nu' },
  };
  assert.deepEqual(parseYamlText(yamlText(value)).value, value);
  assert.match(yamlText(value), /^a:\n- b: \|\n {4}x\n\n {4}y\n {2}c:\n {2}- \|2-\n/);
});
