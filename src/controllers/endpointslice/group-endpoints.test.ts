import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1EndpointSlice, V1Pod, V1Service } from '../../api/gen/types.ts';
import type { Steps } from '../../std/pauses.ts';
import { groupEndpoints, groupEndpointsInSteps, planSlices, planSlicesInSteps, SLICE_CONTROLLER } from './plan.ts';

interface Situation {
  readonly ready?: boolean;
  readonly deleted?: boolean;
  readonly spec?: object;
}

function endpointOf({ ready = true, deleted = false, spec }: Situation) {
  const service = {
    metadata: { name: 'web' },
    spec: { ipFamilies: ['IPv4'], selector: { a: 'b' }, ...spec },
  } as unknown as V1Service;
  const pod = {
    metadata: { name: 'p', uid: 'u', ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { nodeName: 'n1' },
    status: { podIP: '10.0.0.1', phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  } as unknown as V1Pod;
  return groupEndpoints(service, [pod], () => undefined)[0]?.endpoints[0];
}

const early = { publishNotReadyAddresses: true };
const CONDITIONS: readonly [title: string, situation: Situation, words: string[]][] = [
  ['one that is ready', {}, ['ready', 'serving']],
  ['one that is not', { ready: false }, []],
  ['one that ends and still serves', { deleted: true }, ['serving', 'terminating']],
  ['one that is published before it is ready', { ready: false, spec: early }, ['ready']],
  ['one that is published though it ends', { ready: false, deleted: true, spec: early }, ['ready', 'terminating']],
];

for (const [title, situation, words] of CONDITIONS)
  test(`conditions of an endpoint: ${title}`, () => {
    const conditions = Object.entries(endpointOf(situation)?.conditions ?? {});
    assert.deepEqual(
      conditions.filter(([, value]) => value).map(([name]) => name),
      words,
    );
  });

test('slices for thousands of pods are planned with pauses', () => {
  const service = { metadata: { name: 'web' }, spec: { ipFamilies: ['IPv4'], selector: { a: 'b' } } } as unknown as V1Service;
  const pods = Array.from({ length: 3_000 }, (_, i) => ({
    metadata: { name: `p${i}`, uid: `u${i}` },
    spec: { nodeName: 'n1' },
    status: { podIP: `10.0.${i >> 8}.${i & 255}`, phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  })) as unknown as V1Pod[];
  let pauses = 0;
  const run = <T>(steps: Steps<T>): T => {
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      pauses++;
    }
  };
  const groups = run(groupEndpointsInSteps(service, pods, () => undefined));
  const asked = { service, groups, maxEndpoints: 100, managedBy: SLICE_CONTROLLER };
  const first = run(planSlicesInSteps({ ...asked, existing: [] }));
  assert.equal(first.create.length, 30);
  assert.equal(first.create.flatMap(({ endpoints }) => endpoints).length, 3_000);
  const again = run(planSlicesInSteps({ ...asked, existing: first.create }));
  assert.deepEqual([again.create, again.update, again.remove], [[], [], []]);
  assert.ok(pauses >= 20, `${pauses} pauses`);
});

const manyPods = (count: number, spec: (i: number) => object) =>
  Array.from({ length: count }, (_, i) => ({
    metadata: { name: `p${i}`, uid: `u${i}` },
    spec: { nodeName: 'n1', ...spec(i) },
    status: { podIP: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, phase: 'Running' },
  })) as unknown as V1Pod[];

test('a Service and its pods may have thousands of ports by name', () => {
  const names = Array.from({ length: 10_000 }, (_, i) => `p${i}`);
  const ports = names.map((name, i) => ({ name, port: i + 1, targetPort: name }));
  const service = {
    metadata: { name: 'web' },
    spec: { ipFamilies: ['IPv4'], selector: { a: 'b' }, ports },
  } as unknown as V1Service;
  const container = { name: 'c', ports: names.toReversed().map((name, i) => ({ name, containerPort: 20_000 - i })) };
  const [group, ...others] = groupEndpoints(
    service,
    manyPods(20, () => ({ containers: [container] })),
    () => undefined,
  );
  assert.deepEqual([others.length, group?.endpoints.length, group?.ports.length], [0, 20, 10_000]);
  assert.deepEqual(group?.ports[0], { name: 'p0', port: 10_001, protocol: 'TCP' });
});

test('of a pod the first container with a port of that name and protocol counts, and a port that a pod has not is left out', () => {
  const service = {
    metadata: { name: 'web' },
    spec: {
      ipFamilies: ['IPv4'],
      selector: { a: 'b' },
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 'dns' },
        { name: 'web', port: 80, targetPort: 'web' },
        { name: 'fixed', port: 1, targetPort: 2 },
      ],
    },
  } as unknown as V1Service;
  const containers = [
    { name: 'a', ports: [{ name: 'dns', containerPort: 1053 }] },
    {
      name: 'b',
      ports: [
        { name: 'dns', protocol: 'UDP', containerPort: 2053 },
        { name: 'dns', protocol: 'UDP', containerPort: 3053 },
      ],
    },
  ];
  const groups = groupEndpoints(
    service,
    manyPods(1, () => ({ containers })),
    () => undefined,
  );
  assert.deepEqual(
    groups.flatMap(({ ports }) => ports.map(({ name, port }) => `${name} ${port}`)),
    ['dns 2053', 'fixed 2'],
  );
});

test('thousands of pods with ports of their own have a slice each, which stays theirs', () => {
  const service = {
    metadata: { name: 'web' },
    spec: { ipFamilies: ['IPv4'], selector: { a: 'b' }, ports: [{ name: 'web', port: 80, targetPort: 'web' }] },
  } as unknown as V1Service;
  const pods = manyPods(5_000, (i) => ({ containers: [{ name: 'c', ports: [{ name: 'web', containerPort: i + 1 }] }] }));
  const groups = groupEndpoints(service, pods, () => undefined);
  const asked = { service, groups, maxEndpoints: 100, managedBy: SLICE_CONTROLLER };
  const first = planSlices({ ...asked, existing: [] });
  assert.equal(first.create.length, 5_000);
  const again = planSlices({ ...asked, existing: first.create });
  assert.deepEqual([again.create, again.update, again.remove], [[], [], []]);
});

test('a slice without ports is known again, also as a server in Go tells it', () => {
  const service = {
    metadata: { name: 'web' },
    spec: { clusterIP: 'None', ipFamilies: ['IPv4'], selector: {} },
  } as unknown as V1Service;
  const pod = {
    metadata: { name: 'p', uid: 'u' },
    spec: { nodeName: 'n1' },
    status: { podIP: '10.0.0.1', phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  } as unknown as V1Pod;
  const groups = groupEndpoints(service, [pod], () => undefined);
  const asked = { service, groups, maxEndpoints: 100, managedBy: SLICE_CONTROLLER };
  const [made] = planSlices({ ...asked, existing: [] }).create;
  assert.deepEqual(made?.ports, []);
  const existing = [{ ...made!, ports: null } as unknown as V1EndpointSlice];
  const { create, update, remove } = planSlices({ ...asked, existing });
  assert.deepEqual({ create, update, remove }, { create: [], update: [], remove: [] });
});
