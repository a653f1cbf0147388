import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { ANYWHERE, chooseHint, type TopologyPolicy } from '../cpus/topology-hints.ts';
import type { Device } from './device-plugin.ts';
import { planDevices } from './plan-devices.ts';

const NODES = new Set([0, 1]);
const container = (name: string, count: number, more: Partial<V1Container> = {}): V1Container => ({
  name,
  resources: { limits: { 'a.b/c': String(count), cpu: '1' } },
  ...more,
});

interface World {
  readonly devices: Readonly<Record<string, Device>>;
  readonly taken?: readonly string[];
  readonly has?: Readonly<Record<string, readonly string[]>>;
}

function plan(pod: V1Pod, { devices, taken = [], has = {} }: World) {
  return planDevices(pod, {
    devicesOf: (resource) => (resource === 'a.b/c' ? new Map(Object.entries(devices)) : undefined),
    takenOf: () => new Set(taken),
    hasOf: (name) => has[name],
  });
}

/** The devices that each container newly gets, with the policy that node and pod have. */
function taken(pod: V1Pod, world: World, policy: TopologyPolicy = 'none'): Record<string, readonly string[]> {
  const made = plan(pod, world);
  for (const one of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
    const affinity = chooseHint(policy, NODES, made.hintsOf(NODES, one));
    if (!affinity) throw new Error('misaligned');
    made.take(one, affinity);
  }
  return Object.fromEntries(made.taken.map(({ container: name, ids }) => [name, ids]));
}

const podOf = (containers: V1Container[], initContainers: V1Container[] = []): V1Pod => ({
  metadata: { uid: 'p' },
  spec: { containers, initContainers },
});
const healthy = (...numaNodes: number[]): Device => ({ healthy: true, ...(numaNodes.length > 0 && { numaNodes }) });
const sick: Device = { healthy: false };

test('only healthy devices that nobody has are given', () => {
  const devices = { a: healthy(), b: sick, c: healthy(), d: healthy() };
  assert.deepEqual(taken(podOf([container('x', 2)]), { devices, taken: ['a'] }), { x: ['c', 'd'] });
  assert.throws(() => taken(podOf([container('x', 3)]), { devices, taken: ['a'] }), {
    message: 'requested number of devices unavailable for a.b/c. Requested: 3, Available: 2',
  });
  assert.throws(() => taken(podOf([container('x', 1)]), { devices: { b: sick } }), {
    message: 'no healthy devices present; cannot allocate unhealthy devices a.b/c',
  });
});

test('two containers of a pod do not get the same device, but those after an init container get what it had', () => {
  const devices = { a: healthy(), b: healthy(), c: healthy() };
  assert.deepEqual(taken(podOf([container('x', 1), container('y', 2)]), { devices }), { x: ['a'], y: ['b', 'c'] });
  assert.deepEqual(taken(podOf([container('x', 3)], [container('i', 2), container('j', 1)]), { devices }), {
    i: ['a', 'b'],
    j: ['a'],
    x: ['a', 'b', 'c'],
  });
  const sidecar = container('s', 1, { restartPolicy: 'Always' });
  assert.deepEqual(taken(podOf([container('x', 2)], [sidecar]), { devices }), { s: ['a'], x: ['b', 'c'] });
});

test('a container keeps what it has, and asks for as many as before', () => {
  const devices = { a: healthy(), b: sick };
  const has = { x: ['b'] };
  assert.deepEqual(taken(podOf([container('x', 1)]), { devices, taken: ['b'], has }), {});
  assert.throws(() => taken(podOf([container('x', 2)]), { devices, taken: ['b'], has }), {
    message: 'pod "p" container "x" changed request for resource "a.b/c" from 1 to 2',
  });
});

test('devices come from one NUMA node where the policy wants it, or not at all', () => {
  const devices = { a: healthy(0), b: healthy(1), c: healthy(1), d: healthy(0, 1) };
  const two = podOf([container('x', 2)]);
  assert.deepEqual(taken(two, { devices, taken: ['d'] }, 'single-numa-node'), { x: ['b', 'c'] });
  assert.deepEqual(taken(two, { devices, taken: ['d', 'b'] }, 'best-effort'), { x: ['a', 'c'] });
  assert.throws(() => taken(two, { devices, taken: ['d', 'b'] }, 'single-numa-node'), /misaligned/);
  assert.throws(() => taken(two, { devices, taken: ['d', 'b'] }, 'restricted'), /misaligned/);
  // Three are on no single node for nobody: two nodes are as good as it gets.
  const four = podOf([container('x', 4)]);
  assert.deepEqual(taken(four, { devices: { ...devices, d: healthy(0) } }, 'restricted'), { x: ['a', 'b', 'c', 'd'] });
});

test('devices that say nothing of where they lie are wanted anywhere', () => {
  const made = plan(podOf([container('x', 1)]), { devices: { a: healthy() } });
  assert.deepEqual(made.hintsOf(NODES, container('x', 1)), [undefined]);
  assert.deepEqual(chooseHint('single-numa-node', NODES, [undefined]), ANYWHERE);
});

test('two resources are to agree on a node', () => {
  const at = (...nodes: number[]) => ({ nodes: new Set(nodes), preferred: nodes.length === 1 });
  const both = [at(0), at(1), at(0, 1)];
  assert.deepEqual(chooseHint('restricted', NODES, [both, [at(1), at(0, 1)]]), at(1));
  assert.equal(chooseHint('restricted', NODES, [[at(0)], [at(1)]]), undefined);
  assert.deepEqual(chooseHint('best-effort', NODES, [[at(0)], [at(1), at(0, 1)]]), { nodes: new Set([0]), preferred: false });
  assert.deepEqual(chooseHint('best-effort', NODES, [both, []]), { nodes: new Set([0]), preferred: false });
  assert.equal(chooseHint('single-numa-node', NODES, [both, [at(0, 1)]]), undefined);
});

test('a pod as a whole asks for the most that it has at a time', () => {
  const devices = { a: healthy(0), b: healthy(0), c: healthy(1) };
  const pod = podOf([container('x', 1), container('y', 1)], [container('i', 3)]);
  const [hints] = plan(pod, { devices }).hintsOf(NODES);
  assert.deepEqual(hints, [{ nodes: new Set([0, 1]), preferred: true }]);
});
