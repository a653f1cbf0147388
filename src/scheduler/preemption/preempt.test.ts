import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V1PodDisruptionBudget } from '../../api/gen/types.ts';
import { Nominations } from '../nominations.ts';
import { podInfoOf } from '../pod-info.ts';
import { asking, cluster, node, place, pod, preempt } from '../scheduling.test-support.ts';

interface Wanted {
  priority?: number;
  cpu?: string;
  app?: string;
  startTime?: string;
}

function on(nodeName: string, name: string, { priority = 0, cpu = '1', app = 'web', startTime }: Wanted = {}): V1Pod {
  const base = pod(asking(cpu, { priority }), nodeName, { app });
  return {
    ...base,
    metadata: { ...base.metadata, name, uid: name },
    status: { phase: 'Running', ...(startTime && { startTime }) },
  };
}

const wanting = (cpu: string, priority: number) => pod(asking(cpu, { priority }));

test('only pods of a lower priority make room, and no more of them than must', () => {
  const state = cluster([node('n')], [on('n', 'low'), on('n', 'middle', { priority: 5 })]);
  assert.equal(preempt(state, wanting('1', 10)), 'n: low');
  assert.equal(preempt(state, wanting('2', 10)), 'n: middle low');
  assert.equal(preempt(state, wanting('1', 5)), 'n: low');
  assert.equal(preempt(state, wanting('1', 0)), '0/1 nodes are available: 1 No preemption victims found for incoming pod.');
});

test('looking for victims leaves everything as it was', () => {
  const state = cluster([node('n')], [on('n', 'a'), on('n', 'b')]);
  preempt(state, wanting('1', 1));
  assert.deepEqual([state.nodes()[0]?.pods.size, state.nodes()[0]?.requested.cpu], [2, 2000]);
});

test('where no pod is in the way, preemption is not helpful', () => {
  const state = cluster(
    [node('full'), node('closed', { spec: { unschedulable: true } })],
    [on('full', 'a', { cpu: '2', priority: 9 })],
  );
  assert.equal(
    preempt(state, wanting('1', 5)),
    '0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
  );
  assert.equal(preempt(state, wanting('3', 10)), '0/2 nodes are available: 2 Preemption is not helpful for scheduling.');
});

test('a pod whose policy is Never preempts nobody', () => {
  const state = cluster([node('n')], [on('n', 'a', { cpu: '2' })]);
  assert.equal(
    preempt(state, pod(asking('1', { priority: 9, preemptionPolicy: 'Never' }))),
    'not eligible due to preemptionPolicy=Never.',
  );
});

const budget = (disruptionsAllowed: number, disruptedPods = {}): V1PodDisruptionBudget => ({
  metadata: { name: 'guard', namespace: 'default' },
  spec: { selector: { matchLabels: { app: 'guarded' } } },
  status: { disruptionsAllowed, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, disruptedPods },
});

test('pods that a budget protects stay where others can go', () => {
  const state = cluster(
    [node('a'), node('b')],
    [on('a', 'kept', { cpu: '2', app: 'guarded' }), on('b', 'free', { cpu: '2', priority: 3 })],
  );
  assert.equal(preempt(state, wanting('1', 9), { given: { budgets: () => [budget(0)] } }), 'b: free');
  assert.equal(preempt(state, wanting('1', 9), { given: { budgets: () => [budget(1)] } }), 'a: kept');
  assert.equal(
    preempt(state, wanting('1', 9), { given: { budgets: () => [budget(0, { kept: '2026-01-01T00:00:00Z' })] } }),
    'a: kept',
  );
});

test('no budget protects a pod without labels', () => {
  const everybody = {
    ...budget(0),
    spec: { selector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['x'] }] } },
  };
  const bare = on('a', 'bare', { cpu: '2', priority: 3 });
  const state = cluster(
    [node('a'), node('b')],
    [{ ...bare, metadata: { ...bare.metadata, labels: {} } }, on('b', 'kept', { cpu: '2' })],
  );
  assert.equal(preempt(state, wanting('1', 9), { given: { budgets: () => [everybody] } }), 'a: bare');
});

test('a budget is broken where nothing else helps', () => {
  const state = cluster([node('a')], [on('a', 'kept', { cpu: '2', app: 'guarded' })]);
  assert.equal(preempt(state, wanting('1', 9), { given: { budgets: () => [budget(0)] } }), 'a: kept');
});

const impacts: [string, V1Pod[], string][] = [
  [
    'the lowest of the highest priorities',
    [on('a', 'p5', { cpu: '2', priority: 5 }), on('b', 'p3', { cpu: '2', priority: 3 })],
    'b: p3',
  ],
  [
    'the smallest sum of priorities, then the fewest pods',
    [on('a', 'a1', { priority: 3 }), on('a', 'a2', { priority: 3 }), on('b', 'b1', { cpu: '2', priority: 3 })],
    'b: b1',
  ],
  [
    'those that started last',
    [
      on('a', 'old', { cpu: '2', startTime: '2026-01-01T00:00:00Z' }),
      on('b', 'new', { cpu: '2', startTime: '2026-01-02T00:00:00Z' }),
    ],
    'b: new',
  ],
];
for (const [title, pods, expected] of impacts)
  test(`room is made where it hurts least: ${title}`, () => {
    assert.equal(preempt(cluster([node('a'), node('b')], pods), wanting('2', 9)), expected);
  });

test('a pod that waits for room counts for those of its priority and below, and for nobody above', () => {
  const state = cluster([node('n')]);
  const nominations = new Nominations();
  nominations.set(podInfoOf(wanting('2', 5)), 'n');
  assert.match(place(state, wanting('1', 5), { nominations }), /Insufficient cpu/);
  assert.match(place(state, wanting('1', 1), { nominations }), /Insufficient cpu/);
  assert.equal(place(state, wanting('1', 6), { nominations }), 'n');
  assert.equal(state.nodes()[0]?.pods.size, 0);
});

test('while victims go on the nominated node nobody else is preempted for the pod', () => {
  const victim = on('n', 'victim', { cpu: '2' });
  const going: V1Pod = {
    ...victim,
    metadata: { ...victim.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] },
  };
  const state = cluster([node('n'), node('m')], [going, on('m', 'other', { cpu: '2' })]);
  const wanted = { ...wanting('1', 9), status: { nominatedNodeName: 'n' } };
  assert.equal(preempt(state, wanted), 'not eligible due to a terminating pod on the nominated node.');
});

test('a nominated node that is out of the question for the pod as a whole is not waited for', () => {
  const victim = on('n', 'victim', { cpu: '2' });
  const status = { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] };
  const going = { ...victim, metadata: { ...victim.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' }, status };
  const elsewhere = { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['m'] }] };
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [elsewhere] } } };
  const state = cluster([node('n'), node('m')], [going, on('m', 'other', { cpu: '2' })]);
  const wanted = { ...pod(asking('1', { priority: 9, affinity })), status: { nominatedNodeName: 'n' } };
  assert.equal(preempt(state, wanted), 'm: other');
});

test('a pod with anti-affinity to what it would preempt fits once that is gone', () => {
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } };
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  const state = cluster([node('n')], [on('n', 'web', { cpu: '100m' }), on('n', 'db', { cpu: '100m', app: 'db' })]);
  assert.equal(preempt(state, pod(asking('100m', { priority: 9, affinity }))), 'n: web');
});
