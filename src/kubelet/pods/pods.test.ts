import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod, V1PodStatus } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { createHollowRuntime } from '../runtime/hollow/hollow-runtime.ts';
import type { Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import { recordingLogger, until } from '../testing/cluster-of-one.ts';
import { FakeApi, unreachable } from '../testing/fake-api.ts';
import { createPodController } from './pod-controller.ts';
import { planPod } from './pod-plan.ts';
import { qosClass } from './qos-class.ts';

const START_MS = Date.UTC(2026, 0, 1);

function pod(name: string, extra: { metadata?: object; spec?: object } = {}): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, ...extra.metadata },
    spec: { nodeName: 'node1', restartPolicy: 'Always', containers: [{ name: 'c', image: 'nginx' }], ...extra.spec },
    status: { phase: 'Pending' },
  };
}

function setUp(options: { api?: FakeApi; clock?: VirtualClock; runtime?: Runtime } = {}) {
  const clock = options.clock ?? new VirtualClock(START_MS);
  const api = options.api ?? new FakeApi(clock);
  const runtime = options.runtime ?? createHollowRuntime({ clock, random: Math.random });
  const { logger, lines } = recordingLogger();
  const controller = createPodController({
    client: api.client(),
    nodeName: 'node1',
    nodeIps: ['10.0.0.5'],
    runtime,
    podCidr: async () => '10.244.3.0/24',
    events: undefined,
    clock,
    logger,
    random: () => 0,
  });
  const life = new AbortController();
  const stop = async () => {
    life.abort(new DOMException('stopped', 'AbortError'));
    await controller.done;
  };
  const status = (name: string) => api.find<V1Pod>('pods', name, 'default')?.status as V1PodStatus | undefined;
  return { clock, api, runtime, controller, lines, life, stop, status };
}

test('a pod that is bound becomes Running with an address of the node’s range, and is written at most twice', async () => {
  const { api, controller, life, stop, status } = setUp();
  await controller.start(life.signal);
  api.put(podKind, pod('web'));
  await until(() => status('web')?.phase === 'Running', 'Running');
  const seen = status('web')!;
  assert.equal(seen.podIP, '10.244.3.2');
  assert.equal(seen.hostIP, '10.0.0.5');
  assert.equal(seen.containerStatuses![0]!.ready, true);
  assert.match(seen.containerStatuses![0]!.containerID!, /^hollow:\/\/[0-9a-f]{64}$/);
  assert.deepEqual(Object.fromEntries(seen.conditions!.map(({ type, status: s }) => [type, s])), {
    PodReadyToStartContainers: 'True',
    Initialized: 'True',
    Ready: 'True',
    ContainersReady: 'True',
    PodScheduled: 'True',
  });
  assert.ok(seen.conditions!.every(({ reason, message }) => !reason && !message));
  assert.ok(api.count('patch', 'pods') <= 2, `${api.count('patch', 'pods')} writes`);
  await stop();
});

test('the status and its conditions say of which generation of the pod they are', async () => {
  const { api, controller, life, stop, status } = setUp();
  await controller.start(life.signal);
  api.put(podKind, pod('web', { metadata: { generation: 1 } }));
  await until(() => status('web')?.phase === 'Running', 'Running');
  const generations = () => [status('web')?.observedGeneration, ...status('web')!.conditions!.map((c) => c.observedGeneration)];
  assert.deepEqual([...new Set(generations())], [1]);
  const changed: V1Pod = { ...pod('web', { metadata: { generation: 2 } }), status: status('web')! };
  api.put(podKind, changed);
  await until(() => status('web')?.observedGeneration === 2, 'the new generation');
  assert.deepEqual([...new Set(generations())], [2]);
  await stop();
});

