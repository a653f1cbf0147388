import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod, V1PodStatus } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { deferred } from '../../std/lifecycle.ts';
import { createHollowRuntime } from '../runtime/hollow/hollow-runtime.ts';
import type { Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import { recordingLogger, until } from '../testing/cluster-of-one.ts';
import { detailedPods } from '../testing/detailed-pods.ts';
import { FakeApi } from '../testing/fake-api.ts';
import { createPodController } from './pod-controller.ts';
import { type NodeAdmission, PodPartError } from './pod-parts.ts';

const pod = (name: string, extra: { metadata?: object; spec?: object } = {}): V1Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: `uid-${name}`, ...extra.metadata },
  spec: {
    nodeName: 'node1',
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    containers: [{ name: 'c', image: 'i' }],
    ...extra.spec,
  },
  status: { phase: 'Pending' },
});

/** Takes all pods; as a whole none may have more than eight CPUs. */
const ROOMY: NodeAdmission = {
  admit: ({ spec }) =>
    Number(spec?.resources?.requests?.['cpu'] ?? 0) > 8
      ? { reason: 'OutOfcpu', message: "Node didn't have enough resource: cpu, requested: 9000, used: 0, capacity: 8000" }
      : undefined,
};

async function setUp(t: TestContext, options: { admission?: NodeAdmission; before?: readonly V1Pod[] } = {}) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const api = new FakeApi(clock);
  for (const known of options.before ?? []) api.put(podKind, known);
  const runtime = createHollowRuntime({ clock, random: Math.random });
  const parts = detailedPods(runtime, options);
  const events: string[] = [];
  const controller = createPodController({
    client: api.client(),
    nodeName: 'node1',
    nodeIps: ['192.0.2.1'],
    runtime,
    podCidr: async () => '10.244.3.0/24',
    real: parts.real,
    events: {
      event: ({ metadata }, _type, reason, message) => void events.push(`${metadata?.name} ${reason} ${message}`),
      flush: async () => undefined,
    },
    clock,
    logger: recordingLogger().logger,
    random: () => 0,
  });
  const life = new AbortController();
  t.after(async () => {
    life.abort(new DOMException('stopped', 'AbortError'));
    await controller.done;
  });
  await controller.start(life.signal);
  const status = (name: string) => api.find<V1Pod>('pods', name, 'default')?.status as V1PodStatus | undefined;
  const run = async (...pods: V1Pod[]) => {
    for (const one of pods) api.put(podKind, one);
    await until(() => pods.every(({ metadata }) => status(metadata!.name!)?.phase === 'Running'), 'Running');
  };
  return { clock, api, runtime, controller, events, status, run, ...parts };
}

test('an evicted pod is Failed with its reason when its containers have ended, and its object stays', async (t) => {
  const { clock, controller, status, run, log } = await setUp(t);
  await run(pod('web', { metadata: { annotations: { 'muster.dev/stop-after': '10s' } } }));
  const message = 'The node was low on resource: memory.';
  let over = false;
  const evicted = controller.evict('uid-web', { reason: 'Evicted', message, gracePeriodSeconds: 20 }).then(() => {
    over = true;
  });
  await clock.advance(9000);
  assert.equal(over, false);
  assert.equal(status('web')?.phase, 'Running');
  assert.equal(status('web')?.conditions?.find(({ type }) => type === 'DisruptionTarget')?.reason, 'TerminationByKubelet');
  await clock.advance(1000);
  await evicted;
  await until(() => status('web')?.phase === 'Failed', 'the end');
  assert.deepEqual([status('web')?.reason, status('web')?.message], ['Evicted', message]);
  assert.equal(log.at(-1), 'release uid-web');
  await clock.advance(120_000);
  assert.equal(status('web')?.containerStatuses?.[0]?.restartCount, 0, 'it does not come back');
  await controller.evict('uid-nobody', { reason: 'Evicted', message });
});

