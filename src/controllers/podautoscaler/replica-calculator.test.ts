import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V2HorizontalPodAutoscalerSpec } from '../../api/gen/types.ts';
import { tolerancesOf } from './metric-proposals.ts';
import type { PodMetrics } from './pod-metrics.ts';
import {
  type CalculatorRules,
  replicasForAverage,
  replicasForShare,
  replicasForUtilization,
  replicasForValue,
} from './replica-calculator.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const rules: CalculatorRules = {
  nowMs: NOW,
  cpuInitializationMs: 300_000,
  initialReadinessMs: 30_000,
  tolerances: { up: 0.1, down: 0.1 },
};

interface PodState {
  phase?: string;
  ready?: 'True' | 'False';
  startedAgoMs?: number;
  turnedAgoMs?: number;
  deleted?: boolean;
}

function podOf(name: string, state: PodState = {}): V1Pod {
  const { phase = 'Running', ready = 'True', startedAgoMs = 3_600_000, turnedAgoMs = 3_500_000, deleted } = state;
  const iso = (agoMs: number) => new Date(NOW - agoMs).toISOString();
  return {
    metadata: { name, ...(deleted && { deletionTimestamp: iso(0) }) },
    spec: {
      containers: [
        { name: 'main', resources: { requests: { cpu: '1' } } },
        { name: 'side', resources: { requests: { cpu: '1' } } },
      ],
    },
    status: {
      phase,
      startTime: iso(startedAgoMs),
      conditions: [{ type: 'Ready', status: ready, lastTransitionTime: iso(turnedAgoMs) }],
    },
  } as unknown as V1Pod;
}
const metricsOf = (values: Record<string, number>, ageMs = 0): PodMetrics =>
  new Map(Object.entries(values).map(([name, value]) => [name, { value, timestampMs: NOW - ageMs, windowMs: 60_000 }]));
const utilization = (current: number, target: number, values: Record<string, number>, pods: V1Pod[], ageMs = 0) =>
  replicasForUtilization(current, { resource: 'cpu', container: '', utilization: target }, metricsOf(values, ageMs), pods, rules);
const three = ['a', 'b', 'c'].map((name) => podOf(name));

test('replicas grow and shrink by how far the use of all is from its target', () => {
  assert.deepEqual(utilization(3, 30, { a: 600, b: 1000, c: 1400 }, three), { replicas: 5, value: 1000, utilization: 50 });
  assert.equal(utilization(3, 50, { a: 200, b: 200, c: 200 }, three).replicas, 1);
});

test('within the tolerance nothing is done', () => {
  assert.equal(utilization(3, 50, { a: 1050, b: 1050, c: 1050 }, three).replicas, 3);
  const narrow = { ...rules, tolerances: { up: 0, down: 0.5 } };
  const wish = (value: number) =>
    replicasForAverage(3, { resource: '', target: 1000 }, metricsOf({ a: value, b: value, c: value }), three, narrow).replicas;
  assert.deepEqual([wish(1010), wish(600)], [4, 3]);
  const fine = { behavior: { scaleUp: { tolerance: '500u' } } } as unknown as V2HorizontalPodAutoscalerSpec;
  assert.deepEqual(tolerancesOf(fine, 0.1), { up: 0.0005, down: 0.1 }, 'less than a thousandth is not rounded');
});

test('pods without a value use nothing when the others use much, and all when they use little', () => {
  assert.equal(utilization(3, 50, { a: 2000, b: 2000 }, three).replicas, 4);
  assert.equal(utilization(3, 50, { a: 200, b: 200 }, three).replicas, 3);
  assert.equal(utilization(4, 90, { a: 20, b: 20, d: 20 }, [...three, podOf('d')]).replicas, 2);
});

test('at its target nothing is done for pods without a value', () => {
  assert.equal(utilization(3, 50, { a: 1000, b: 1000 }, three).replicas, 3);
  const average = (values: Record<string, number>) =>
    replicasForAverage(3, { resource: '', target: 1000 }, metricsOf(values), three, rules).replicas;
  assert.equal(average({ a: 1000, b: 1000 }), 3);
});

