import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V1Probe } from '../../api/gen/types.ts';
import type { EventRecorder, EventSubject } from '../../client/events.ts';
import { SettableClock } from '../../std/settable-clock.test-support.ts';
import { createKubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { recordingLogger } from '../testing/cluster-of-one.ts';
import { createRealProbes } from './real-probes.ts';

const START_MS = Date.UTC(2026, 0, 1);

/** A node whose containers answer a command as told: an exit code, or an error. */
function setUp({ startedAgoMs = 0, forgetOnRestart = false }: { startedAgoMs?: number; forgetOnRestart?: boolean } = {}) {
  const clock = new SettableClock(START_MS);
  const answers = {
    exitCode: 0,
    error: undefined as Error | undefined,
    tries: [] as string[],
    during: undefined as (() => void) | undefined,
  };
  const events: string[] = [];
  const recorder: EventRecorder = {
    event: (subject: EventSubject, type, reason, message) =>
      void events.push(`${subject.fieldPath} ${type} ${reason}: ${message}`),
    flush: async () => undefined,
  };
  const metrics = createKubeletMetrics();
  const probes = createRealProbes({
    metrics,
    runtime: {
      list: async () => ({ sandboxes: [], containers: [] }),
      streams: {
        execSync: async (_id: string, command: readonly string[]) => {
          answers.tries.push(`${command[0]}@${(clock.now() - START_MS) / 1000}`);
          answers.during?.();
          if (answers.error) throw answers.error;
          return { stdout: Buffer.from('said'), stderr: Buffer.alloc(0), exitCode: answers.exitCode };
        },
      } as never,
    },
    nodeIps: ['10.0.0.1'],
    events: recorder,
    forgetOnRestart,
    clock,
    logger: recordingLogger().logger,
    random: () => 0.5,
  });
  const pokes: string[] = [];
  probes.subscribe?.((uid) => pokes.push(uid));
  const container: RuntimeContainer = {
    id: 'c1',
    sandboxId: 's',
    podUid: 'u',
    name: 'web',
    attempt: 0,
    phase: 'running',
    image: 'i',
    imageId: 'i',
    createdAtMs: START_MS - startedAgoMs,
    startedAtMs: START_MS - startedAgoMs,
  };
  const check = (pod: V1Pod, list: readonly RuntimeContainer[] = [container]) => probes.check(pod, list, clock.now());
  return { clock, answers, events, metrics, probes, pokes, container, check };
}

const exec = (command: string, more: object = {}): V1Probe => ({ exec: { command: [command] }, ...more });
const podWith = (probes: object, more: Partial<V1Pod> = {}): V1Pod => ({
  metadata: { name: 'p', namespace: 'ns', uid: 'u' },
  spec: { containers: [{ name: 'web', ...probes }] },
  ...more,
});

test('a container becomes ready when its probe has passed, and its pod is poked', async () => {
  const { clock, probes, pokes, container, check } = setUp();
  const pod = podWith({ readinessProbe: exec('ready', { initialDelaySeconds: 3 }) });
  await check(pod);
  assert.equal(probes.isReady(pod, container), false);
  await clock.advance(2_900);
  assert.equal(probes.isReady(pod, container), false);
  await clock.advance(200);
  assert.equal(probes.isReady(pod, container), true);
  assert.deepEqual(pokes, ['u']);
  probes.stop();
});

test('who looks at a pod that is not ready has its probe tried, but not before its delay and not within a second of the last try', async () => {
  const { clock, probes, check, answers } = setUp();
  const pod = podWith({ readinessProbe: exec('ready', { initialDelaySeconds: 3, periodSeconds: 60 }) });
  answers.exitCode = 1;
  await check(pod);
  await check(pod);
  await clock.advance(3_100);
  await check(pod);
  await clock.advance(100);
  assert.deepEqual(answers.tries, ['ready@3']);
  await clock.advance(1_000);
  await check(pod);
  await clock.advance(100);
  assert.equal(answers.tries.length, 2);
  probes.stop();
});

test('a readiness probe that fails is told, and only after its threshold counts', async () => {
  const { clock, probes, pokes, container, check, answers, events } = setUp();
  const pod = podWith({ readinessProbe: exec('ready', { periodSeconds: 1, failureThreshold: 2 }) });
  await check(pod);
  await clock.advance(500);
  answers.exitCode = 1;
  await clock.advance(1_000);
  assert.deepEqual(events, ['spec.containers{web} Warning Unhealthy: Readiness probe failed: said']);
  assert.equal(probes.isReady(pod, container), true);
  await clock.advance(1_000);
  assert.equal(probes.isReady(pod, container), false);
  assert.deepEqual((await check(pod)).unhealthy, new Set());
  assert.equal(pokes.length, 2);
  probes.stop();
});

test('a liveness probe that fails often enough condemns the container with the grace period of the probe, and is not tried again', async () => {
  const { clock, probes, check, answers, pokes } = setUp();
  const pod = podWith({ livenessProbe: exec('alive', { periodSeconds: 1, terminationGracePeriodSeconds: 5 }) });
  answers.exitCode = 1;
  await check(pod);
  await clock.advance(2_500);
  const outcome = await check(pod);
  assert.deepEqual(outcome.unhealthy, new Set(['c1']));
  assert.deepEqual(outcome.failures?.get('c1'), { kind: 'liveness', gracePeriodSeconds: 5 });
  assert.deepEqual(pokes, ['u']);
  const { length } = answers.tries;
  await clock.advance(10_000);
  assert.equal(answers.tries.length, length);
  probes.stop();
});

test('nothing else is probed before the startup probe has passed, and then the others at once', async () => {
  const { clock, probes, check, answers, container } = setUp();
  const pod = podWith({
    startupProbe: exec('start', { periodSeconds: 1, failureThreshold: 30 }),
    readinessProbe: exec('ready', { periodSeconds: 60 }),
    livenessProbe: exec('alive', { periodSeconds: 60 }),
  });
  probes.subscribe?.(() => void check(pod));
  answers.exitCode = 1;
  await check(pod);
  await clock.advance(3_500);
  assert.deepEqual([probes.isStarted(pod, container), probes.isReady(pod, container)], [false, false]);
  assert.ok(answers.tries.every((t) => t.startsWith('start@')));
  answers.exitCode = 0;
  await clock.advance(700);
  assert.deepEqual([probes.isStarted(pod, container), probes.isReady(pod, container)], [true, true]);
  assert.deepEqual(answers.tries.slice(-3), ['start@4', 'ready@4', 'alive@4']);
  await clock.advance(10_000);
  assert.equal(answers.tries.filter((t) => t.startsWith('start@')).length, 5, 'what has started is not asked again');
  probes.stop();
});

test('a startup probe that fails for good condemns the container', async () => {
  const { clock, probes, check, answers } = setUp();
  const pod = podWith({ startupProbe: exec('start', { periodSeconds: 1, failureThreshold: 2 }) });
  answers.exitCode = 1;
  await check(pod);
  await clock.advance(1_500);
  assert.deepEqual((await check(pod)).failures?.get('c1'), { kind: 'startup' });
  probes.stop();
});

test('a clock that is set back while a probe is tried delays no other try', async () => {
  const { clock, answers, check } = setUp();
  answers.during = () => {
    clock.aheadMs = -3_600_000;
  };
  await check(podWith({ readinessProbe: exec('ready', { periodSeconds: 5 }) }));
  await clock.advance(11_000);
  assert.ok(answers.tries.length >= 3, answers.tries.join(' '));
});

test('a probe that cannot be carried out is tried thrice and changes nothing', async () => {
  const { clock, probes, check, answers, events, container } = setUp();
  const pod = podWith({ readinessProbe: exec('ready', { periodSeconds: 10, failureThreshold: 1 }) });
  await check(pod);
  await clock.advance(100);
  answers.error = new Error('rpc error');
  await clock.advance(10_000);
  assert.equal(answers.tries.filter((t) => t === 'ready@10').length, 3);
  assert.equal(probes.isReady(pod, container), true);
  assert.deepEqual(events, [
    'spec.containers{web} Warning Unhealthy: Readiness probe errored and resulted in unknown state: rpc error',
  ]);
  probes.stop();
});

const TOLD = {
  containerStatuses: [{ name: 'web', containerID: 'containerd://c1', ready: true, started: true }],
} as V1Pod['status'];

test('what a predecessor found ready stays so until a probe shows otherwise', async () => {
  const { clock, probes, check, answers, container } = setUp({ startedAgoMs: 60_000 });
  const pod = podWith({ startupProbe: exec('start'), readinessProbe: exec('ready', { failureThreshold: 1 }) }, { status: TOLD });
  assert.equal(probes.isReady(pod, container), true, 'before the first check too');
  answers.exitCode = 1;
  await check(pod);
  assert.deepEqual([probes.isStarted(pod, container), probes.isReady(pod, container)], [true, true]);
  await clock.advance(5_100);
  assert.deepEqual([probes.isStarted(pod, container), probes.isReady(pod, container)], [true, false]);
  assert.deepEqual(answers.tries, ['ready@5'], 'spread over the period, and nothing asks again whether it has started');
  probes.stop();
});

test('the gate of old makes a restarted kubelet find out anew', async () => {
  const { probes, check, container } = setUp({ startedAgoMs: 60_000, forgetOnRestart: true });
  const pod = podWith({ readinessProbe: exec('ready') }, { status: TOLD });
  await check(pod);
  assert.equal(probes.isReady(pod, container), false);
  probes.stop();
});

test('of a pod that is being ended only the readiness is looked at', async () => {
  const { clock, probes, check, answers } = setUp();
  const settings = { livenessProbe: exec('alive', { periodSeconds: 1 }), readinessProbe: exec('ready', { periodSeconds: 1 }) };
  await check(podWith(settings));
  await clock.advance(500);
  answers.exitCode = 1;
  answers.tries.length = 0;
  const ending = podWith(settings, { metadata: { name: 'p', uid: 'u', deletionTimestamp: '2026-01-01T00:00:00Z' } });
  assert.deepEqual((await check(ending)).unhealthy, new Set());
  await clock.advance(5_000);
  assert.ok(answers.tries.length > 0 && answers.tries.every((t) => t.startsWith('ready@')));
  assert.deepEqual((await check(ending)).unhealthy, new Set());
  probes.stop();
});

test('a container that has ended is neither asked nor ready, and its successor starts from nothing', async () => {
  const { clock, probes, check, answers, container } = setUp();
  const pod = podWith({ readinessProbe: exec('ready', { periodSeconds: 1 }) });
  await check(pod);
  await clock.advance(100);
  const ended = { ...container, phase: 'exited' as const };
  const next = { ...container, id: 'c2', attempt: 1, startedAtMs: clock.now() };
  answers.exitCode = 1;
  await check(pod, [ended, next]);
  assert.equal(probes.isReady(pod, ended), false);
  assert.equal(probes.isReady(pod, next), false);
  answers.tries.length = 0;
  await clock.advance(900);
  assert.equal(answers.tries.length, 1, 'one container, one probe');
  probes.forget([next]);
  await clock.advance(5_000);
  assert.equal(answers.tries.length, 1);
});

test('sidecars are probed, other init containers and ephemeral ones are not', async () => {
  const { clock, probes, check, answers, container } = setUp();
  const pod: V1Pod = {
    metadata: { name: 'p', uid: 'u' },
    spec: {
      containers: [{ name: 'web' }],
      initContainers: [
        { name: 'side', restartPolicy: 'Always', readinessProbe: exec('side') },
        { name: 'init', readinessProbe: exec('init') },
      ],
    },
  };
  const side = { ...container, id: 'c2', name: 'side' };
  const list = [container, side, { ...container, id: 'c3', name: 'init' }, { ...container, id: 'c4', name: 'debugger' }];
  await check(pod, list);
  await clock.advance(100);
  assert.deepEqual(answers.tries, ['side@0']);
  assert.deepEqual([probes.isReady(pod, side), probes.isReady(pod, container)], [true, true]);
  probes.stop();
});

test('tries are counted by result, as long as the pod is known', async () => {
  const { clock, probes, check, answers, container, metrics } = setUp();
  const pod = podWith({ readinessProbe: exec('ready', { periodSeconds: 1 }) });
  await check(pod);
  await clock.advance(1_500);
  answers.exitCode = 1;
  await clock.advance(1_000);
  const count = (result: string) =>
    `prober_probe_total{probe_type="Readiness",result="${result}",container="web",pod="p",namespace="ns",pod_uid="u"}`;
  const page = () => metrics.render('probes').get('prober_probe_total') ?? '';
  assert.ok(page().includes(`${count('successful')} 2\n`) && page().includes(`${count('failed')} 1\n`), page());
  probes.forget([container]);
  assert.equal(page(), '');
});