test('readiness gates open and close as others say, and what others said is not put back', async () => {
  const { api, controller, life, stop, status } = setUp();
  await controller.start(life.signal);
  api.put(podKind, pod('web', { spec: { readinessGates: [{ conditionType: 'a.example/x' }] } }));
  const is = (type: string) => status('web')?.conditions?.find((c) => c.type === type)?.status;
  const say = (value: string) =>
    api.change(podKind, 'web', 'default', (object) => {
      const { conditions } = object.status as { conditions: object[] };
      const others = conditions.filter((c) => (c as { type: string }).type !== 'a.example/x');
      object.status = { ...(object.status as object), conditions: [...others, { type: 'a.example/x', status: value }] };
    });
  await until(() => is('ContainersReady') === 'True', 'running');
  assert.equal(is('Ready'), 'False');
  for (const value of ['True', 'False', 'True']) {
    say(value);
    await until(() => is('Ready') === value, `Ready is ${value}`);
    assert.equal(is('a.example/x'), value);
  }
  await stop();
});

test('a pod on the host’s network has the node’s address', async () => {
  const { api, controller, life, stop, status } = setUp();
  await controller.start(life.signal);
  api.put(podKind, pod('proxy', { spec: { hostNetwork: true } }));
  await until(() => status('proxy')?.phase === 'Running', 'Running');
  assert.equal(status('proxy')!.podIP, '10.0.0.5');
  await stop();
});

test('init containers go first, one after the other', async () => {
  const { api, controller, life, stop, status, clock } = setUp();
  await controller.start(life.signal);
  api.put(
    podKind,
    pod('app', { spec: { initContainers: [{ name: 'a' }, { name: 'b' }, { name: 'side', restartPolicy: 'Always' }] } }),
  );
  for (let i = 0; i < 5; i++) await clock.advance(100);
  await until(() => status('app')?.phase === 'Running', 'Running');
  const init = status('app')!.initContainerStatuses!;
  assert.deepEqual(
    init.map(({ name, ready }) => [name, ready]),
    [
      ['a', true],
      ['b', true],
      ['side', true],
    ],
  );
  assert.equal(init[0]!.state!.terminated!.reason, 'Completed');
  assert.ok(init[2]!.state!.running);
  await stop();
});

test('a Job’s pod ends by itself, well or with the exit code that it asked for', async () => {
  const { api, controller, life, stop, status, clock } = setUp();
  await controller.start(life.signal);
  const metadata = { ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'j', controller: true }] };
  api.put(podKind, pod('good', { metadata, spec: { restartPolicy: 'Never' } }));
  api.put(
    podKind,
    pod('bad', {
      metadata: { ...metadata, annotations: { 'muster.dev/run-for': '5s', 'muster.dev/exit-code': '3' } },
      spec: { restartPolicy: 'Never' },
    }),
  );
  await until(() => status('good')?.phase === 'Running' && status('bad')?.phase === 'Running', 'Running');
  await clock.advance(1000);
  await until(() => status('good')?.phase === 'Succeeded', 'the end');
  assert.equal(status('bad')?.phase, 'Running');
  const ready = status('good')!.conditions!.find(({ type }) => type === 'Ready')!;
  assert.deepEqual([ready.status, ready.reason], ['False', 'PodCompleted']);
  assert.equal(status('good')!.podIP?.startsWith('10.244.3.'), true);
  await clock.advance(4000);
  await until(() => status('bad')?.phase === 'Failed', 'the failure');
  assert.equal(status('bad')!.containerStatuses![0]!.state!.terminated!.exitCode, 3);
  await stop();
});

test('a container that keeps ending is restarted with growing delays and shows CrashLoopBackOff meanwhile', async () => {
  const { api, controller, life, stop, status, clock } = setUp();
  await controller.start(life.signal);
  api.put(podKind, pod('crash', { metadata: { annotations: { 'muster.dev/run-for': '1s', 'muster.dev/exit-code': '1' } } }));
  await until(() => status('crash')?.phase === 'Running', 'Running');
  const container = () => status('crash')!.containerStatuses![0]!;
  await clock.advance(1000);
  await until(() => container().restartCount === 1, 'the first restart, at once');
  await clock.advance(1000);
  await until(() => container().state?.waiting?.reason === 'CrashLoopBackOff', 'the back-off');
  assert.match(
    container().state!.waiting!.message!,
    /^back-off 10s restarting failed container=c pod=crash_default\(uid-crash\)$/,
  );
  assert.equal(container().lastState!.terminated!.exitCode, 1);
  assert.equal(status('crash')!.phase, 'Running');
  await clock.advance(10_000);
  await until(() => container().restartCount === 2, 'the second restart');
  assert.equal(container().lastState!.terminated!.exitCode, 1);
  await stop();
});

