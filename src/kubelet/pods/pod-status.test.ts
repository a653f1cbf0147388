import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1ContainerStatus, V1Pod, V1PodSpec, V1PodStatus } from '../../api/gen/types.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { podPhase } from './pod-phase.ts';
import { podStatus, type StatusInput } from './pod-status.ts';
import { planStatusPatch } from './status-writer.ts';

const pod = (
  spec: Partial<V1PodSpec> = {},
  status: V1PodStatus = { phase: 'Pending' },
  metadata: V1Pod['metadata'] = {},
): V1Pod => ({
  metadata: { name: 'p', namespace: 'default', uid: 'u', ...metadata },
  spec: { containers: [{ name: 'main', image: 'i' }], ...spec },
  status,
});

const running = (name = 'main', more: Partial<RuntimeContainer> = {}): RuntimeContainer => ({
  id: `${name}-${more.attempt ?? 0}`,
  sandboxId: 's',
  podUid: 'u',
  name,
  attempt: 0,
  phase: 'running',
  image: 'i',
  imageId: 'sha256:1',
  createdAtMs: 0,
  startedAtMs: 1000,
  ...more,
});

const ended = (exitCode: number, name = 'main', more: Partial<RuntimeContainer> = {}): RuntimeContainer =>
  running(name, { phase: 'exited', exitCode, finishedAtMs: 2000, ...more });

const status = (more: Partial<StatusInput> = {}): V1PodStatus =>
  podStatus({
    pod: pod(),
    sandbox: {
      id: 's',
      podUid: 'u',
      podName: 'p',
      podNamespace: 'default',
      ready: true,
      createdAtMs: 0,
      ips: ['10.0.0.2'],
      attempt: 0,
    },
    containers: [],
    runtimeName: 'containerd',
    hostIps: ['192.0.2.1'],
    isStarted: () => true,
    isReady: () => true,
    backoff: new Map(),
    problems: new Map(),
    nowMs: 5000,
    ...more,
  });

const mainOf = (found: V1PodStatus): V1ContainerStatus => found.containerStatuses![0]!;

