import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Lease } from '../api/gen/types.ts';
import { VirtualClock } from '../std/clock.ts';
import { silentLogger } from '../std/logger.ts';
import { SettableClock } from '../std/settable-clock.test-support.ts';
import { createClient } from './create-client.ts';
import { createLeaderElector } from './leader-election.ts';
import { createTestTransport } from './test-transport.ts';

/** A server of one Lease with optimistic concurrency, which can be away. */
function openServer() {
  const state = { lease: undefined as V1Lease | undefined, version: 0, isAway: false, hangs: false };
  const status = (code: number, reason: string) => ({
    status: code,
    body: JSON.stringify({ kind: 'Status', status: 'Failure', code, reason }),
  });
  const transport = createTestTransport(async ({ method, body, signal }) => {
    if (state.hangs) await new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason)));
    if (state.isAway) throw new Error('connection refused');
    if (method === 'GET') return state.lease ? { body: JSON.stringify(state.lease) } : status(404, 'NotFound');
    const sent = JSON.parse(String(body)) as V1Lease;
    if (method === 'POST' && state.lease) return status(409, 'AlreadyExists');
    if (method === 'PUT' && sent.metadata?.resourceVersion !== state.lease?.metadata?.resourceVersion)
      return status(409, 'Conflict');
    state.lease = { ...sent, metadata: { ...sent.metadata, resourceVersion: String(++state.version) } };
    return { body: JSON.stringify(state.lease) };
  });
  return { state, client: createClient({ transport }) };
}

/** A candidate on a clock of its own, whose work says when it begins and ends. */
function candidate(server: ReturnType<typeof openServer>, identity: string, clock: VirtualClock) {
  const log: string[] = [];
  const controller = new AbortController();
  const fail = Promise.withResolvers<void>();
  const elector = createLeaderElector({
    client: server.client,
    namespace: 'kube-system',
    name: 'kube-controller-manager',
    identity,
    clock,
    logger: silentLogger,
    random: () => 0,
    async run(signal) {
      log.push('begin');
      await Promise.race([fail.promise, new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))]);
      log.push('end');
    },
  });
  return { log, elector, controller, clock, fail, start: () => elector.start(controller.signal) };
}

test('one of two candidates leads, and the other takes over when the first gives the lease back', async () => {
  const server = openServer();
  const clock = new VirtualClock(1_700_000_000_000);
  const [a, b] = [candidate(server, 'a', clock), candidate(server, 'b', clock)];
  await a.start();
  await clock.advance(0);
  await b.start();
  await clock.advance(60_000);
  assert.deepEqual([a.log, b.log], [['begin'], []]);
  assert.equal(server.state.lease?.spec?.leaseTransitions, 0);
  assert.match(server.state.lease?.spec?.renewTime ?? '', /^2023-11-14T22:1\d:\d\d\.\d{6}Z$/);
  a.controller.abort();
  await a.elector.done;
  assert.equal(server.state.lease?.spec?.holderIdentity, undefined);
  assert.deepEqual(a.log, ['begin', 'end']);
  await clock.advance(3_000);
  assert.deepEqual(b.log, ['begin']);
  assert.equal(server.state.lease?.spec?.leaseTransitions, 1);
  b.controller.abort();
  await b.elector.done;
});

test('a silent leader is followed after its lease, measured by what was seen and not by its clock', async () => {
  const server = openServer();
  const behind = new VirtualClock(0); // its renewTime lies decades in the past
  const a = candidate(server, 'a', behind);
  await a.start();
  await behind.advance(0);
  const clock = new VirtualClock(1_700_000_000_000);
  const b = candidate(server, 'b', clock);
  await b.start();
  await clock.advance(14_000);
  assert.deepEqual(b.log, []);
  await clock.advance(4_000);
  assert.deepEqual(b.log, ['begin']);
  assert.equal(server.state.lease?.spec?.holderIdentity, 'b');
  // The first one comes back, cannot renew any more, and stops before it could do harm.
  const lost = assert.rejects(a.elector.done, { code: 'LEADER_ELECTION_LOST' });
  await behind.advance(15_000);
  await lost;
  assert.deepEqual(a.log, ['begin', 'end']);
  assert.equal(server.state.lease?.spec?.holderIdentity, 'b');
  b.controller.abort();
  await b.elector.done;
});