test('a deleted pod ends within its grace period, then its object goes', async () => {
  const { api, controller, life, stop, status, clock, runtime } = setUp();
  await controller.start(life.signal);
  api.put(podKind, pod('slow', { metadata: { annotations: { 'muster.dev/stop-after': '60s' } } }));
  await until(() => status('slow')?.phase === 'Running', 'Running');
  api.change(podKind, 'slow', 'default', ({ metadata }) => {
    metadata.deletionTimestamp = '2026-01-01T00:00:30Z';
    metadata.deletionGracePeriodSeconds = 30;
  });
  await clock.advance(29_000);
  assert.ok(api.find('pods', 'slow', 'default'));
  let last: V1PodStatus | undefined;
  api.before = ({ verb, resource }) => {
    if (verb === 'delete' && resource === 'pods') last = status('slow');
  };
  await clock.advance(1000);
  await until(() => !api.find('pods', 'slow', 'default'), 'the object gone');
  assert.equal(last!.containerStatuses![0]!.state!.terminated!.exitCode, 137);
  assert.equal(last!.phase, 'Failed');
  await clock.advance(10);
  assert.deepEqual(await runtime.list(), { sandboxes: [], containers: [] });
  await stop();
});

test('a pod whose object vanished is cleaned up, and its address is given again', async () => {
  const { api, controller, life, stop, status, clock, runtime } = setUp();
  await controller.start(life.signal);
  api.put(podKind, pod('a'));
  await until(() => status('a')?.phase === 'Running', 'Running');
  api.remove(podKind, 'a', 'default');
  await clock.advance(10);
  assert.deepEqual(await runtime.list(), { sandboxes: [], containers: [] });
  await stop();
});

test('a kubelet that starts anew finds its pods as they were and writes nothing', async () => {
  const first = setUp();
  await first.controller.start(first.life.signal);
  first.api.put(podKind, pod('web', { metadata: { annotations: { 'muster.dev/run-for': '1h' } } }));
  await until(() => first.status('web')?.phase === 'Running', 'Running');
  await first.stop();
  const before = structuredClone(first.api.find<V1Pod>('pods', 'web', 'default'));
  const writes = first.api.count('patch', 'pods');
  await first.clock.advance(60_000);
  const second = setUp({ api: first.api, clock: first.clock });
  await second.controller.start(second.life.signal);
  await second.clock.advance(60_000);
  assert.equal(second.api.count('patch', 'pods'), writes);
  assert.deepEqual(second.api.find('pods', 'web', 'default'), before);
  assert.equal((await second.runtime.list()).containers.length, 1);
  await second.clock.advance(3_600_000);
  await until(() => second.status('web')!.containerStatuses![0]!.restartCount === 1, 'the end that was due');
  await second.stop();
});

test('readiness waits for the probe’s initial delay', async () => {
  const { api, controller, life, stop, status, clock } = setUp();
  await controller.start(life.signal);
  api.put(
    podKind,
    pod('probed', { spec: { containers: [{ name: 'c', readinessProbe: { initialDelaySeconds: 5, httpGet: { port: 80 } } }] } }),
  );
  await until(() => status('probed')?.phase === 'Running', 'Running');
  assert.equal(status('probed')!.containerStatuses![0]!.ready, false);
  assert.equal(
    status('probed')!.conditions!.find(({ type }) => type === 'Ready')!.message,
    'containers with unready status: [c]',
  );
  await clock.advance(5000);
  await until(() => status('probed')!.containerStatuses![0]!.ready, 'ready');
  assert.equal(status('probed')!.conditions!.find(({ type }) => type === 'Ready')!.message, undefined);
  assert.equal(clock.pending <= 1, true, 'no timer stays for a probe that has passed for good');
  await stop();
});

