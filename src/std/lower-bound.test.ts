import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lowerBound } from './lower-bound.ts';

test('the first that is not before, of lists of every length and from everywhere', () => {
  for (let length = 0; length < 20; length++)
    for (let from = 0; from <= length; from++)
      for (let first = from; first <= length; first++)
        assert.equal(
          lowerBound(length, (i) => i < first, from),
          first,
        );
});
