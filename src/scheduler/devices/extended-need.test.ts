import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceV1ResourceClaim, V1DeviceClass, V1Node, V1Pod, V1ResourceSlice } from '../../api/gen/types.ts';
import { classOfResource } from '../../api/resource/v1/extended-resources.ts';
import { decide } from '../decide.ts';
import { createDefaultProfile } from '../framework/default-profile.ts';
import { podInfoOf } from '../pod-info.ts';
import { needsOf } from '../pod-needs.ts';
import { cluster, contextOf, node, objects, place, pod } from '../scheduling.test-support.ts';
import { AssumedClaims } from './assumed-claims.ts';
import type { ClaimBinder } from './claim-binder.ts';
import { createDynamicResources } from './dynamic-resources.ts';

const GPU = 'example.com/gpu';
const made = (name: string, extendedResourceName?: string, creationTimestamp = '2026-01-01T00:00:00Z') =>
  ({ metadata: { name, creationTimestamp }, spec: extendedResourceName ? { extendedResourceName } : {} }) as V1DeviceClass;
const slice = (nodeName: string, ...names: string[]): V1ResourceSlice => ({
  metadata: { name: nodeName },
  spec: {
    ...{ driver: 'gpu.example.com', nodeName, devices: names.map((name) => ({ name })) },
    pool: { name: nodeName, generation: 1, resourceSliceCount: 1 },
  },
});
const asking = (resource = GPU, count = '1') =>
  pod({ containers: [{ name: 'c', resources: { requests: { [resource]: count } } }] });
const having = (name: string, count: string): V1Node =>
  node(name, { status: { allocatable: { cpu: '2', memory: '4Gi', pods: '110', [GPU]: count } } });

interface World {
  readonly classes?: V1DeviceClass[];
  readonly slices?: V1ResourceSlice[];
  readonly claims?: ResourceV1ResourceClaim[];
}
const given = ({ classes = [made('gpus', GPU)], slices = [slice('b', 'd0')], claims = [] }: World = {}) => ({
  deviceClaims: () => claims,
  deviceClass: (name: string) => classes.find(({ metadata }) => metadata?.name === name),
  classOfResource: (name: string) => classOfResource(name, classes),
  resourceSlices: () => slices,
});
type Bound = Parameters<ClaimBinder['bind']>;
async function open() {
  const bound: Bound[] = [];
  const removed: (string | undefined)[] = [];
  const plugin = createDynamicResources(
    {
      bind: async (...args) => void bound.push(args),
      remove: async ({ metadata }) => void removed.push(metadata?.name),
      deallocate: () => Promise.resolve(),
      unreserve: () => Promise.resolve(),
      whyNeverReady: () => undefined,
    },
    new AssumedClaims(),
  );
  await plugin.prepare?.(podInfoOf(asking()), objects(given()));
  return { plugin, bound, removed, profile: createDefaultProfile('default-scheduler', [], [plugin]) };
}
const signal = new AbortController().signal;

test('of the classes with one name for their devices the newest is meant, then the first', () => {
  const classes = [made('old', GPU, '2025-01-01T00:00:00Z'), made('z', GPU), made('m', GPU), made('deviceclass', 'other.com/x')];
  assert.equal(classOfResource(GPU, classes)?.metadata?.name, 'm');
  assert.equal(classOfResource('deviceclass.resource.kubernetes.io/old', classes)?.metadata?.name, 'old');
  assert.equal(classOfResource('example.com/none', classes), undefined);
});

test('what an extended resource takes is looked for only when a class has devices under its name', async () => {
  const state = cluster([]);
  assert.deepEqual(needsOf(podInfoOf(pod()), state, given()), []);
  assert.deepEqual(needsOf(podInfoOf(asking()), state, given({ classes: [] })), ['DeviceClass']);
  assert.deepEqual(needsOf(podInfoOf(asking()), state, given()), ['ResourceClaim', 'DeviceClass', 'ResourceSlice']);
  let loads = 0;
  const binder = { bind: async () => {}, remove: async () => {}, deallocate: async () => {}, unreserve: async () => {} };
  const plugin = createDynamicResources({ ...binder, whyNeverReady: () => undefined }, new AssumedClaims(), () => {
    loads++;
    return import('./device-selectors.ts').then(({ createDeviceSelectors }) => createDeviceSelectors());
  });
  await plugin.prepare?.(podInfoOf(asking()), objects(given({ classes: [] })));
  assert.equal(loads, 0);
  await plugin.prepare?.(podInfoOf(asking()), objects(given()));
  assert.equal(loads, 1);
});

