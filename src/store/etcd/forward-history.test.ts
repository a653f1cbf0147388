import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ForwardHistory } from './forward-history.ts';

test('answers may overtake each other, but none is older than what was known when it was asked for', () => {
  const history = new ForwardHistory();
  const [slow, quick] = [history.begin(), history.begin()];
  assert.equal(quick(7), 7);
  assert.equal(slow(5), 5);
  assert.throws(() => history.begin()(6), { code: 'corrupt', message: /went back from revision 7 to 6/ });
  assert.equal(history.begin()(7), 7);
});
