import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeasePool } from './lease-pool.ts';

test('objects of a minute share a lease, unless the clock is set back to before it began', async () => {
  let nowMs = 10_000_000;
  let granted = 0;
  const store = { grantLease: async () => String(++granted) };
  const pool = new LeasePool(store, { now: () => nowMs } as never);
  const lease = () => pool.leaseFor(3600);
  assert.equal(await lease(), '1');
  nowMs += 59_000;
  assert.equal(await lease(), '1');
  nowMs -= 3_600_000;
  assert.equal(await lease(), '2');
  nowMs += 60_000;
  assert.equal(await lease(), '3');
});