test('a pod that asks for an extended resource goes where there are devices for it, or where the node has it itself', async () => {
  const { profile } = await open();
  const bare = cluster([node('a'), node('b')]);
  const at = (world?: World, resource?: string, count?: string, state = bare) =>
    place(state, asking(resource, count), { profile, given: given(world) });
  assert.equal(at(), 'b');
  assert.equal(at({}, 'deviceclass.resource.kubernetes.io/gpus'), 'b');
  assert.equal(at({}, GPU, '2'), '0/2 nodes are available: 2 cannot allocate all claims.');
  assert.equal(at({ classes: [] }), '0/2 nodes are available: 2 Insufficient example.com/gpu.');
  assert.equal(at({ slices: [] }, GPU, '1', cluster([having('a', '1'), node('b')])), 'a');
  // What a node has itself is what it has: devices do not come on top.
  const full = cluster([having('b', '1')], [{ ...asking(), spec: { ...asking().spec!, nodeName: 'b' } }]);
  assert.equal(at({}, GPU, '1', full), '0/1 nodes are available: 1 Insufficient example.com/gpu.');
  assert.equal(at({}, GPU, '1', cluster([having('b', '0')])), 'b');
});

test("a claim is thought of with the decision, its devices are nobody else's until it is there, and it goes when binding fails", async () => {
  const { plugin, bound, removed, profile } = await open();
  const state = cluster([node('b')]);
  const wanted = asking();
  const world = given();
  const { cycle } = contextOf(state, wanted, { profile, given: world });
  const reservation = plugin.reserve?.(cycle, state.nodes()[0]!);
  assert.match(place(state, asking(), { profile, given: world }), /1 cannot allocate all claims/);
  await reservation?.commit(signal);
  const [, nodeName, allocations, , extended] = bound[0]!;
  assert.equal(nodeName, 'b');
  assert.equal(allocations.size, 0);
  assert.deepEqual(extended?.mappings, [{ containerName: 'c', requestName: 'container-0-request-0', resourceName: GPU }]);
  assert.deepEqual(extended?.allocation.devices?.results, [
    { request: 'container-0-request-0', driver: 'gpu.example.com', pool: 'b', device: 'd0' },
  ]);
  assert.equal(place(state, asking(), { profile, given: world }), 'b');

  const failing = plugin.reserve?.(cycle, state.nodes()[0]!);
  await failing?.commit(signal);
  bound[1]![4]!.onMade({ ...extended!.claim, metadata: { ...extended!.claim.metadata, name: 'made', uid: 'made-uid' } });
  failing?.release();
  assert.equal(place(state, asking(), { profile, given: world }), 'b', 'nothing of it is thought of any more');
  await failing?.undo?.(signal);
  assert.deepEqual(removed, ['made']);
});

test('a claim that an attempt before has left is taken away first', async () => {
  const { plugin, removed, profile } = await open();
  const wanted = asking();
  const { name = '', uid = '' } = wanted.metadata!;
  const left = {
    metadata: {
      ...{ name: 'left', namespace: 'default', annotations: { 'resource.kubernetes.io/extended-resource-claim': 'true' } },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true }],
    },
    spec: {},
  };
  const world = given({ claims: [left] });
  const state = cluster([node('b')]);
  assert.equal(
    place(state, wanted, { profile, given: world }),
    '0/1 nodes are available: 1 cannot schedule extended resource claim.',
  );
  const context = contextOf(state, wanted, { profile, given: world });
  const decision = decide(context);
  assert.ok('diagnosis' in decision);
  const amends = plugin.afterRefusal?.(context.cycle, decision.diagnosis);
  assert.equal(amends?.message, 'deletion of ResourceClaim completed');
  await amends?.act?.(signal);
  assert.deepEqual(removed, ['left']);
  assert.equal(place(state, asking() as V1Pod, { profile, given: world }), 'b', "it is no other pod's");
});

test('a class that gets its devices the name lets a pod be tried again', async () => {
  const { profile } = await open();
  const fit = profile.filters.find((plugin) => plugin.name === 'NodeResourcesFit')!;
  const helps = (event: Parameters<NonNullable<typeof fit.mayHelp>>[0], world: World, wanted = asking()) =>
    fit.mayHelp?.(event, podInfoOf(wanted), objects(given(world)));
  const updated = { resource: 'DeviceClass', action: 'update' } as const;
  assert.equal(helps(updated, {}), true);
  assert.equal(helps(updated, { classes: [made('gpus')] }), false);
  assert.equal(helps(updated, {}, pod()), false);
  const added = { resource: 'Node', action: 'add', node: node('n') } as const;
  assert.deepEqual([helps(added, {}), helps(added, { classes: [] })], [true, false]);
  const same = { resource: 'Node', action: 'update', node: node('n'), previous: node('n') } as const;
  assert.deepEqual([helps(same, {}), helps(same, {}, pod())], [true, false]);
});