test('a wrong annotation is told in the status, and tried again after it was corrected', async () => {
  const { api, controller, life, stop, status, clock } = setUp();
  await controller.start(life.signal);
  api.put(podKind, pod('odd', { metadata: { annotations: { 'muster.dev/run-for': 'soon' } } }));
  await until(() => status('odd')?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerError', 'the problem');
  assert.match(status('odd')!.containerStatuses![0]!.state!.waiting!.message!, /muster.dev\/run-for: "soon" is not a duration/);
  api.change(podKind, 'odd', 'default', ({ metadata }) => {
    metadata.annotations = {};
  });
  await clock.advance(1000);
  await until(() => status('odd')?.phase === 'Running', 'Running');
  await stop();
});

test('while the API server is away statuses wait, and the newest is written when it is back', async () => {
  const { api, controller, life, stop, status, clock } = setUp();
  await controller.start(life.signal);
  api.put(podKind, pod('web', { metadata: { annotations: { 'muster.dev/run-for': '30s' } }, spec: { restartPolicy: 'Never' } }));
  await until(() => status('web')?.phase === 'Running', 'Running');
  api.before = () => {
    throw unreachable();
  };
  api.dropWatches();
  await clock.advance(60_000);
  assert.equal(status('web')?.phase, 'Running');
  api.before = () => undefined;
  await clock.advance(60_000);
  await until(() => status('web')?.phase === 'Succeeded', 'the end');
  await stop();
});

const container = (fields: Partial<RuntimeContainer>): RuntimeContainer => ({
  id: 'i',
  sandboxId: 's',
  podUid: 'u',
  name: 'c',
  attempt: 0,
  phase: 'running',
  image: '',
  imageId: '',
  createdAtMs: 0,
  ...fields,
});

test('a plan never starts what runs, nor starts anything in a pod that is over', () => {
  const phases = fc.constantFrom<RuntimeContainer['phase'] | 'none'>('none', 'running', 'exited');
  fc.assert(
    fc.property(
      phases,
      phases,
      fc.integer({ min: 0, max: 2 }),
      fc.constantFrom('Always', 'OnFailure', 'Never'),
      (a, b, exitCode, restartPolicy) => {
        const containers = [a, b].flatMap((phase, i) =>
          phase === 'none'
            ? []
            : [
                container({
                  id: `${i}`,
                  name: `c${i}`,
                  phase,
                  ...(phase === 'exited' && { exitCode, startedAtMs: 0, finishedAtMs: 0 }),
                }),
              ],
        );
        const plan = planPod({
          pod: pod('p', { spec: { restartPolicy, containers: [{ name: 'c0' }, { name: 'c1' }] } }),
          sandboxes: [],
          containers,
          isStarted: () => true,
          unhealthy: new Set(),
          waitOf: () => undefined,
          nowMs: 0,
        });
        const running = containers.filter(({ phase }) => phase === 'running').map(({ name }) => name);
        assert.ok(plan.start.every((start) => !running.includes(start.container.name)));
        if (plan.over) assert.equal(plan.start.length, 0);
        if (plan.over) assert.equal(plan.sandboxAttempt, undefined);
      },
    ),
    { verbose: 1 },
  );
});

test('quality of service follows requests and limits', () => {
  const of = (resources: object) => qosClass(pod('p', { spec: { containers: [{ name: 'c', resources }] } }));
  assert.equal(of({}), 'BestEffort');
  assert.equal(of({ requests: { cpu: '1' } }), 'Burstable');
  assert.equal(of({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1Gi' } }), 'Guaranteed');
  assert.equal(of({ limits: { cpu: '1', memory: '1Gi' } }), 'Guaranteed');
});

test('a pod of very many containers is worked on in the time that their number takes', { timeout: 60_000 }, async () => {
  const { api, controller, life, stop, status } = setUp();
  await controller.start(life.signal);
  // Each searched for among all others, several times, took minutes.
  const containers = Array.from({ length: 10_000 }, (_, i) => ({ name: `c${i}`, image: 'x' }));
  api.put(podKind, pod('many', { spec: { containers } }));
  await until(() => status('many')?.phase === 'Running', 'Running');
  assert.equal(status('many')?.containerStatuses?.length, containers.length);
  await stop();
});
