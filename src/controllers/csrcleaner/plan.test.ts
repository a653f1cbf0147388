import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planDeletionMs } from './plan.ts';

const HOUR = 3_600_000;
const T0 = Date.parse('2026-01-01T00:00:00Z');
const iso = (ms: number) => new Date(ms).toISOString();
const csr = (status: object) => ({
  metadata: { creationTimestamp: iso(T0) },
  spec: { request: '', signerName: 'x' },
  status,
});
const condition = (type: string) => ({ type, status: 'True', lastUpdateTime: iso(T0 + HOUR) });

test('pending requests stay a day', () => {
  assert.equal(planDeletionMs(csr({})), T0 + 24 * HOUR);
});

test('denied, failed and issued requests stay an hour from the decision', () => {
  assert.equal(planDeletionMs(csr({ conditions: [condition('Denied')] })), T0 + 2 * HOUR);
  assert.equal(planDeletionMs(csr({ conditions: [condition('Failed')] })), T0 + 2 * HOUR);
  assert.equal(planDeletionMs(csr({ conditions: [condition('Approved')], certificate: 'x' })), T0 + 2 * HOUR);
});

test('an approved request that waits for its certificate stays', () => {
  assert.equal(planDeletionMs(csr({ conditions: [condition('Approved')] })), undefined);
});

test('an issued request goes when its certificate has expired', () => {
  const issued = csr({ conditions: [condition('Approved')], certificate: 'x' });
  assert.equal(planDeletionMs(issued, T0 + 10), T0 + 10);
});