for (const how of ['isAway', 'hangs'] as const) {
  test(`a leader whose server ${how === 'isAway' ? 'is away' : 'does not answer'} stops leading after the renew deadline`, async () => {
    const server = openServer();
    const clock = new VirtualClock(0);
    const a = candidate(server, 'a', clock);
    await a.start();
    await clock.advance(10_000);
    server.state[how] = true;
    const lost = assert.rejects(a.elector.done, { code: 'LEADER_ELECTION_LOST' });
    await clock.advance(7_000);
    assert.deepEqual(a.log, ['begin']);
    await clock.advance(6_000);
    await lost;
    assert.deepEqual(a.log, ['begin', 'end']);
  });
}

test('a short interruption does not end the leading', async () => {
  const server = openServer();
  const clock = new VirtualClock(0);
  const a = candidate(server, 'a', clock);
  await a.start();
  for (let i = 0; i < 5; i++) {
    server.state.isAway = true;
    await clock.advance(7_000);
    server.state.isAway = false;
    await clock.advance(3_000);
  }
  assert.deepEqual(a.log, ['begin']);
  a.controller.abort();
  await a.elector.done;
});

test('when the work fails, the lease is given back and done rejects with its error', async () => {
  const server = openServer();
  const clock = new VirtualClock(0);
  const a = candidate(server, 'a', clock);
  await a.start();
  await clock.advance(0);
  a.fail.reject(new Error('broken'));
  await assert.rejects(a.elector.done, /broken/);
  assert.equal(server.state.lease?.spec?.holderIdentity, undefined);
});

test('a candidate that is stopped while it stands by never runs', async () => {
  const server = openServer();
  const clock = new VirtualClock(0);
  const [a, b] = [candidate(server, 'a', clock), candidate(server, 'b', clock)];
  await a.start();
  await clock.advance(0);
  await b.start();
  await clock.advance(5_000);
  b.controller.abort();
  await b.elector.done;
  assert.deepEqual(b.log, []);
  a.controller.abort();
  await a.elector.done;
  assert.equal(clock.pending, 0);
});

test('durations that cannot work together are refused', () => {
  const server = openServer();
  const options = {
    client: server.client,
    namespace: 'n',
    name: 'l',
    identity: 'a',
    clock: new VirtualClock(0),
    logger: silentLogger,
  };
  assert.throws(
    () => createLeaderElector({ ...options, leaseDurationMs: 10_000, run: async () => {} }),
    /leaseDuration must be greater/,
  );
  assert.throws(
    () => createLeaderElector({ ...options, retryPeriodMs: 9_000, run: async () => {} }),
    /renewDeadline must be greater/,
  );
});

test('whoever leads goes on when clocks are set, and nobody takes it over', async () => {
  const server = openServer();
  const clock = new SettableClock(1_700_000_000_000);
  const [a, b] = [candidate(server, 'a', clock), candidate(server, 'b', clock)];
  await a.start();
  await clock.advance(0);
  await b.start();
  for (const byMs of [1_200_000, -2_400_000]) {
    await clock.advance(7_000);
    clock.aheadMs += byMs;
    await clock.advance(60_000);
    assert.deepEqual([a.log, b.log], [['begin'], []]);
  }
  // Behind, too, the other takes over when the leader is gone.
  server.state.isAway = true;
  await clock.advance(20_000);
  server.state.isAway = false;
  await clock.advance(20_000);
  assert.deepEqual(a.log, ['begin', 'end']);
  assert.deepEqual(b.log, ['begin']);
  await assert.rejects(a.elector.done, { code: 'LEADER_ELECTION_LOST' });
  b.controller.abort();
  await b.elector.done;
});
