import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from './table-text.ts';

test('columns are as wide as their widest cell, of any number of rows', () => {
  assert.equal(
    formatTable([
      ['NAME', 'AGE'],
      ['longer', '1s'],
    ]),
    'NAME     AGE\nlonger   1s\n',
  );
  const many = formatTable(Array.from({ length: 200_000 }, () => ['a', 'b']));
  assert.equal(many.length, 200_000 * 'a   b\n'.length);
});
