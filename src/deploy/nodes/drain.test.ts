import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { systemClock } from '../../std/clock.ts';
import { cordon, drain, uncordon } from './drain.ts';

const signal = new AbortController().signal;
/** Waits for nothing, and counts what it was told to wait. */
function impatient() {
  let now = 0;
  const sleep = async (ms: number) => {
    now += ms;
  };
  return { ...systemClock, now: () => now, sleep };
}
const status = (code: number, reason: string) =>
  new StatusError({
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    code,
    reason: reason as never,
    message: reason,
  });

/** One resource of which each verb is given. */
const clientWith = (verbs: Readonly<Record<string, (...words: never[]) => unknown>>): Client =>
  ({ resource: () => verbs }) as unknown as Client;

const plan = { evicted: [{ namespace: 'default', name: 'web', uid: 'u1' }], left: [], problems: [] };

test('a pod that its budget holds is asked for again until it may go, and waited for until it is gone', async () => {
  const story: string[] = [];
  let refusals = 2;
  let there = 2;
  const client = clientWith({
    create: async (eviction: { deleteOptions: object }) => {
      story.push(`evict ${JSON.stringify(eviction.deleteOptions)}`);
      if (refusals-- > 0) throw status(429, 'TooManyRequests');
    },
    get: async () => {
      if (there-- === 0) throw status(404, 'NotFound');
      story.push('is there');
      return { metadata: { uid: 'u1' } };
    },
  });
  await drain(plan, { client, clock: impatient(), signal, timeoutMs: 60_000 });
  const evict = 'evict {"preconditions":{"uid":"u1"}}';
  assert.deepEqual(story, [evict, evict, evict, 'is there', 'is there']);
});

test('a pod that does not go in time is named', async () => {
  const never = clientWith({ create: async () => undefined, get: async () => ({ metadata: { uid: 'u1' } }) });
  await assert.rejects(drain(plan, { client: never, clock: impatient(), signal, timeoutMs: 3_000 }), {
    code: 'DRAIN_FAILED',
    message: '1 of 1 pods do not go: default/web: it was told to end and is still there',
  });
  const held = clientWith({ create: async () => Promise.reject(status(429, 'TooManyRequests')) });
  await assert.rejects(drain(plan, { client: held, clock: impatient(), signal, timeoutMs: 3_000 }), { code: 'DRAIN_FAILED' });
});

test('a node that others cordoned stays so', async () => {
  const patches: unknown[] = [];
  let annotations: Record<string, string> = {};
  const client = clientWith({
    get: async () => ({ metadata: { name: 'n', annotations } }),
    patch: async (_name: never, patch: never) => void patches.push(patch),
  });
  await cordon(client, { metadata: { name: 'n' }, spec: { unschedulable: true } }, 'upgrade', signal);
  await uncordon(client, 'n', 'upgrade', signal);
  assert.deepEqual(patches, []);
  await cordon(client, { metadata: { name: 'n' } }, 'upgrade', signal);
  annotations = { 'deploy.muster.dev/cordoned-by': 'upgrade' };
  await uncordon(client, 'n', 'upgrade', signal);
  assert.deepEqual(patches, [
    { metadata: { annotations: { 'deploy.muster.dev/cordoned-by': 'upgrade' } }, spec: { unschedulable: true } },
    { metadata: { annotations: { 'deploy.muster.dev/cordoned-by': null } }, spec: { unschedulable: null } },
  ]);
});