test('that a pod takes longer than its grace to be evicted is told', async (t) => {
  const { clock, controller, events, run, runtime } = await setUp(t);
  await run(pod('stuck'));
  runtime.stopContainer = () => new Promise(() => undefined);
  void controller.evict('uid-stuck', { reason: 'Evicted', message: '', gracePeriodSeconds: 10 });
  await clock.advance(20_000);
  assert.ok(events.includes('stuck ExceededGracePeriod Container runtime did not kill the pod within specified grace period.'));
});

test('a pod may run no longer than its deadline', async (t) => {
  const { clock, status, run, events } = await setUp(t);
  await run(pod('brief', { spec: { activeDeadlineSeconds: 60 } }));
  await clock.advance(59_000);
  assert.equal(status('brief')?.phase, 'Running');
  await clock.advance(1000);
  await until(() => status('brief')?.phase === 'Failed', 'the end');
  assert.equal(status('brief')?.reason, 'DeadlineExceeded');
  assert.equal(
    status('brief')?.conditions?.some(({ type }) => type === 'DisruptionTarget'),
    false,
  );
  assert.ok(events.includes('brief DeadlineExceeded Pod was active on the node longer than the specified deadline'));
});

test('a pod that the node does not take is Failed before anything of it begins', async (t) => {
  const admission: NodeAdmission = {
    admit: ({ metadata }) => (metadata?.name === 'big' ? { reason: 'OutOfcpu', message: 'no room' } : undefined),
  };
  const { api, status, log, run } = await setUp(t, { admission });
  api.put(podKind, pod('big'));
  await run(pod('small'));
  await until(() => status('big')?.phase === 'Failed', 'the refusal');
  assert.deepEqual([status('big')?.reason, status('big')?.message], ['OutOfcpu', 'Pod was rejected: no room']);
  assert.equal(log.includes('prepare big'), false);
});

test('a pod that was deleted by force takes no room from the next one, though it still ends', async (t) => {
  const counted: Record<string, readonly (string | undefined)[]> = {};
  const admission: NodeAdmission = {
    admit({ metadata }, others) {
      counted[metadata!.name!] = others.map((other) => other.metadata?.name);
      return undefined;
    },
  };
  const { api, run } = await setUp(t, { admission });
  await run(pod('first', { metadata: { annotations: { 'muster.dev/stop-after': '20s' } } }));
  await run(pod('second'));
  api.remove(podKind, 'first', 'default');
  await run(pod('third'));
  assert.deepEqual(counted, { first: [], second: ['first'], third: ['second'] });
});

test('a critical pod comes when those that make room for it have ended', async (t) => {
  const victims = [pod('victim')];
  const admission: NodeAdmission = {
    admit: ({ metadata }, others) =>
      metadata?.name === 'critical' && others.length > 0 ? { reason: 'OutOfpods', message: '', preempt: victims } : undefined,
  };
  const { status, run, events } = await setUp(t, { admission });
  await run(pod('victim'));
  await run(pod('critical'));
  await until(() => status('victim')?.phase === 'Failed', 'the victim’s end');
  assert.equal(status('victim')?.reason, 'Preempting');
  assert.ok(events.includes('victim Preempting Preempted in order to admit critical pod'));
});

test('what fails before a container starts is told, keeps being told, and is tried again', async (t) => {
  const { clock, api, status, failures, events, log } = await setUp(t);
  failures.set('prepare web', new PodPartError('FailedMount', 'configmap "c" not found'));
  api.put(podKind, pod('web'));
  await until(() => status('web')?.containerStatuses !== undefined, 'the first status');
  assert.equal(status('web')?.containerStatuses?.[0]?.state?.waiting?.reason, 'ContainerCreating');
  await until(() => events.includes('web FailedMount configmap "c" not found'), 'the event');
  failures.clear();
  failures.set('start web/c', new PodPartError('CreateContainerConfigError', 'secret "s" not found'));
  await clock.advance(1000);
  const waiting = () => status('web')?.containerStatuses?.[0]?.state?.waiting;
  await until(() => waiting()?.reason === 'CreateContainerConfigError', 'the next problem');
  const tried = log.length;
  await clock.advance(10_000);
  assert.ok(log.length > tried, 'it is tried again');
  assert.deepEqual(waiting(), { reason: 'CreateContainerConfigError', message: 'secret "s" not found' });
  failures.clear();
  await clock.advance(10_000);
  await until(() => status('web')?.phase === 'Running', 'Running');
});

