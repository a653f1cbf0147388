import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replicaSetKind } from '../../api/apps/v1/replica-set.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1PodDisruptionBudget } from '../../api/gen/types.ts';
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
