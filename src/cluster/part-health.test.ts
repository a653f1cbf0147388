import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../std/lifecycle.ts';
import { PartHealth } from './part-health.ts';

test('a part is well from its start to its end', async () => {
  const health = new PartHealth();
  const scheduler = health.of('scheduler');
  assert.deepEqual(await scheduler(), { status: 'False', message: 'the scheduler does not run' });
  const done = deferred();
  health.watch('scheduler', { done: done.promise });
  assert.deepEqual(await scheduler(), { status: 'True', message: 'ok' });
  done.reject(new Error('broken'));
  await done.promise.catch(() => undefined);
  assert.equal((await scheduler()).status, 'False');
});