test('pods that are not ready yet hold back growth and do not count else', () => {
  const young: PodState = { ready: 'False', startedAgoMs: 60_000, turnedAgoMs: 60_000 };
  const pods = [podOf('a'), podOf('b', young), podOf('c', { phase: 'Pending' })];
  assert.equal(utilization(3, 50, { a: 2000, b: 2000 }, pods).replicas, 3);
  assert.equal(utilization(3, 50, { a: 200, b: 2000 }, pods).replicas, 1);
});

test('a young pod counts only by what was measured since it became ready; an old one always', () => {
  const young = [podOf('a', { startedAgoMs: 120_000, turnedAgoMs: 30_000 })];
  assert.throws(() => utilization(1, 50, { a: 2000 }, young), /did not receive metrics for targeted pods/);
  assert.equal(utilization(1, 50, { a: 2000 }, [podOf('a', { startedAgoMs: 120_000, turnedAgoMs: 90_000 })]).replicas, 2);
  const neverReady = [podOf('a', { ready: 'False', startedAgoMs: 3_600_000, turnedAgoMs: 3_590_000 })];
  assert.throws(() => utilization(1, 50, { a: 2000 }, neverReady), /pods might be unready/);
  const oncReady = [podOf('a', { ready: 'False', startedAgoMs: 3_600_000, turnedAgoMs: 1000 })];
  assert.equal(utilization(1, 50, { a: 2000 }, oncReady).replicas, 2);
});

test('pods that are being deleted or have failed do not count', () => {
  const pods = [podOf('a'), podOf('b', { deleted: true }), podOf('c', { phase: 'Failed' })];
  assert.equal(utilization(3, 50, { a: 1000, b: 9000, c: 9000 }, pods).replicas, 3);
});

test('a container that asks for nothing makes a share impossible; one container may be looked at alone', () => {
  const pod = podOf('a');
  pod.spec!.containers[1]!.resources = {};
  assert.throws(() => utilization(1, 50, { a: 500 }, [pod]), /^Error: missing request for cpu in container side of Pod a$/);
  const alone = { resource: 'cpu', container: 'main', utilization: 50 };
  assert.equal(replicasForUtilization(1, alone, metricsOf({ a: 900 }), [pod], rules).utilization, 90);
  const absent = { ...alone, container: 'other' };
  assert.throws(
    () => replicasForUtilization(1, absent, metricsOf({ a: 900 }), [pod], rules),
    /^Error: container other not found in Pod a$/,
  );
  assert.throws(() => utilization(1, 50, {}, [pod]), /did not receive metrics for targeted pods/, 'that comes before');
  assert.throws(() => utilization(1, 50, { a: 500 }, []), /no pods returned by selector while calculating replica count/);
});

test('what is asked for the pod as a whole counts instead of what its containers ask for, but for one container', () => {
  const pod = podOf('a');
  pod.spec!.resources = { requests: { cpu: '4' } };
  assert.equal(utilization(1, 50, { a: 2000 }, [pod]).utilization, 50);
  const alone = { resource: 'cpu', container: 'main', utilization: 50 };
  assert.equal(replicasForUtilization(1, alone, metricsOf({ a: 900 }), [pod], rules).utilization, 90);
  pod.spec!.containers = [{ name: 'main' }];
  assert.equal(utilization(1, 50, { a: 2000 }, [pod]).utilization, 50);
  const memory = { resource: 'memory', container: '', utilization: 50 };
  assert.throws(
    () => replicasForUtilization(1, memory, metricsOf({ a: 900 }), [pod], rules),
    /^Error: missing pod-level request for memory in Pod a$/,
  );
});

test('a value of the whole is shared, or compared with the pods that are ready', () => {
  const { tolerances } = rules;
  assert.deepEqual(replicasForShare(3, 8000, 2000, tolerances), { replicas: 4, value: 2667 });
  assert.equal(replicasForShare(4, 8100, 2000, tolerances).replicas, 4);
  assert.deepEqual(replicasForShare(0, 8000, 2000, tolerances), { replicas: 4, value: 0 });
  assert.equal(replicasForValue(3, 4000, 2000, [...three, podOf('d', { ready: 'False' })], tolerances).replicas, 6);
  assert.equal(replicasForValue(0, 4000, 2000, [], tolerances).replicas, 2);
});
