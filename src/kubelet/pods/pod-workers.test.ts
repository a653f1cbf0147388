import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { deferred } from '../../std/lifecycle.ts';
import { until } from '../testing/cluster-of-one.ts';
import { type NodeAdmission, PodPartError } from './pod-parts.ts';
import { pod, ROOMY, setUp } from './pod-workers.test-support.ts';

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

test('a runtime that says that it has stopped what goes on running is not asked without a pause', async (t) => {
  const { api, clock, run, runtime } = await setUp(t);
  await run(pod('undead'));
  let stops = 0;
  runtime.stopContainer = async () => void stops++;
  api.put(podKind, pod('undead', { spec: { containers: [{ name: 'c', image: 'other' }] } }));
  await until(() => stops > 0, 'it is asked');
  await clock.advance(60_000);
  assert.ok(stops > 1 && stops < 20, `${stops} times`);
});

test('a network that gives no address has no sandboxes made without a pause', async (t) => {
  const { api, clock, runtime } = await setUp(t);
  const real = runtime.list.bind(runtime);
  runtime.list = async (uid) => {
    const { sandboxes, containers } = await real(uid);
    return { sandboxes: sandboxes.map((sandbox) => ({ ...sandbox, ips: [] })), containers };
  };
  let made = 0;
  const runSandbox = runtime.runSandbox.bind(runtime);
  runtime.runSandbox = (request) => {
    made++;
    return runSandbox(request);
  };
  api.put(podKind, pod('lost'));
  await until(() => made > 0, 'one is made');
  await clock.advance(60_000);
  assert.ok(made > 1 && made < 20, `${made} sandboxes`);
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
