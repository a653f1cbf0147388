import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1JobStatus } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { validateJobStatusUpdate } from './job-status-validation.ts';

const [BEFORE, AFTER] = ['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'];
const job = (status: V1JobStatus, suspend = false) => ({ spec: { suspend, completions: 1 }, status }) as unknown as DynamicObject;
const complaints = (before: DynamicObject, after: DynamicObject) =>
  validateJobStatusUpdate(after, before).map(({ field, message }) => `${field}: ${message}`);

test('when a job has started stays as it is while the job runs, and may change while it is suspended', () => {
  const started = { startTime: BEFORE } as unknown as V1JobStatus;
  const later = { startTime: AFTER } as unknown as V1JobStatus;
  const fixed = (value: string) => [`status.startTime: Invalid value: ${value}: field is immutable for unsuspended job once set`];
  assert.deepEqual(complaints(job(started), job(later)), fixed(`"${AFTER}"`));
  assert.deepEqual(complaints(job(started), job({})), fixed('null'));
  assert.deepEqual(complaints(job({}), job(started)), []);
  assert.deepEqual(complaints(job(started), job(started)), []);
  assert.deepEqual(complaints(job(started), job({}, true)), []);
});

test('counters do not go back, and what a job has reached it keeps', () => {
  assert.deepEqual(complaints(job({ failed: 2, succeeded: 1 }), job({ failed: 1 })), [
    'status.failed: Invalid value: 1: cannot decrease the failed counter',
    'status.succeeded: Invalid value: 0: cannot decrease the succeeded counter',
  ]);
  const met = { conditions: [{ type: 'SuccessCriteriaMet', status: 'True' }] };
  assert.deepEqual(complaints(job(met), job({})), [
    'status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition',
  ]);
});
