import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planByCount, planWithout } from './plan-endpoints.ts';

test('a server adds its address to those that are there', () => {
  assert.deepEqual(planByCount({ addresses: ['10.0.0.3', '10.0.0.1'] }, '10.0.0.2', 3), ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  assert.deepEqual(planByCount({ addresses: undefined }, '10.0.0.2', 3), ['10.0.0.2']);
  assert.deepEqual(planByCount({ addresses: ['10.0.0.2'] }, '10.0.0.2', 1), ['10.0.0.2']);
});

test('more addresses than servers: the ones behind one’s own make place, from the end on from the beginning', () => {
  assert.deepEqual(planByCount({ addresses: ['1', '2', '3'] }, '4', 3), ['2', '3', '4']);
  assert.deepEqual(planByCount({ addresses: ['1', '2', '3'] }, '2', 2), ['1', '2']);
  assert.deepEqual(planByCount({ addresses: ['1', '2', '3'] }, '2', 0), ['2']);
});

test('a server that goes takes its own address with it', () => {
  assert.deepEqual(planWithout({ addresses: ['2', '1'] }, '2'), ['1']);
  assert.deepEqual(planWithout({ addresses: undefined }, '2'), []);
});
