import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseYamlText } from './parse-yaml.ts';

const parsed = (text: string) => parseYamlText(text).value;

test('numbers, bytes and keys are what go-yaml makes of them', () => {
  const values: readonly [string, unknown][] = [
    ['a: 0o17', { a: 15 }],
    ['a: -0o1_7', { a: -15 }],
    ['a: 017', { a: 15 }],
    ['a: 0o8', { a: '0o8' }],
    ['a: !!binary aGVsbG8=', { a: 'hello' }],
    ['on: 1_000', { true: 1000 }],
    ['.inf: x', { '.inf': 'x' }],
    ['a: 2020-01-01', { a: '2020-01-01' }],
  ];
  for (const [text, expected] of values) assert.deepEqual(parsed(text), expected, text);
});

test('what JSON cannot hold is refused', () => {
  for (const text of ['~: x', ': x', 'null: x', '? \n: x', '[a]: x'])
    assert.throws(() => parsed(text), /^Error: line \d+: invalid map key/, text);
  for (const [text, shown] of [
    ['a: .nan', 'NaN'],
    ['- .inf', '\\+Inf'],
    ['-.inf', '-Inf'],
  ] as const)
    assert.throws(() => parsed(text), new RegExp(`^Error: json: unsupported value: ${shown}$`), text);
});
