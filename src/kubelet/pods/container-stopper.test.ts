import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import type { Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import { ContainerStopper } from './container-stopper.ts';
import type { HookRequest } from './lifecycle-hooks.ts';

const container = (name: string): RuntimeContainer => ({
  id: name,
  sandboxId: 's',
  podUid: 'u',
  name,
  attempt: 0,
  phase: 'running',
  image: '',
  imageId: '',
  createdAtMs: 0,
});

/** Containers that end `endsAfterMs` after they were asked to, or when their grace is over. */
function setUp(options: { pod?: Partial<V1Pod>; endsAfterMs?: number; hook?: (request: HookRequest) => Promise<void> } = {}) {
  const clock = new VirtualClock(0);
  const log: string[] = [];
  const ends = new Map<string, { atMs: number; wake: () => void }>();
  const runtime = {
    async stopContainer(id: string, graceMs: number) {
      log.push(`${clock.now()} stop ${id} ${graceMs}`);
      const atMs = clock.now() + Math.min(graceMs, options.endsAfterMs ?? 0);
      const known = ends.get(id);
      if (known && known.atMs <= atMs) return;
      known?.wake();
      await new Promise<void>((resolve) => {
        ends.set(id, { atMs, wake: resolve });
        clock.setTimer(atMs - clock.now(), resolve);
      });
    },
  } as unknown as Runtime;
  const events: string[] = [];
  const stopper = new ContainerStopper({
    runtime,
    events: {
      event: (subject, type, reason, message) => void events.push(`${subject.fieldPath} ${type} ${reason} ${message}`),
      flush: async () => undefined,
    },
    clock,
    logger: silentLogger,
    runHook: async (request) => {
      log.push(`${clock.now()} hook ${request.containerId} ${request.timeoutMs}`);
      await options.hook?.(request);
    },
    podIpOf: () => '10.0.0.2',
  });
  const pod: V1Pod = {
    metadata: { name: 'p', namespace: 'default', uid: 'u' },
    spec: { terminationGracePeriodSeconds: 30, containers: [{ name: 'main' }] },
    ...options.pod,
  };
  return { clock, log, events, stopper, pod };
}

const withHook = {
  spec: {
    containers: [{ name: 'main', lifecycle: { preStop: { exec: { command: ['x'] } } } }],
    terminationGracePeriodSeconds: 30,
  },
};

test('a preStop hook uses up the grace period of its container', async () => {
  const { clock, log, stopper, pod } = setUp({ pod: withHook, hook: () => clock.sleep(10_000) });
  const stopped = stopper.stopAll(pod, [container('main')]);
  await clock.advance(10_000);
  await stopped;
  assert.deepEqual(log, ['0 hook main 30000', '10000 stop main 20000']);
});

test('a hook that fails is told, without its words, and the container ends all the same with two seconds at least', async () => {
  const { clock, events, log, stopper, pod } = setUp({
    pod: withHook,
    hook: async () => {
      await clock.sleep(30_000);
      throw new Error('the password is 1234');
    },
  });
  const stopped = stopper.stopAll(pod, [container('main')]);
  await clock.advance(30_000);
  await stopped;
  assert.equal(log.at(-1), '30000 stop main 2000');
  assert.deepEqual(events, [
    'spec.containers{main} Normal Killing Stopping container main',
    'spec.containers{main} Warning FailedPreStopHook PreStopHook failed',
  ]);
});

test('sidecars end after the other containers, the last one first', async () => {
  const { clock, log, stopper, pod } = setUp({
    endsAfterMs: 1000,
    pod: {
      spec: {
        terminationGracePeriodSeconds: 30,
        containers: [{ name: 'main' }],
        initContainers: ['a', 'b'].map((name) => ({ name, restartPolicy: 'Always' })),
      },
    },
  });
  const stopped = stopper.stopAll(pod, ['a', 'b', 'main'].map(container));
  for (let second = 0; second < 4; second++) await clock.advance(1000);
  await stopped;
  assert.deepEqual(log, ['0 stop main 30000', '1000 stop b 29000', '2000 stop a 28000']);
});

test('a pod of thousands of sidecars is ended in their order', async () => {
  const names = Array.from({ length: 3000 }, (_, i) => `s${i}`);
  const { clock, log, stopper, pod } = setUp({
    pod: {
      spec: {
        terminationGracePeriodSeconds: 30,
        containers: [{ name: 'main' }],
        initContainers: names.map((name) => ({ name, restartPolicy: 'Always' })),
      },
    },
  });
  const stopped = stopper.stopAll(pod, ['main', ...names].map(container));
  let over = false;
  void stopped.then(() => {
    over = true;
  });
  while (!over) await clock.advance(0);
  assert.deepEqual(
    log.map((line) => line.split(' ')[2]),
    ['main', ...names.toReversed()],
  );
});

test('a sidecar waits no longer than the grace period for the others', async () => {
  const { clock, log, stopper, pod } = setUp({
    endsAfterMs: 1_000_000,
    pod: {
      spec: {
        terminationGracePeriodSeconds: 5,
        containers: [{ name: 'main' }],
        initContainers: [{ name: 'side', restartPolicy: 'Always' }],
      },
    },
  });
  const stopped = stopper.stopAll(pod, ['side', 'main'].map(container));
  for (let second = 0; second < 10; second++) await clock.advance(1000);
  await stopped;
  assert.deepEqual(log, ['0 stop main 5000', '5000 stop side 2000']);
});

test('a grace period that is shortened while a container ends is told to the runtime', async () => {
  const { clock, log, stopper, pod } = setUp({ endsAfterMs: 1_000_000 });
  const stopped = stopper.stopAll(pod, [container('main')]);
  await clock.advance(1000);
  stopper.shorten('another', 1);
  stopper.shorten('u', 60);
  stopper.shorten('u', 5);
  await clock.advance(5000);
  await stopped;
  assert.deepEqual(log, ['0 stop main 30000', '1000 stop main 5000']);
});

test('a grace period that is shortened while a hook runs ends the hook', async () => {
  const { clock, log, stopper, pod } = setUp({
    pod: withHook,
    hook: ({ signal }) => clock.sleep(1_000_000, signal),
  });
  const stopped = stopper.stopAll(pod, [container('main')]);
  await clock.advance(1000);
  stopper.shorten('u', 3);
  await clock.advance(3000);
  await stopped;
  assert.deepEqual(log, ['0 hook main 30000', '4000 stop main 2000']);
});
