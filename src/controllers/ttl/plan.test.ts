import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planTtlStep, ttlSecondsOf } from './plan.ts';

const table: [number, number, number][] = [
  [0, 0, 0],
  [100, 0, 0],
  [101, 0, 15],
  [90, 1, 15],
  [89, 1, 0],
  [5000, 0, 300],
  [1800, 4, 300],
  [1799, 4, 60],
];
for (const [nodes, step, seconds] of table)
  test(`${nodes} nodes, coming from step ${step}, make ${seconds} s`, () => {
    assert.equal(ttlSecondsOf(planTtlStep(nodes, step)), seconds);
  });
