import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createTestTransport } from '../client/test-transport.ts';
import { VirtualClock } from '../std/clock.ts';
import { silentLogger } from '../std/logger.ts';
import { createClusterNode } from './cluster-node.ts';

interface FakeKubelet {
  /** Ends it as a failure of its own would. */
  fail(): void;
  state: 'new' | 'started' | 'stopped';
}

interface NodeTestOptions {
  onStart?: (count: number) => void;
  onStop?: () => Promise<void>;
  answer?: () => Promise<void>;
}

async function openNode(t: TestContext, options: NodeTestOptions = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'muster-node-test-'));
  t.after(() => rm(directory, { recursive: true }));
  const clock = new VirtualClock(0);
  const kubelets: FakeKubelet[] = [];
  const transport = createTestTransport(async ({ body }) => {
    await options.answer?.();
    return { status: 201, body: String(body) };
  });
  const node = createClusterNode({
    ...{ name: 'node-1', address: '127.0.0.1', port: 1, directory },
    config: { clock, logger: silentLogger, random: () => 0 } as never,
    controlPlane: { adminTransport: transport, server: 'https://127.0.0.1:1', caPem: 'ca', reader: undefined } as never,
    createKubelet() {
      const ended = Promise.withResolvers<void>();
      ended.promise.catch(() => undefined);
      const fake: FakeKubelet = { state: 'new', fail: () => ended.reject(new Error('it ended')) };
      kubelets.push(fake);
      return {
        ended: ended.promise,
        async start() {
          options.onStart?.(kubelets.length);
          fake.state = 'started';
        },
        async stop() {
          await options.onStop?.();
          fake.state = 'stopped';
          ended.resolve();
        },
      };
    },
  });
  const states = () => kubelets.map(({ state }) => state);
  return { node, clock, kubelets, states };
}

test('a kubelet that ended is started again until it starts, though it cannot for a while', async (t) => {
  const { node, clock, kubelets, states } = await openNode(t, {
    onStart(count) {
      if (count > 1 && count < 5) throw new Error('it cannot start yet');
    },
  });
  await node.start();
  kubelets[0]!.fail();
  // It looks at files before each try, which takes as long as the machine has other things to do.
  for (const end = performance.now() + 20_000; states()[4] !== 'started' && performance.now() < end; ) {
    await new Promise(setImmediate);
    await clock.advance(60_000);
  }
  assert.deepEqual(states().slice(1), ['stopped', 'stopped', 'stopped', 'started']);
  await node.stop();
  assert.equal(states().at(-1), 'stopped');
});

test('a node that is stopped while it is being started stays stopped, and can be started later', async (t) => {
  const asked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const { node, states } = await openNode(t, {
    answer() {
      asked.resolve();
      return goOn.promise;
    },
  });
  const starting = node.start();
  await asked.promise;
  const stopping = node.stop();
  goOn.resolve();
  await Promise.all([starting, stopping]);
  assert.deepEqual(states(), []);
  await node.start();
  assert.deepEqual(states(), ['started']);
  await node.stop();
});

test('a node that is started while it is being stopped begins when its kubelet has ended, and is stopped by the next stop', async (t) => {
  const ended = Promise.withResolvers<void>();
  const { node, states } = await openNode(t, { onStop: () => ended.promise });
  await node.start();
  const stopping = node.stop();
  const starting = node.start();
  await new Promise(setImmediate);
  assert.deepEqual(states(), ['started'], 'its address is still taken');
  ended.resolve();
  await Promise.all([stopping, starting]);
  assert.deepEqual(states(), ['stopped', 'started']);
  await node.stop();
  assert.deepEqual(states(), ['stopped', 'stopped']);
});

test('two starts at once make one kubelet, and a start that failed can be tried again', async (t) => {
  const { node, states } = await openNode(t, {
    onStart(count) {
      if (count === 1) throw new Error('not yet');
    },
  });
  const both = await Promise.allSettled([node.start(), node.start()]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  await node.start();
  assert.deepEqual(states(), ['stopped', 'started']);
  await node.stop();
});
