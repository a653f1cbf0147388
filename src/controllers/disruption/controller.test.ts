import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replicaSetKind } from '../../api/apps/v1/replica-set.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod, V1PodDisruptionBudget } from '../../api/gen/types.ts';
import { podDisruptionBudgetKind } from '../../api/policy/v1/pod-disruption-budget.ts';
import { type ControllerRun, runController } from '../framework/testing-client.test-support.ts';
import { createDisruptionController } from './controller.ts';

const budget = (spec: object, status?: object) =>
  ({
    metadata: { name: 'guard', namespace: 'a', generation: 2 },
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    ...(status && { status }),
  }) as unknown as V1PodDisruptionBudget;
const status = (run: ControllerRun) => run.cluster.get<V1PodDisruptionBudget>(podDisruptionBudgetKind, 'guard', 'a')?.status;
const numbers = (run: ControllerRun) => {
  const { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed } = status(run)!;
  return [expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed];
};

async function start(spec: object, replicas = 4, ready = replicas, told?: object): Promise<ControllerRun> {
  const run = await runController(createDisruptionController);
  run.cluster.put(replicaSetKind, { metadata: { name: 'web', namespace: 'a', uid: 'rs' }, spec: { replicas } } as never);
  for (let i = 0; i < replicas; i++)
    run.cluster.put(podKind, {
      metadata: {
        name: `p${i}`,
        namespace: 'a',
        labels: { app: 'web' },
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true }],
      },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: i < ready ? 'True' : 'False' }] },
    } as never);
  run.cluster.put(podDisruptionBudgetKind, budget(spec, told));
  await run.settle();
  return run;
}

test('what may go follows from what must stay, as a number or as a share of what is wanted', async () => {
  const cases: [object, number, number, (number | undefined)[]][] = [
    [{ minAvailable: 3 }, 4, 4, [4, 3, 4, 1]],
    [{ minAvailable: '50%' }, 5, 5, [5, 3, 5, 2]],
    [{ maxUnavailable: 1 }, 4, 4, [4, 3, 4, 1]],
    [{ maxUnavailable: '30%' }, 4, 4, [4, 2, 4, 2]],
    [{ maxUnavailable: 1 }, 4, 3, [4, 3, 3, 0]],
  ];
  for (const [spec, replicas, ready, wanted] of cases) {
    await using run = await start(spec, replicas, ready);
    assert.deepEqual(numbers(run), wanted, JSON.stringify(spec));
    assert.equal(status(run)?.observedGeneration, 2);
    assert.equal(status(run)?.conditions?.[0]?.reason, wanted[3] === 0 ? 'InsufficientPods' : 'SufficientPods');
  }
});

test('a pod that is being evicted is missing already; an eviction that comes to nothing is forgotten', async () => {
  const disruptedPods = { p0: '2026-01-01T00:00:00Z', gone: '2026-01-01T00:00:00Z' };
  await using run = await start({ minAvailable: 3 }, 4, 4, { disruptedPods });
  assert.deepEqual(numbers(run), [4, 3, 3, 0]);
  assert.deepEqual(Object.keys(status(run)?.disruptedPods ?? {}), ['p0']);
  await run.settle(121_000);
  assert.deepEqual(numbers(run), [4, 3, 4, 1]);
});

test('scaling changes what may go', async () => {
  await using run = await start({ maxUnavailable: 1 }, 4);
  run.cluster.put(replicaSetKind, { metadata: { name: 'web', namespace: 'a', uid: 'rs' }, spec: { replicas: 2 } } as never);
  await run.settle();
  assert.deepEqual(numbers(run), [2, 1, 4, 3]);
});

