import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseTokens, formatTokens, planTokens } from './node-tokens.ts';

const HOUR = 3_600_000;
const token = (node: string, id: string, expiresMs: number | undefined) => ({ node, id, expiresMs });

test('who has not joined and has no token for another hour gets one; expired ones go', () => {
  const tokens = [
    token('a', 'aaaaaa', 100 * HOUR),
    token('b', 'bbbbbb', HOUR / 2),
    token('c', 'cccccc', -1),
    token('d', 'dddddd', undefined),
    token('joined', 'eeeeee', -1),
  ];
  const { renewed, deleted } = planTokens(['a', 'b', 'c', 'd', 'e'], tokens, 0);
  assert.deepEqual(renewed, ['b', 'c', 'e']);
  assert.deepEqual(
    deleted.map(({ id }) => id),
    ['cccccc', 'eeeeee'],
  );
});

test('tokens are named by their ids or by their host; what is neither is told without its secret half', () => {
  const tokens = [token('a', 'aaaaaa', undefined), token('a', 'bbbbbb', 0), token('b', 'cccccc', 0)];
  const chosen = (...words: string[]) => chooseTokens(words, tokens, new Set(['a', 'b', 'c'])).map(({ id }) => id);
  assert.deepEqual(chosen('a', 'bbbbbb'), ['aaaaaa', 'bbbbbb']);
  assert.deepEqual(chosen('cccccc.0123456789abcdef'), ['cccccc']);
  assert.deepEqual(chosen('c'), []);
  assert.throws(
    () => chosen('dddddd.0123456789abcdef'),
    (error: Error) => {
      assert.match(error.message, /no token, called "dddddd"$/);
      return true;
    },
  );
});

test('the list tells when each token ends, and not what it is', () => {
  const text = formatTokens(
    [token('a', 'aaaaaa', 5 * HOUR), token('b', 'bbbbbb', -1), token('c', 'cccccc', undefined)],
    new Set(['b']),
    0,
  );
  assert.equal(
    text,
    `NODE   TOKEN    ENDS      NODE HAS JOINED
a      aaaaaa   in 5h     no
b      bbbbbb   expired   yes
c      cccccc   never     no
`,
  );
});