const PHASES: readonly [title: string, of: V1Pod, init: object[], main: object[], expected: string][] = (() => {
  const done = (exitCode: number) => ({ state: { terminated: { exitCode } } });
  const runs = { state: { running: {} } };
  const waits = { state: { waiting: {} } };
  const backsOff = { ...waits, lastState: { terminated: { exitCode: 1 } } };
  const two: Partial<V1PodSpec> = { containers: [{ name: 'a' }, { name: 'b' }] };
  const withInit: Partial<V1PodSpec> = { initContainers: [{ name: 'i' }] };
  return [
    ['nothing has begun', pod(), [], [waits], 'Pending'],
    ['one runs, one waits for its first start', pod(two), [], [runs, waits], 'Pending'],
    ['one runs, one backs off', pod(two), [], [runs, backsOff], 'Running'],
    ['one runs, one has ended', pod({ ...two, restartPolicy: 'Never' }), [], [runs, done(1)], 'Running'],
    ['all ended, to be restarted', pod(), [], [done(0)], 'Running'],
    ['all ended well', pod({ restartPolicy: 'OnFailure' }), [], [done(0)], 'Succeeded'],
    ['one failed, to be restarted', pod({ restartPolicy: 'OnFailure' }), [], [done(1)], 'Running'],
    ['one failed for good', pod({ ...two, restartPolicy: 'Never' }), [], [done(0), done(1)], 'Failed'],
    [
      'one failed for good by its own policy',
      pod({ containers: [{ name: 'a', restartPolicy: 'Never' }] }),
      [],
      [done(1)],
      'Failed',
    ],
    ['an init container runs', pod(withInit), [runs], [waits], 'Pending'],
    ['an init container failed, to be tried again', pod(withInit), [done(1)], [waits], 'Pending'],
    ['an init container failed for good', pod({ ...withInit, restartPolicy: 'Never' }), [done(1)], [waits], 'Failed'],
    [
      'a sidecar has not started',
      pod({ initContainers: [{ name: 'i', restartPolicy: 'Always' }] }),
      [{ ...runs, started: false }],
      [waits],
      'Pending',
    ],
    ['all ended in a pod that goes away', pod({}, {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), [], [done(0)], 'Succeeded'],
    ['it has failed before', pod({}, { phase: 'Failed' }), [], [runs], 'Failed'],
  ];
})();

for (const [title, of, init, main, expected] of PHASES)
  test(`phase ${expected}: ${title}`, () => {
    const named = (list: object[], specs: readonly { name: string }[] = []) =>
      list.map((one, i) => ({ name: specs[i]?.name ?? '', image: '', imageID: '', ready: false, restartCount: 0, ...one }));
    assert.equal(podPhase(of, named(init, of.spec?.initContainers), named(main, of.spec?.containers)), expected);
  });

test('a container that cannot start says why; it says so of its last end as well', () => {
  const problems = new Map([['main', { reason: 'CreateContainerConfigError', message: 'configmap "c" not found' }]]);
  assert.deepEqual(mainOf(status({ problems })).state, { waiting: problems.get('main') });
  const after = mainOf(status({ problems, containers: [ended(3)] }));
  assert.deepEqual(after.state, { waiting: problems.get('main') });
  assert.equal(after.lastState?.terminated?.exitCode, 3);
  assert.equal(after.restartCount, 0);
});

test('who waits for an init container is initializing, other init containers as well', () => {
  const found = status({ pod: pod({ initContainers: [{ name: 'init', image: 'i' }] }) });
  assert.equal(mainOf(found).state?.waiting?.reason, 'PodInitializing');
  assert.equal(found.initContainerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing');
  const made = { phase: 'created', startedAtMs: undefined } as const;
  const between = status({
    pod: pod({ initContainers: [{ name: 'init', image: 'i' }] }),
    containers: [running('init', made), running('main', made)],
  });
  assert.equal(between.initContainerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing', 'made, not started');
  assert.equal(mainOf(between).state?.waiting?.reason, 'PodInitializing');
  assert.equal(mainOf(status({ containers: [running('main', made)] })).state?.waiting?.reason, 'ContainerCreating');
});

test('a pod stays initialized when a sidecar goes down', () => {
  const sidecar = pod({ initContainers: [{ name: 'side', image: 'i', restartPolicy: 'Always' }] });
  const backoff = new Map([['side', 10_000]]);
  const initialized = (containers: RuntimeContainer[]) =>
    status({ pod: sidecar, containers, backoff }).conditions?.find(({ type }) => type === 'Initialized');
  assert.equal(initialized([ended(1, 'side')])?.status, 'False', 'none of the others has started');
  const after = initialized([ended(1, 'side'), running()]);
  assert.deepEqual([after?.status, after?.reason], ['True', undefined]);
  assert.equal(initialized([ended(1, 'side'), ended(1)])?.status, 'True');
});

test('a container that could not start and is not to start again has ended: its pod is Failed, and says how', () => {
  const problems = new Map([['main', { reason: 'RunContainerError', message: 'exec: "/nope": not found' }]]);
  const containers = [ended(128, 'main', { reason: 'StartError', message: 'exec: "/nope": not found' })];
  const never = status({ pod: pod({ restartPolicy: 'Never' }), problems, containers });
  assert.equal(mainOf(never).state?.terminated?.reason, 'StartError');
  assert.deepEqual(mainOf(never).lastState, {});
  assert.equal(never.phase, 'Failed');
  const again = status({ pod: pod({ restartPolicy: 'OnFailure' }), problems, containers });
  assert.deepEqual(mainOf(again).state, { waiting: problems.get('main') });
  assert.equal(again.phase, 'Running');
  const deleted = pod({}, { phase: 'Running' }, { deletionTimestamp: '2026-01-01T00:00:00Z' });
  assert.ok(mainOf(status({ pod: deleted, problems, containers })).state?.terminated);
});

test('how a container ended stays known when the runtime has lost it', () => {
  const before = mainOf(status({ containers: [ended(7)] }));
  const found = status({ pod: pod({ restartPolicy: 'Never' }, { phase: 'Running', containerStatuses: [before] }) });
  assert.deepEqual(mainOf(found), before);
});

test('a running container that the runtime has lost counts as one restart', () => {
  const before = mainOf(status({ containers: [running()] }));
  const found = mainOf(status({ pod: pod({}, { phase: 'Running', containerStatuses: [before] }) }));
  assert.equal(found.restartCount, 1);
  assert.equal(found.lastState?.terminated?.reason, 'ContainerStatusUnknown');
  assert.equal(found.lastState?.terminated?.exitCode, 137);
  assert.ok(found.state?.waiting);
});

test('a pod that the kubelet ends is Failed with the reason, but not before its last container has ended', () => {
  const end = { reason: 'Evicted', message: 'The node was low on resource: memory.' };
  const disruption = { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message: end.message } as const;
  const first = status({ pod: pod({}, { phase: 'Running' }), containers: [running()], end, extraConditions: [disruption] });
  assert.equal(first.phase, 'Running');
  assert.equal(first.reason, undefined);
  assert.equal(first.conditions?.find(({ type }) => type === 'DisruptionTarget')?.reason, 'TerminationByKubelet');
  const last = status({ pod: pod({}, first), containers: [ended(0)], end, final: true });
  assert.deepEqual([last.phase, last.reason, last.message], ['Failed', end.reason, end.message]);
  // The condition stays, though nobody tells it again.
  assert.ok(last.conditions?.some(({ type }) => type === 'DisruptionTarget'));
});

test('at its end every container of a pod has one', () => {
  const found = status({ final: true });
  assert.equal(found.phase, 'Failed');
  assert.equal(mainOf(found).state?.terminated?.reason, 'ContainerStatusUnknown');
});

test('readiness gates hold a pod back, and say which', () => {
  const gates = { readinessGates: [{ conditionType: 'a.example/x' }, { conditionType: 'b.example/y' }] };
  const known: V1PodStatus = { phase: 'Running', conditions: [{ type: 'a.example/x', status: 'False' }] };
  const found = status({ pod: pod(gates, known), containers: [running()] });
  const ready = found.conditions?.find(({ type }) => type === 'Ready');
  assert.equal(ready?.status, 'False');
  assert.equal(
    ready?.message,
    'the status of pod readiness gate "a.example/x" is not "True", but False, corresponding condition of pod readiness gate "b.example/y" does not exist.',
  );
  assert.equal(found.conditions?.find(({ type }) => type === 'ContainersReady')?.status, 'True');
  assert.ok(found.conditions?.some(({ type }) => type === 'a.example/x'));
});

test('containers of real pods tell their mounts, users and resources', () => {
  const resources = { requests: { cpu: '1' }, limits: { cpu: '2' } };
  const containers = [running('main', { user: { uid: 1000, gid: 3, supplementalGroups: [7] } })];
  const spec = {
    containers: [{ name: 'main', image: 'i', resources, volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true }] }],
  };
  const found = mainOf(status({ pod: pod(spec), containers, detailed: true }));
  assert.deepEqual(found.user, { linux: { uid: 1000, gid: 3, supplementalGroups: [7] } });
  assert.deepEqual(found.volumeMounts, [{ name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'Disabled' }]);
  assert.deepEqual(found.allocatedResources, { cpu: '1' });
  assert.deepEqual(found.resources, resources);
  const inForce = new Map([['main-0', { requests: { cpu: '500m' } }]]);
  assert.deepEqual(mainOf(status({ pod: pod(spec), containers, detailed: true, inForce })).resources, {
    requests: { cpu: '500m' },
  });
});

test('real pods tell what they were given as a whole', () => {
  const main = { name: 'main', image: 'i', resources: { requests: { cpu: '250m' } } };
  const side = { name: 'side', image: 'i', resources: { requests: { cpu: '250m', memory: '1Gi' } } };
  const containers = [running()];
  const sum = status({ pod: pod({ containers: [main, side] }), containers, detailed: true });
  assert.deepEqual(sum.allocatedResources, { cpu: '500m', memory: '1Gi' });
  assert.equal(sum.resources, undefined);
  const spec = { containers: [main], resources: { requests: { cpu: '2' }, limits: { cpu: '3' } } };
  const own = status({ pod: pod(spec), containers, detailed: true });
  assert.deepEqual([own.allocatedResources, own.resources], [{ cpu: '2' }, spec.resources]);
  const inForce = new Map([['', { limits: { cpu: '1' } }]]);
  assert.deepEqual(status({ pod: pod(spec), containers, detailed: true, inForce }).resources, { limits: { cpu: '1' } });
  assert.equal(status({ pod: pod(spec), containers }).resources, undefined);
});

test('the last words of all containers together are no more than a status can hold', () => {
  const names = Array.from({ length: 100 }, (_, i) => `c${i}`);
  const containers = names.flatMap((name) => [ended(1, name, { message: 'é'.repeat(2048) }), running(name, { attempt: 1 })]);
  const many = status({ pod: pod({ containers: names.map((name) => ({ name, image: 'i' })) }), containers });
  const words = (many.containerStatuses ?? []).map(({ lastState }) => Buffer.byteLength(lastState?.terminated?.message ?? ''));
  assert.equal(words.length, 100);
  assert.ok(
    words.every((bytes) => bytes > 100 && bytes <= 124),
    words.join(' '),
  );
  const one = status({ containers: [ended(1, 'main', { message: 'x'.repeat(4096) })] });
  assert.equal(mainOf(one).state?.terminated?.message?.length, 4096);
});

test('conditions of a resize are taken away when it is over, those of others never', () => {
  const known: V1PodStatus = {
    phase: 'Running',
    conditions: [
      { type: 'PodResizePending', status: 'True', reason: 'Deferred' },
      { type: 'a.example/x', status: 'True' },
    ],
  };
  const patch = planStatusPatch(known, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
  assert.deepEqual(patch, {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'PodResizePending', $patch: 'delete' },
    ],
  });
});
