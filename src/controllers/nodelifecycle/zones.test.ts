import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evictionRate, ZoneLimiter, zoneState } from './zones.ts';

const options = { evictionRate: 0.1, secondaryEvictionRate: 0.01, largeClusterThreshold: 50, unhealthyZoneThreshold: 0.55 };

test('a zone is full when nothing is ready, partial when most of more than two are not, else normal', () => {
  assert.equal(zoneState({ ready: 0, notReady: 1 }, 0.55), 'full');
  assert.equal(zoneState({ ready: 1, notReady: 2 }, 0.55), 'normal');
  assert.equal(zoneState({ ready: 2, notReady: 3 }, 0.55), 'partial');
  assert.equal(zoneState({ ready: 3, notReady: 3 }, 0.55), 'normal');
});

test('small partially disrupted zones evict nobody, large ones slowly', () => {
  assert.equal(evictionRate('normal', 10, options), 0.1);
  assert.equal(evictionRate('full', 10, options), 0.1);
  assert.equal(evictionRate('partial', 50, options), 0);
  assert.equal(evictionRate('partial', 51, options), 0.01);
});

test('the limiter lets one through, then the next after 1/rate', () => {
  const limiter = new ZoneLimiter();
  assert.deepEqual(
    [0, 1, 9_999, 10_000, 10_001].map((nowMs) => limiter.take(0.1, nowMs)),
    [true, false, false, true, false],
  );
  assert.equal(limiter.take(0, 1e9), false);
});
