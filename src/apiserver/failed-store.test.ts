import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../std/clock.ts';
import { deferred } from '../std/lifecycle.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { StoreError } from '../store/store.ts';
import { wrapStore } from '../store/wrap-store.ts';
import { startTestApi } from './test-api.ts';

test('a server whose store has failed for good ends with what the store says, and can be stopped', async () => {
  const failed = deferred<StoreError>();
  const inner = createMemoryStore({ clock: systemClock });
  // Who stands between a store and its server hands on what it says.
  const store = wrapStore(wrapStore(inner, { failed: failed.promise }), {});
  const api = await startTestApi({ store });
  const error = new StoreError('unavailable', 'a write may be lost');
  failed.resolve(error);
  await assert.rejects(api.server.done, error);
  await api.stop();
});
