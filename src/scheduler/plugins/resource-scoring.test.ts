import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V1PodSpec } from '../../api/gen/types.ts';
import { podInfoOf } from '../pod-info.ts';
import { cluster, node, pod, scoresOf } from '../scheduling.test-support.ts';
import { createBalancedAllocation, createNodeResourcesFit } from './node-resources.ts';
import { CPU_AND_MEMORY, type ScoringStrategy, type Shape } from './resource-scoring.ts';

const MIB = 1024 * 1024;
const container = (requests?: Record<string, string>) => ({ name: 'c', ...(requests && { resources: { requests } }) });
const containers = (...requests: (Record<string, string> | undefined)[]): Partial<V1PodSpec> => ({
  containers: requests.map(container),
});

const assumptions: [string, Partial<V1PodSpec>, number, number][] = [
  ['one container that says nothing', containers(undefined), 100, 200],
  ['two that say nothing', containers(undefined, undefined), 200, 400],
  ['one that says something beside one that does not', containers({ cpu: '300m', memory: '64Mi' }, undefined), 400, 264],
  ['one that says cpu only', containers({ cpu: '1' }), 1000, 200],
  ['zero is an amount', containers({ cpu: '0', memory: '0' }), 0, 0],
  ['overhead comes on top', { ...containers(undefined), overhead: { cpu: '50m', memory: '10Mi' } }, 150, 210],
  ['an init container at its peak', { ...containers({ cpu: '10m' }), initContainers: [container()] }, 100, 200],
  [
    'a sidecar beside the others',
    { ...containers(undefined), initContainers: [{ ...container(), restartPolicy: 'Always' }] },
    200,
    400,
  ],
  [
    'what is asked for the pod as a whole',
    { ...containers(undefined, undefined), resources: { requests: { cpu: '70m', memory: '32Mi' } } },
    70,
    32,
  ],
  [
    'cpu asked for the pod as a whole, and nothing of memory',
    { ...containers(undefined, undefined), resources: { requests: { cpu: '70m' } } },
    70,
    400,
  ],
];
for (const [title, spec, cpu, memory] of assumptions)
  test(`scoring takes every container to want something: ${title}`, () => {
    const { assumedCpu, assumedMemory } = podInfoOf(pod(spec));
    assert.deepEqual([assumedCpu, assumedMemory / MIB], [cpu, memory]);
  });

const wanting = (cpu: string, memory: string): V1Pod => pod(containers({ cpu, memory }));
const thousand = node('n', { status: { allocatable: { cpu: '1', memory: '1000', pods: '10' } } });
const shape = (...points: [number, number][]): Shape => points.map(([utilization, score]) => ({ utilization, score }));
const ratio = (points: Shape): ScoringStrategy => ({
  type: 'RequestedToCapacityRatio',
  resources: CPU_AND_MEMORY,
  shape: points,
});
const RISING = shape([0, 0], [100, 10]);
const strategies: [string, ScoringStrategy, V1Pod, number][] = [
  ['a ratio is worked out on the full range', ratio(RISING), wanting('550m', '550'), 55],
  [
    'a ratio between points that are near each other',
    ratio(shape([0, 0], [40, 7], [41, 3], [100, 10])),
    wanting('390m', '390'),
    68,
  ],
  ['a ratio before the first point', ratio(shape([50, 4], [100, 10])), wanting('100m', '100'), 40],
  ['a ratio after the last point', ratio(shape([0, 2], [50, 8])), wanting('900m', '900'), 80],
  ['a falling ratio', ratio(shape([0, 10], [100, 0])), wanting('250m', '250'), 75],
  ['a resource that scores nothing does not lower a ratio', ratio(RISING), wanting('500m', '1'), 50],
  ['too much is as full as can be', ratio(RISING), wanting('3', '3000'), 100],
  ['least allocated', { type: 'LeastAllocated', resources: CPU_AND_MEMORY }, wanting('250m', '750'), 50],
  ['least allocated, of too much', { type: 'LeastAllocated', resources: CPU_AND_MEMORY }, wanting('2', '500'), 25],
  ['most allocated', { type: 'MostAllocated', resources: CPU_AND_MEMORY }, wanting('250m', '700'), 47],
  ['most allocated, of too much', { type: 'MostAllocated', resources: CPU_AND_MEMORY }, wanting('2', '500'), 75],
  [
    'weights',
    {
      type: 'LeastAllocated',
      resources: [
        { name: 'cpu', weight: 3 },
        { name: 'memory', weight: 1 },
      ],
    },
    wanting('1', '0'),
    25,
  ],
  [
    'a resource that the node has none of',
    { type: 'LeastAllocated', resources: [...CPU_AND_MEMORY, { name: 'ephemeral-storage', weight: 1 }] },
    wanting('250m', '750'),
    50,
  ],
  [
    'a resource of others that the pod does not want',
    { type: 'LeastAllocated', resources: [...CPU_AND_MEMORY, { name: 'example.com/gpu', weight: 1 }] },
    wanting('250m', '750'),
    50,
  ],
];
for (const [title, strategy, wanted, expected] of strategies)
  test(`a node is scored by how full it will be: ${title}`, () => {
    const gpus = node('n', { status: { allocatable: { ...thousand.status!.allocatable, 'example.com/gpu': '4' } } });
    const fit = createNodeResourcesFit({ strategy, ignoredResources: [], ignoredGroups: [] });
    assert.deepEqual(scoresOf(fit, cluster([gpus]), wanted), { n: expected });
  });

test('a node gains by becoming more balanced, and loses by becoming less so, by what is requested in truth', () => {
  const disk = node('n', { status: { allocatable: { ...thousand.status!.allocatable, 'ephemeral-storage': '9' } } });
  const of = (names: string[], wanted: V1Pod, ...others: V1Pod[]) =>
    scoresOf(createBalancedAllocation(names.map((name) => ({ name, weight: 1 }))), cluster([disk], others), wanted);
  const there = (cpu: string, memory: string): V1Pod => {
    const other = wanting(cpu, memory);
    return { ...other, spec: { ...other.spec!, nodeName: 'n' } };
  };
  // Of an empty node, which is balanced: nothing changes, or it is as lopsided as can be.
  assert.deepEqual(of(['cpu', 'memory'], wanting('500m', '500')), { n: 75 });
  assert.deepEqual(of(['cpu', 'memory'], wanting('1', '0')), { n: 50 });
  assert.deepEqual(of(['cpu', 'memory'], wanting('3', '250')), { n: 56 });
  assert.deepEqual(of(['cpu'], wanting('1', '0')), { n: 75 });
  assert.deepEqual(of(['cpu', 'memory', 'ephemeral-storage'], wanting('1', '0')), { n: 51 });
  // Of one that is lopsided: what makes up for that counts most.
  assert.deepEqual(of(['cpu', 'memory'], wanting('0', '1000'), there('1', '0')), { n: 100 });
  assert.deepEqual(of(['cpu', 'memory'], wanting('0', '500'), there('1', '0')), { n: 87 });
  assert.deepEqual(of(['cpu', 'memory'], wanting('250m', '250'), there('500m', '0')), { n: 75 });
  assert.equal(of(['cpu', 'memory'], pod()), undefined);
});