/** A container in the runtime that is not removed until `free` is called. */
function leave(runtime: Runtime, left: Partial<RuntimeContainer>, refusal: string) {
  let there = true;
  let refuses = true;
  const { list, removeContainer } = runtime;
  const container: RuntimeContainer = {
    ...{ id: 'left', sandboxId: 's', podUid: 'uid-web', name: 'c', attempt: 0, phase: 'created' },
    ...{ image: 'i', imageId: 'i', createdAtMs: 0 },
    ...left,
  };
  runtime.list = async (uid) => {
    const found = await list.call(runtime, uid);
    return there ? { ...found, containers: [...found.containers, container] } : found;
  };
  runtime.removeContainer = async (id) => {
    if (id !== 'left') return removeContainer.call(runtime, id);
    if (refuses) throw new Error(refusal);
    there = false;
  };
  return {
    free: () => {
      refuses = false;
    },
  };
}

test('a container that may still begin is waited for, which the pod says; then its number is used', async (t) => {
  const { clock, api, status, events, runtime } = await setUp(t);
  const refusal = 'container is in starting state, can’t be removed';
  const left = leave(runtime, {}, refusal);
  api.put(podKind, pod('web'));
  const first = () => status('web')?.containerStatuses?.[0];
  await until(() => first()?.state?.waiting?.message === refusal, 'why it waits');
  assert.equal(first()?.state?.waiting?.reason, 'CreateContainerError');
  assert.ok(events.includes(`web Failed Error: ${refusal}`));
  left.free();
  await clock.advance(10_000);
  await until(() => status('web')?.phase === 'Running', 'Running');
  assert.equal(first()?.restartCount, 0);
});

