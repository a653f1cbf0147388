import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrpcError } from '../../../std/grpc/grpc-error.ts';
import { createMessageCodec } from '../../../std/grpc/message-codec.ts';
import { silentLogger } from '../../../std/logger.ts';
import { SettableClock } from '../../../std/settable-clock.test-support.ts';
import { CRI_MESSAGES } from './api/cri-client.ts';
import { PodChanges } from './pod-changes.ts';
import type { Overview } from './pod-listing.ts';

const codec = createMessageCodec(CRI_MESSAGES);
const sandbox = (id: string, uid: string, state = 0) =>
  codec.decode('PodSandbox', codec.encode('PodSandbox', { id, state, metadata: { uid } }));
const container = (id: string, sandboxId: string, state = 1) =>
  codec.decode('Container', codec.encode('Container', { id, pod_sandbox_id: sandboxId, state }));

const NO_EVENTS = () => {
  throw new GrpcError('Unimplemented', 'unknown method GetContainerEvents');
};

function setUp(events: (signal: AbortSignal) => AsyncIterable<string> = NO_EVENTS) {
  const clock = new SettableClock(0);
  const runtime = { overview: { sandboxes: [], containers: [] } as Overview, error: undefined as Error | undefined, listed: 0 };
  const changes = new PodChanges({
    overview: async () => {
      runtime.listed++;
      if (runtime.error) throw runtime.error;
      return runtime.overview;
    },
    events,
    clock,
    logger: silentLogger,
  });
  const heard: string[] = [];
  return { clock, runtime, changes, heard, listen: () => changes.subscribe((uid) => heard.push(uid)) };
}

test('a pod is told of when one of its containers or sandboxes changed, came or went', async () => {
  const { clock, runtime, heard, listen } = setUp();
  runtime.overview = {
    sandboxes: [sandbox('s1', 'a'), sandbox('s2', 'b')],
    containers: [container('c1', 's1'), container('c2', 's2')],
  };
  const stop = listen();
  await clock.advance(2500);
  assert.deepEqual(heard, []);
  runtime.overview = { ...runtime.overview, containers: [container('c1', 's1', 2), container('c2', 's2')] };
  await clock.advance(1000);
  assert.deepEqual(heard, ['a']);
  runtime.overview = { sandboxes: [sandbox('s2', 'b', 1)], containers: [container('c2', 's2')] };
  await clock.advance(1000);
  assert.deepEqual(heard.slice(1).sort(), ['a', 'b']);
  stop();
  const { listed } = runtime;
  await clock.advance(10_000);
  assert.equal(runtime.listed, listed);
});

test('events are told at once, and spare the runtime most of the listing', async () => {
  const queue: ((uid: string) => void)[] = [];
  const { clock, runtime, heard, listen } = setUp(async function* (signal) {
    yield 'first';
    while (!signal.aborted) {
      const uid = await new Promise<string>((resolve, reject) => {
        queue.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      yield uid;
    }
  });
  const stop = listen();
  await clock.advance(0);
  queue.shift()!('pod');
  await clock.advance(0);
  assert.deepEqual(heard, ['first', 'pod']);
  await clock.advance(60_000);
  const { listed } = runtime;
  assert.ok(listed <= 4, `listed ${listed} times`);
  clock.aheadMs = -3_600_000;
  await clock.advance(60_000);
  assert.ok(runtime.listed > listed, 'it is listed though the clock was set back');
  stop();
});

test('a stream of events that breaks is taken up again', async () => {
  let streams = 0;
  const { clock, heard, listen } = setUp(async function* () {
    yield `stream ${++streams}`;
    throw new GrpcError('Unavailable', 'going away');
  });
  const stop = listen();
  await clock.advance(2500);
  assert.deepEqual(heard, ['stream 1', 'stream 2', 'stream 3']);
  stop();
});

test('a runtime that tells nothing for three minutes is a problem, until it does again', async () => {
  const { clock, runtime, changes, listen } = setUp();
  assert.equal(changes.problem(), undefined);
  runtime.error = new Error('down');
  const stop = listen();
  await clock.advance(9000);
  assert.equal(changes.problem(), undefined);
  await clock.advance(2000);
  assert.equal(changes.problem(), 'PLEG is not healthy: pleg has yet to be successful');
  runtime.error = undefined;
  await clock.advance(1000);
  assert.equal(changes.problem(), undefined);
  runtime.error = new Error('down');
  await clock.advance(179_000);
  assert.equal(changes.problem(), undefined);
  await clock.advance(6000);
  assert.equal(changes.problem(), 'PLEG is not healthy: pleg was last seen active 3m5s ago; threshold is 3m0s');
  runtime.error = undefined;
  await clock.advance(1000);
  assert.equal(changes.problem(), undefined);
  stop();
});