test('pods whose keeper is gone, or has no scale, may not be disrupted', async () => {
  const kinds = [
    [{ apiVersion: 'apps/v1', kind: 'ReplicaSet' }, 'found no controllers for pod "p"'],
    [{ apiVersion: 'x.io/v1', kind: 'Thing' }, 'things.x.io does not implement the scale subresource'],
  ] as const;
  for (const [reference, message] of kinds) {
    await using run = await runController(createDisruptionController);
    run.cluster.kinds = [replicaSetKind, { group: 'x.io', version: 'v1', kind: 'Thing', resource: 'things', namespaced: true }];
    run.cluster.put(podKind, {
      metadata: {
        name: 'p',
        namespace: 'a',
        labels: { app: 'web' },
        ownerReferences: [{ ...reference, name: 'gone', uid: 'u', controller: true }],
      },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    } as never);
    run.cluster.put(podDisruptionBudgetKind, budget({ maxUnavailable: 1 }, { disruptionsAllowed: 1 }));
    await run.settle();
    const { disruptionsAllowed, conditions } = status(run)!;
    assert.equal(disruptionsAllowed, 0);
    assert.deepEqual([conditions?.[0]?.reason, conditions?.[0]?.message], ['SyncFailed', message]);
    assert.equal(run.events[0], 'guard CalculateExpectedPodCountFailed');
  }
});

test('a set whose Deployment is not known counts by itself', async () => {
  await using run = await runController(createDisruptionController);
  run.cluster.kinds = [replicaSetKind];
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gone', uid: 'd', controller: true };
  const set = { metadata: { name: 'web', namespace: 'a', uid: 'rs', ownerReferences: [owner] }, spec: { replicas: 3 } };
  run.cluster.put(replicaSetKind, set as never);
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true }];
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  run.cluster.put(podKind, { metadata: { name: 'p', namespace: 'a', labels: { app: 'web' }, ownerReferences }, status } as never);
  run.cluster.put(podDisruptionBudgetKind, budget({ maxUnavailable: 1 }));
  await run.settle();
  assert.deepEqual(numbers(run), [3, 2, 1, 0]);
});

test('a budget that says no number lets nothing go', async () => {
  await using run = await start({});
  assert.deepEqual(numbers(run), [0, 0, 4, 0]);
});

test('who was not deleted after all is told so, and is no target of disruption any more', async () => {
  await using run = await start({ minAvailable: 3 }, 4, 4, { disruptedPods: { p0: '2026-01-01T00:00:00Z' } });
  const target = (name: string, reason: string, phase: string) => {
    const pod = run.cluster.get<V1Pod>(podKind, name, 'a')!;
    const condition = { type: 'DisruptionTarget', status: 'True', reason, lastTransitionTime: '2026-01-01T00:00:00Z' };
    const conditions = [...(pod.status?.conditions ?? []), condition];
    run.cluster.put(podKind, { ...pod, status: { ...pod.status, phase, conditions } } as V1Pod);
  };
  target('p0', 'EvictionByEvictionAPI', 'Running');
  target('p1', 'TerminationByKubelet', 'Running');
  target('p2', 'PreemptionByScheduler', 'Failed');
  const targets = () =>
    run.cluster
      .list<V1Pod>(podKind)
      .map(({ status }) => status?.conditions?.find(({ type }) => type === 'DisruptionTarget')?.status);
  await run.settle(119_000);
  assert.deepEqual(targets(), ['True', 'True', 'True', undefined]);
  await run.settle(2000);
  assert.deepEqual(
    targets(),
    ['False', 'True', 'True', undefined],
    "a kubelet's word has no end, nor that of one that has ended",
  );
  const told = run.events.indexOf('p0 NotDeleted');
  assert.equal(run.messages[told], "Pod was expected by PDB a/guard to be deleted but it wasn't");
});

test('pods whose keeper cannot be found out may not be disrupted', async () => {
  await using run = await runController(createDisruptionController);
  run.cluster.put(podKind, {
    metadata: {
      name: 'p',
      namespace: 'a',
      labels: { app: 'web' },
      ownerReferences: [{ apiVersion: 'x.io/v1', kind: 'Unheard', name: 'u', uid: 'u', controller: true }],
    },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  } as never);
  run.cluster.put(podDisruptionBudgetKind, budget({ maxUnavailable: 1 }));
  await run.settle();
  assert.equal(status(run)?.disruptionsAllowed, 0);
  assert.equal(status(run)?.conditions?.[0]?.reason, 'SyncFailed');
});