test('a container that is never removed does not hold up its pod for good: the next number is taken', async (t) => {
  const { clock, api, status, runtime } = await setUp(t);
  leave(runtime, {}, 'container is in starting state, can’t be removed');
  api.put(podKind, pod('web'));
  await until(() => status('web')?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerError', 'the wait');
  await clock.advance(45_000);
  await until(() => status('web')?.phase === 'Running', 'Running');
  assert.deepEqual(
    status('web')?.containerStatuses?.map(({ restartCount, lastState }) => [restartCount, lastState]),
    [[1, {}]],
  );
});

test('one whose start failed can never begin, but the runtime lets go of it a moment later: it is waited for less long', async (t) => {
  const { api, clock, status, runtime } = await setUp(t);
  const message = 'failed to create containerd task: failed to get task pid: context canceled: unknown';
  leave(runtime, { phase: 'exited', exitCode: 128, reason: 'StartError', message }, 'cannot delete running task left');
  api.put(podKind, pod('web'));
  const first = () => status('web')?.containerStatuses?.[0];
  await until(() => first()?.state?.waiting?.message === 'cannot delete running task left', 'why it waits');
  assert.equal(first()?.restartCount, 0);
  await clock.advance(10_000);
  await until(() => status('web')?.phase === 'Running', 'Running');
  assert.equal(first()?.restartCount, 1);
});

test('a sandbox of before that will not go is no failure of its pod: it is tried again in time', async (t) => {
  const { clock, run, runtime } = await setUp(t);
  const { list, removeSandbox } = runtime;
  let refused = 0;
  runtime.list = async (uid) => {
    const found = await list.call(runtime, uid);
    const old = found.sandboxes.map((sandbox) => ({ ...sandbox, id: 'old', attempt: -1, ready: false }));
    return { ...found, sandboxes: [...found.sandboxes, ...old] };
  };
  runtime.removeSandbox = async (id) => {
    if (id !== 'old') return removeSandbox.call(runtime, id);
    refused++;
    throw new Error('it will not go');
  };
  await run(pod('web'));
  await until(() => refused > 0, 'the refusal');
  const before = refused;
  await clock.advance(20_000);
  assert.equal(refused, before, 'the pod is not worked on again and again');
  await clock.advance(60_000);
  assert.ok(refused > before);
});

test('that a pod cannot be stopped is told, and tried again', async (t) => {
  const { api, clock, run, runtime, events } = await setUp(t);
  await run(pod('web'));
  const { stopSandbox, stopContainer } = runtime;
  runtime.stopContainer = () => Promise.reject(new Error('shim "x" is gone'));
  runtime.stopSandbox = () => Promise.reject(new Error('no network'));
  api.change(podKind, 'web', 'default', ({ metadata }) => {
    metadata.deletionTimestamp = '2026-01-01T00:00:30Z';
    metadata.deletionGracePeriodSeconds = 30;
  });
  const told = (words: string) => events.includes(`web FailedKillPod error killing pod: ${words}`);
  await until(() => told('failed to "KillContainer" for "c" with KillContainerError: "shim \\"x\\" is gone"'), 'the first');
  runtime.stopContainer = stopContainer;
  await clock.advance(10_000);
  await until(() => told('failed to "KillPodSandbox" for "uid-web" with KillPodSandboxError: "no network"'), 'the second');
  runtime.stopSandbox = stopSandbox;
  await clock.advance(10_000);
  await until(() => !api.find('pods', 'web', 'default'), 'the object gone');
});

test('a deleted pod is ended though something of it is waited for, and released before its object goes', async (t) => {
  const { api, log, failures } = await setUp(t);
  let releasedFirst = false;
  failures.set('prepare web', new PodPartError('FailedMount', 'not yet'));
  api.put(podKind, pod('web'));
  await until(() => log.includes('prepare web'), 'the first try');
  api.before = ({ verb, resource }) => {
    if (verb === 'delete' && resource === 'pods') releasedFirst = log.includes('release uid-web');
  };
  api.change(podKind, 'web', 'default', ({ metadata }) => {
    metadata.deletionTimestamp = '2026-01-01T00:00:30Z';
    metadata.deletionGracePeriodSeconds = 30;
  });
  await until(() => !api.find('pods', 'web', 'default'), 'the object gone');
  assert.equal(releasedFirst, true);
  await until(() => log.includes('discard uid-web'), 'nothing left');
});

test('what is left of pods that nobody wants goes, at the start and later on', async (t) => {
  const { clock, log, known, run } = await setUp(t);
  await run(pod('web'));
  known.add('uid-stranger').add('uid-web');
  await clock.advance(30_000);
  await until(() => log.includes('discard uid-stranger'), 'the stranger gone');
  assert.equal(log.includes('discard uid-web'), false);
});

test('a pod that fails in other words each time is tried no more often, until it is changed', async (t) => {
  const { clock, api, status, failures, log } = await setUp(t);
  let said = 0;
  failures.set('start web/c', {
    get message() {
      said++;
      return `failed to generate container "${said}" spec`;
    },
  } as Error);
  api.put(podKind, pod('web'));
  const words = () => status('web')?.containerStatuses?.[0]?.state?.waiting?.message;
  const tries = () => log.filter((line) => line === 'start web/c').length;
  for (let step = 0; step < 150; step++) {
    await clock.advance(100);
    // The status that was told is written, and seen here.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => words() !== undefined, 'the words');
  // At once, then after 0.5, 1.5, 3.5, 7.5 and 15.5 seconds.
  assert.ok(tries() >= 2 && tries() <= 6, `${tries()} tries in 15 seconds`);
  const counted = tries();
  api.change(podKind, 'web', 'default', (object) => {
    (object as V1Pod).spec!.activeDeadlineSeconds = 1000;
  });
  await until(() => tries() > counted, 'the try for the change');
});

test('a pod grows in place, and starts anew only where its policy says so', async (t) => {
  const { api, status, run, log, clock, events } = await setUp(t, { admission: ROOMY });
  const resources = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
  const containers = [
    {
      name: 'c',
      image: 'i',
      resources: resources('1', '1Gi'),
      resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }],
    },
  ];
  await run(pod('web', { spec: { containers } }));
  const change = (cpu: string, memory: string) =>
    api.change(podKind, 'web', 'default', (object) => {
      (object as V1Pod).spec!.containers[0]!.resources = resources(cpu, memory);
    });
  const given = () => status('web')?.containerStatuses?.[0]?.resources?.limits;
  change('2', '1Gi');
  await until(() => given()?.['cpu'] === '2', 'more CPU');
  assert.ok(log.includes('resize web/c'));
  assert.equal(status('web')?.containerStatuses?.[0]?.restartCount, 0);
  assert.equal(
    status('web')?.conditions?.some(({ type }) => type.startsWith('PodResize')),
    false,
  );
  const ofResize = () => events.filter((event) => event.startsWith('web Resize')).map((event) => event.split(' ')[1]);
  await until(() => ofResize().length === 2, 'both events');
  assert.deepEqual(ofResize(), ['ResizeStarted', 'ResizeCompleted']);
  change('2', '2Gi');
  await clock.advance(1000);
  await until(() => status('web')?.containerStatuses?.[0]?.restartCount === 1, 'the restart');
  assert.equal(given()?.['memory'], '2Gi');
});

