import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blockName, firstAddress, freeBlock, isInBlock, isInPool, usableAddresses } from './address-blocks.ts';

test('nodes take blocks until the pool is used up, and none twice', () => {
  fc.assert(
    fc.property(fc.integer({ min: 24, max: 28 }), fc.array(fc.string(), { minLength: 1, maxLength: 5 }), (blockSize, nodes) => {
      const pool = { cidr: '10.64.0.0/22', blockSize };
      const taken: string[] = [];
      for (;;) {
        const block = freeBlock(pool, taken, nodes[taken.length % nodes.length]!);
        if (block === undefined) break;
        assert.ok(!taken.includes(block), block);
        assert.ok(isInPool(pool, block), block);
        taken.push(block);
      }
      assert.equal(taken.length, 2 ** (blockSize - 22));
    }),
    { numRuns: 50 },
  );
});

test('blocks of another size, of an earlier pool, are left alone', () => {
  const pool = { cidr: '10.64.0.0/24', blockSize: 26 };
  assert.equal(freeBlock(pool, ['10.64.0.0/25', '10.64.0.128/28'], 'a'), '10.64.0.192/26');
  assert.equal(freeBlock(pool, ['10.0.0.0/8'], 'a'), undefined);
  assert.equal(freeBlock({ cidr: '10.64.0.0/28', blockSize: 26 }, [], 'a'), undefined);
});

test('blocks of IPv6 are of a pool of IPv6, which is never used up', () => {
  const pool = { cidr: 'fd00:64::/48', blockSize: 122 };
  const taken = ['10.64.0.0/10'];
  for (const node of ['a', 'b', 'a']) taken.push(freeBlock(pool, taken, node) ?? '');
  assert.equal(new Set(taken).size, 4);
  for (const block of taken.slice(1)) {
    assert.match(block, /^fd00:64:.*\/122$/);
    assert.ok(isInPool(pool, block), block);
    assert.match(blockName(block), /^[a-z0-9][a-z0-9-]*[a-z0-9]$/);
  }
  assert.equal(firstAddress('fd00:64::40/122'), 'fd00:64::41');
  assert.equal(usableAddresses('fd00:64::40/122'), 62);
  assert.ok(isInBlock('fd00:64::40/122', 'fd00:64::7f'));
  assert.ok(!isInBlock('fd00:64::40/122', 'fd00:64::80'));
});

test('of a block of 64, pods can have 61', () => {
  assert.equal(usableAddresses('10.64.0.0/26'), 61);
  assert.equal(usableAddresses('10.64.0.0/32'), 0);
  assert.ok(isInBlock('10.64.0.64/26', '10.64.0.127'));
  assert.ok(!isInBlock('10.64.0.64/26', '10.64.0.128'));
  assert.equal(blockName('10.64.0.64/26'), '10-64-0-64-26');
});
