import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeTolerations } from './tolerations.ts';

const all = { operator: 'Exists' };
const key = { key: 'a', operator: 'Exists' };
const noSchedule = { key: 'a', operator: 'Exists', effect: 'NoSchedule' };
const seconds = (tolerationSeconds: number) => ({ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds });

for (const [what, first, second, merged] of [
  ['the same twice', [key], [key], [key]],
  ['a wider one after', [noSchedule], [key], [key]],
  ['a wider one before', [key], [noSchedule], [key]],
  ['one of everything', [noSchedule, seconds(5)], [all], [all]],
  ['different effects', [noSchedule], [seconds(5)], [noSchedule, seconds(5)]],
  ['a longer time', [seconds(5)], [seconds(9)], [seconds(9)]],
  [
    'one that does not name its operator, after one that does',
    [{ key: 'a', operator: 'Equal', value: '1' }],
    [{ key: 'a', value: '1' }],
    [{ key: 'a', value: '1' }],
  ],
  [
    'one that does not name its operator, with an effect',
    [{ key: 'a', value: '1', effect: 'NoSchedule' }],
    [{ key: 'a', value: '1' }],
    [
      { key: 'a', value: '1', effect: 'NoSchedule' },
      { key: 'a', value: '1' },
    ],
  ],
  [
    'different values',
    [{ key: 'a', value: '1' }],
    [{ key: 'a', value: '2' }],
    [
      { key: 'a', value: '1' },
      { key: 'a', value: '2' },
    ],
  ],
] as const) {
  test(`${what} merge into what is needed`, () => assert.deepEqual(mergeTolerations(first, second), merged));
}

test('thousands of tolerations are not compared with each other', () => {
  const many = Array.from({ length: 20_000 }, (_, i) => ({ key: `a${i}`, operator: 'Exists' }));
  assert.equal(mergeTolerations(many, [{ key: 'a7', operator: 'Exists' }]).length, many.length);
});
