import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIdleBlocks, idleBlocks } from './idle-blocks.ts';

const [FIRST, SECOND, THIRD] = ['10.64.0.0/26', '10.64.0.64/26', '10.64.1.0/26'];
const used = (network: string, count: number) => Array.from({ length: count }, (_, i) => `${network}${i + 2}`);

test('the first block stays, and one that a pod has an address of', () => {
  assert.deepEqual(idleBlocks([FIRST], []), []);
  assert.deepEqual(idleBlocks([FIRST, SECOND], []), [SECOND]);
  assert.deepEqual(idleBlocks([FIRST, SECOND], ['10.64.0.70']), []);
  assert.deepEqual(idleBlocks([FIRST, SECOND, THIRD], ['10.64.0.70']), [THIRD]);
});

test('a block stays while the others would have little room', () => {
  const [few, many] = [used('10.64.0.', 29), used('10.64.0.', 30)];
  assert.deepEqual(idleBlocks([FIRST, SECOND], few), [SECOND]);
  assert.deepEqual(idleBlocks([FIRST, SECOND], many), []);
  assert.deepEqual(idleBlocks([FIRST, SECOND, THIRD], many), [THIRD], 'one of two is enough');
});

test('an idle block is due when it has given no addresses for a minute, and begins anew when it was used', () => {
  const look = createIdleBlocks();
  assert.deepEqual(look([SECOND], 0), { withheld: [SECOND], due: [] });
  assert.deepEqual(look([SECOND, THIRD], 59_999).due, []);
  assert.deepEqual(look([SECOND, THIRD], 60_000).due, [SECOND]);
  assert.deepEqual(look([], 61_000), { withheld: [], due: [] });
  assert.deepEqual(look([SECOND], 200_000).due, []);
});
