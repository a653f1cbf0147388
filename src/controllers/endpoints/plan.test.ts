import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1EndpointSubset, V1Pod, V1Service } from '../../api/gen/types.ts';
import { subsetsOf, truncated } from './plan.ts';

const service = (more: object = {}): V1Service =>
  ({
    metadata: { name: 'web', namespace: 'a' },
    spec: { selector: { app: 'web' }, ipFamilies: ['IPv4'], ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...more },
  }) as unknown as V1Service;

interface PodState {
  ready?: boolean;
  deleted?: boolean;
  phase?: string;
}
const pod = (ip: string, { ready = true, deleted = false, phase = 'Running' }: PodState = {}): V1Pod =>
  ({
    metadata: { name: `p-${ip}`, namespace: 'a', uid: ip, ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { nodeName: 'n', containers: [{ name: 'c' }] },
    status: { phase, podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }) as unknown as V1Pod;
const ips = (subsets: readonly V1EndpointSubset[]) =>
  subsets.map(({ addresses, notReadyAddresses }) => [addresses?.map(({ ip }) => ip), notReadyAddresses?.map(({ ip }) => ip)]);

test('pods are ready or not, and those that end or have ended are left out', () => {
  const pods = [
    pod('10.0.0.2'),
    pod('10.0.0.1'),
    pod('10.0.0.3', { ready: false }),
    pod('10.0.0.4', { deleted: true }),
    pod('10.0.0.5', { phase: 'Succeeded', ready: false }),
  ];
  const [subset] = subsetsOf(service(), pods);
  assert.deepEqual(ips([subset!]), [[['10.0.0.1', '10.0.0.2'], ['10.0.0.3']]]);
  assert.deepEqual(subset?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  assert.deepEqual(subset?.addresses?.[0]?.targetRef, { kind: 'Pod', namespace: 'a', name: 'p-10.0.0.1', uid: '10.0.0.1' });
});

test('a Service that publishes pods before they are ready has them all as ready, those that end as well', () => {
  const pods = [pod('10.0.0.1', { ready: false }), pod('10.0.0.2', { deleted: true, ready: false })];
  const found = subsetsOf(service({ publishNotReadyAddresses: true }), pods);
  assert.deepEqual(ips(found), [[['10.0.0.1', '10.0.0.2'], undefined]]);
});

test('ports that the same pods have stand together', () => {
  const ports = [
    { name: 'web', port: 80, targetPort: 'web' },
    { name: 'metrics', port: 9090, targetPort: 9090 },
  ];
  const listening = (ip: string, containerPort: number) => {
    const one = pod(ip, { ready: ip.endsWith('1') });
    one.spec!.containers[0]!.ports = [{ name: 'web', containerPort }];
    return one;
  };
  const found = subsetsOf(service({ ports }), [listening('10.0.0.1', 8080), listening('10.0.0.2', 8081)]);
  const told = found.map((one) => [...ips([one])[0]!, one.ports?.map(({ name, port }) => `${name} ${port}`)]);
  assert.deepEqual(told, [
    [['10.0.0.1'], undefined, ['web 8080']],
    [['10.0.0.1'], ['10.0.0.2'], ['metrics 9090']],
    [undefined, ['10.0.0.2'], ['web 8081']],
  ]);
  const bare = subsetsOf(service({ ports: undefined, clusterIP: 'None' }), [pod('10.0.0.1')]);
  assert.deepEqual(ips(bare), [[['10.0.0.1'], undefined]]);
  assert.equal(bare[0]?.ports, undefined);
});

const some = (count: number, prefix: string) => Array.from({ length: count }, (_, i) => ({ ip: `${prefix}.${i}` }));
const sizes = (subsets: readonly V1EndpointSubset[]) =>
  subsets.map(({ addresses = [], notReadyAddresses = [] }) => [addresses.length, notReadyAddresses.length]);

test('of too many addresses the ready ones go before the others, and each subset keeps its share', () => {
  const subset = (ready: number, waiting: number): V1EndpointSubset => ({
    addresses: some(ready, '10.0.0'),
    notReadyAddresses: some(waiting, '10.0.1'),
  });
  const cases: [V1EndpointSubset[], number[][]][] = [
    [[subset(4, 6)], [[4, 6]]],
    [[subset(4, 9)], [[4, 6]]],
    [[subset(12, 3)], [[10, 0]]],
    [
      [subset(9, 1), subset(3, 1)],
      [
        [8, 0],
        [2, 0],
      ],
    ],
    [
      [subset(2, 6), subset(2, 6)],
      [
        [2, 3],
        [2, 3],
      ],
    ],
    [[subset(0, 4), subset(10, 0)], [[10, 0]]],
  ];
  for (const [before, after] of cases) {
    const { subsets, isOver } = truncated(before, 10);
    assert.deepEqual(sizes(subsets), after);
    assert.equal(isOver, JSON.stringify(sizes(before)) !== JSON.stringify(after));
  }
});

test('thousands of ports by name that as many pods have stand in one subset', () => {
  const names = Array.from({ length: 2_000 }, (_, i) => `p${i}`);
  const ports = names.map((name, i) => ({ name, port: i + 1, targetPort: name }));
  const pods = Array.from({ length: 300 }, (_, i) => {
    const one = pod(`10.0.${i >> 8}.${i & 255}`);
    one.spec!.containers[0]!.ports = names.map((name, n) => ({ name, containerPort: n + 1 }));
    return one;
  });
  const found = subsetsOf(service({ ports }), pods);
  assert.deepEqual([found.length, found[0]?.ports?.length, found[0]?.addresses?.length], [1, 2_000, 300]);
});