test('a pod that grows as a whole takes the containers along that have no limit of their own', async (t) => {
  const { api, status, run, log, events } = await setUp(t, { admission: ROOMY });
  const ofCpu = (cpu: string) => ({ requests: { cpu }, limits: { cpu } });
  const own = { requests: { cpu: '1' }, limits: { cpu: '1', memory: '1Gi' } };
  const containers = [
    { name: 'free', image: 'i' },
    { name: 'own', image: 'i', resources: own },
  ];
  await run(pod('web', { spec: { containers, resources: ofCpu('2') } }));
  assert.deepEqual(status('web')?.resources, ofCpu('2'));
  const change = (cpu: string) =>
    api.change(podKind, 'web', 'default', (object) => {
      (object as V1Pod).spec!.resources = ofCpu(cpu);
    });
  change('3');
  await until(() => status('web')?.resources?.limits?.['cpu'] === '3', 'more CPU');
  assert.deepEqual(
    log.filter((line) => line.startsWith('resize')),
    ['resize web/free'],
  );
  assert.deepEqual(status('web')?.allocatedResources, { cpu: '3' });
  change('9');
  const pending = () => status('web')?.conditions?.find(({ type }) => type === 'PodResizePending');
  await until(() => pending()?.reason === 'Infeasible', 'the refusal');
  assert.deepEqual(status('web')?.resources, ofCpu('3'));
  assert.equal(events.filter((event) => event.startsWith('web ResizeInfeasible Pod resize Infeasible: {"resources":')).length, 1);
});

test('what was seen of a pod before it ended is not told after that', async (t) => {
  const { runtime, status, run } = await setUp(t);
  const containers = ['c', 'd'].map((name) => ({ name, image: 'i' }));
  await run(pod('job', { spec: { restartPolicy: 'Never', containers } }));
  const list = runtime.list.bind(runtime);
  const early = await list('uid-job');
  const gates = ['worked on', 'looked at meanwhile', 'taken down'].map(() => deferred());
  let calls = 0;
  runtime.list = async (uid) => {
    const call = calls++;
    await gates[call]?.promise;
    return call === 1 ? early : list(uid);
  };
  const [first, second] = early.containers;
  await runtime.stopContainer(first!.id, 0);
  await until(() => calls === 1, 'the pod is worked on');
  await runtime.stopContainer(second!.id, 0);
  await until(() => calls === 2, 'it is looked at meanwhile');
  gates[0]!.resolve();
  await until(() => status('job')?.phase === 'Succeeded' && calls === 3, 'it has ended, and is taken down');
  gates[1]!.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  gates[2]!.resolve();
  let isUp = true;
  await until(() => {
    void list('uid-job').then(({ sandboxes }) => (isUp = sandboxes.some(({ ready }) => ready)));
    return !isUp;
  }, 'it is taken down');
  assert.deepEqual(
    status('job')!.containerStatuses!.map(({ state }) => Object.keys(state!)),
    [['terminated'], ['terminated']],
  );
});
