import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podKind } from '../../api/core/v1/pod.ts';
import type { Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import { until } from '../testing/cluster-of-one.ts';
import { PodPartError } from './pod-parts.ts';
import { pod, setUp } from './pod-workers.test-support.ts';

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
