import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameMeaning } from './field-checks.ts';

test('values mean the same where they differ in absent fields and empty lists only', () => {
  const cases: [unknown, unknown, boolean][] = [
    [{ a: 1, b: [] }, { a: 1 }, true],
    [{ a: 1 }, { a: 1, b: null }, true],
    [{ a: undefined }, {}, true],
    [{ a: {} }, {}, false],
    [{ a: '' }, {}, false],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 1, b: 2 }, { a: 1 }, false],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [[1, 2], [2, 1], false],
    [[{ a: [] }], [{}], true],
    [{ constructor: 1 }, {}, false],
    [{}, { constructor: 1 }, false],
    [{ toString: undefined }, {}, true],
    [1, '1', false],
    [[], {}, false],
  ];
  for (const [a, b, same] of cases) assert.equal(sameMeaning(a, b), same, JSON.stringify([a, b]));
});
