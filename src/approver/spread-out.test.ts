import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spreadOut } from './spread-out.ts';

test('what waits together is looked at again one after the other, and none of it too late or much too soon', () => {
  const times = Array.from({ length: 1000 }, (_, i) => spreadOut(60_000, `csr-${i}`));
  assert.ok(times.every((ms) => ms > 47_999 && ms <= 60_000));
  const perSecond = new Map<number, number>();
  for (const ms of times) perSecond.set(Math.floor(ms / 1000), (perSecond.get(Math.floor(ms / 1000)) ?? 0) + 1);
  assert.ok(Math.max(...perSecond.values()) < 150, 'of a thousand in twelve seconds no second has many more than its share');
  assert.equal(spreadOut(60_000, 'csr-1'), spreadOut(60_000, 'csr-1'));
  assert.equal(spreadOut(1, 'csr-1'), 1);
});
