import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  ResourceV1ResourceClaim,
  V1Device,
  V1DeviceClaim,
  V1DeviceClass,
  V1ExactDeviceRequest,
  V1ResourceSlice,
  V1ResourceSliceSpec,
} from '../../api/gen/types.ts';
import { decide } from '../decide.ts';
import { createDefaultProfile } from '../framework/default-profile.ts';
import { describeDiagnosis } from '../framework/diagnosis.ts';
import { podInfoOf } from '../pod-info.ts';
import { cluster, contextOf, labelled, node, objects, place, pod, scoresOf } from '../scheduling.test-support.ts';
import { AssumedClaims } from './assumed-claims.ts';
import { chooseDevices, NodeRefusal } from './choose-devices.ts';
import { devicePools, devicesByNode } from './device-pools.ts';
import { createDeviceSelectors } from './device-selectors.ts';
import { createDynamicResources } from './dynamic-resources.ts';

const DRIVER = 'gpu.example.com';
const CLASS: V1DeviceClass = {
  metadata: { name: 'gpus' },
  spec: { selectors: [{ cel: { expression: `device.driver == "${DRIVER}"` } }] },
};
const device = (name: string, more: Partial<V1Device> = {}): V1Device => ({ name, ...more });
const slice = (devices: V1Device[], more: Partial<V1ResourceSliceSpec> = { nodeName: 'a' }): V1ResourceSlice => ({
  metadata: { name: `slice-${more.nodeName ?? 'shared'}` },
  spec: { driver: DRIVER, pool: { name: more.nodeName ?? 'pool', generation: 1, resourceSliceCount: 1 }, devices, ...more },
});
const asks = (more: Partial<V1ExactDeviceRequest> = {}, name = 'gpu') => ({
  name,
  exactly: { deviceClassName: 'gpus', allocationMode: 'ExactCount', count: 1, ...more },
});
const claim = (devices: V1DeviceClaim, name = 'c'): ResourceV1ResourceClaim => ({
  metadata: { name, namespace: 'default', uid: `${name}-uid` },
  spec: { devices },
  status: {},
});
const IDLE = { remove: () => Promise.resolve(), unreserve: () => Promise.resolve(), whyNeverReady: () => undefined };
const selecting = (expression: string) => ({ selectors: [{ cel: { expression } }] });

/** The names of the devices that are chosen, request by request; undefined: none will do. */
function chosen(
  claims: ResourceV1ResourceClaim[],
  slices: V1ResourceSlice[],
  { on = 'a', taken = [], classes = [CLASS] }: { on?: string; taken?: string[]; classes?: V1DeviceClass[] } = {},
) {
  const pools = devicePools(slices);
  const found = chooseDevices(claims, labelled(on, { zone: 'z1' }), {
    ...{ pools, devicesOn: devicesByNode(pools), selectors: createDeviceSelectors() },
    taken: new Set(taken.map((name) => JSON.stringify([DRIVER, 'a', name]))),
    consumed: new Map(),
    classOf: (name) => classes.find(({ metadata }) => metadata?.name === name),
  });
  return found?.map(({ devices }) => devices?.results?.map((result) => `${result.request}=${result.device}`).join(' '));
}

test('a claim gets as many devices of its class as it asks for, and only those of the node that nobody has', () => {
  const slices = [slice([device('d0'), device('d1'), device('d2')]), slice([device('x')], { nodeName: 'b' })];
  assert.deepEqual(chosen([claim({ requests: [asks({ count: 2 })] })], slices), ['gpu=d0 gpu=d1']);
  assert.deepEqual(chosen([claim({ requests: [asks()] })], slices, { taken: ['d0'] }), ['gpu=d1']);
  assert.equal(chosen([claim({ requests: [asks({ count: 4 })] })], slices), undefined);
  const two = [claim({ requests: [asks({ count: 2 })] }), claim({ requests: [asks({ count: 2 })] }, 'd')];
  assert.equal(chosen(two, slices), undefined, 'two claims do not get one device');
  assert.equal(chosen([claim({ requests: [asks({ allocationMode: 'All' })] })], slices, { taken: ['d1'] }), undefined);
  assert.deepEqual(chosen([claim({ requests: [asks({ allocationMode: 'All' })] })], slices), ['gpu=d0 gpu=d1 gpu=d2']);
});

test('selectors choose by attributes and capacity; a choice that leaves too little for the rest is given up', () => {
  const slices = [
    slice([
      device('small', {
        attributes: { model: { string: 'a100' }, driver: { version: '1.2.3' } },
        capacity: { memory: { value: '40Gi' } },
      }),
      device('large', {
        attributes: { model: { string: 'a100' }, driver: { version: '2.0.0' } },
        capacity: { memory: { value: '80Gi' } },
      }),
    ]),
  ];
  const large = selecting(`device.capacity["${DRIVER}"].memory.compareTo(quantity("50Gi")) > 0`);
  const old = selecting(`device.attributes["${DRIVER}"].driver.isLessThan(semver("2.0.0"))`);
  assert.deepEqual(chosen([claim({ requests: [asks(large)] })], slices), ['gpu=large']);
  assert.deepEqual(chosen([claim({ requests: [asks(old)] })], slices), ['gpu=small']);
  const named = selecting(
    `cel.bind(gpu, device.attributes["${DRIVER}"], gpu.model == "a100" && gpu.driver.isLessThan(semver("2.0.0")))`,
  );
  assert.deepEqual(chosen([claim({ requests: [asks(named)] })], slices), ['gpu=small']);
  assert.equal(
    chosen([claim({ requests: [asks(selecting('"x" in device.attributes["other.example.com"]'))] })], slices),
    undefined,
  );
  const model = selecting(`device.attributes["${DRIVER}"].model == "a100"`);
  const rest = selecting(`device.attributes["${DRIVER}"].driver.isLessThan(semver("2.0.0"))`);
  assert.deepEqual(chosen([claim({ requests: [asks(model, 'any'), asks(rest, 'old')] })], slices), ['any=large old=small']);
  assert.throws(
    () => chosen([claim({ requests: [asks(selecting(`device.attributes["${DRIVER}"].none == 1`))] })], slices),
    /^Error: claim default\/c: selector #0: runtime error: no such key: none/,
  );
});

test('of alternatives the first that can be had is taken', () => {
  const alternatives = [
    { ...asks({ count: 3 }).exactly, name: 'three' },
    { ...asks({ count: 2 }).exactly, name: 'two' },
  ];
  const wanted = claim({ requests: [{ name: 'gpu', firstAvailable: alternatives }] });
  assert.deepEqual(chosen([wanted], [slice([device('d0'), device('d1')])]), ['gpu/two=d0 gpu/two=d1']);
});

test('constraints hold for the devices of a claim: one attribute alike, or all different', () => {
  const numa = (name: string, node: number) => device(name, { attributes: { numa: { int: node } } });
  const slices = [slice([numa('d0', 0), numa('d1', 1), numa('d2', 1), device('d3')])];
  const attribute = `${DRIVER}/numa` as const;
  const requests = [asks({ count: 2 })];
  assert.deepEqual(chosen([claim({ requests, constraints: [{ matchAttribute: attribute }] })], slices), ['gpu=d1 gpu=d2']);
  assert.deepEqual(chosen([claim({ requests, constraints: [{ distinctAttribute: attribute }] })], slices), ['gpu=d0 gpu=d1']);
  const other = [{ matchAttribute: attribute, requests: ['else'] }];
  assert.deepEqual(chosen([claim({ requests, constraints: other })], slices), ['gpu=d0 gpu=d1']);
});

test('taints keep off whoever does not tolerate them; admin access looks at what others have', () => {
  const slices = [slice([device('d0', { taints: [{ key: 'broken', effect: 'NoSchedule' }] }), device('d1')])];
  assert.deepEqual(chosen([claim({ requests: [asks()] })], slices), ['gpu=d1']);
  const tolerations = [{ key: 'broken', operator: 'Exists' }];
  assert.deepEqual(chosen([claim({ requests: [asks({ tolerations })] })], slices), ['gpu=d0']);
  assert.deepEqual(chosen([claim({ requests: [asks({ adminAccess: true })] })], slices, { taken: ['d1'] }), ['gpu=d1']);
});

test('what devices share is not given out twice', () => {
  const part = (name: string, value: string) =>
    device(name, { consumesCounters: [{ counterSet: 'gpu-0', counters: { memory: { value } } }] });
  const sharedCounters = [{ name: 'gpu-0', counters: { memory: { value: '80Gi' } } }];
  const slices = [
    slice([part('half', '40Gi'), part('other-half', '40Gi'), part('whole', '80Gi')], { nodeName: 'a', sharedCounters }),
  ];
  assert.deepEqual(chosen([claim({ requests: [asks({ count: 2 })] })], slices), ['gpu=half gpu=other-half']);
  assert.equal(chosen([claim({ requests: [asks({ count: 3 })] })], slices), undefined);
  assert.deepEqual(chosen([claim({ requests: [asks()] })], slices, { taken: ['half'] }), ['gpu=other-half']);
  assert.equal(chosen([claim({ requests: [asks()] })], slices, { taken: ['whole'] }), undefined);
});

test('of a pool the newest generation counts, when all of its slices are known', () => {
  const old = slice([device('old')]);
  const pool = { name: 'a', generation: 2, resourceSliceCount: 2 };
  const half = { ...slice([device('new')], { nodeName: 'a', pool }), metadata: { name: 's2' } };
  const rest = { ...slice([device('newer')], { nodeName: 'a', pool }), metadata: { name: 's3' } };
  assert.equal(chosen([claim({ requests: [asks()] })], [old, half]), undefined);
  assert.throws(
    () => chosen([claim({ requests: [asks({ allocationMode: 'All' })] })], [old, half]),
    /^Error: claim default\/c, request gpu: asks for all devices, but resource pool gpu\.example\.com\/a is currently being updated$/,
  );
  assert.deepEqual(chosen([claim({ requests: [asks({ count: 2 })] })], [old, rest, half]), ['gpu=new gpu=newer']);
});

test('what can never be met is told as such: a pool that contradicts itself, more devices than a claim may have', () => {
  const twice = [slice([device('d0'), device('d0')])];
  assert.throws(() => chosen([claim({ requests: [asks()] })], twice), /^Error: invalid resource pools were encountered$/);
  const sound = slice([device('d1')], { nodeName: 'a', pool: { name: 'sound', generation: 1, resourceSliceCount: 1 } });
  assert.deepEqual(chosen([claim({ requests: [asks()] })], [...twice, sound]), ['gpu=d1']);
  const greedy = claim({ requests: [asks({ count: 20 }, 'a'), asks({ count: 13 }, 'b')] });
  assert.throws(
    () => chosen([greedy], [sound]),
    /^Error: claim default\/c: number of requested devices 33 exceeds the claim limit of 32$/,
  );
});

test('an allocation says where it can be used, and how its devices are set up', () => {
  const config = { opaque: { driver: DRIVER, parameters: { a: 1 } } };
  const configured = { ...CLASS, spec: { ...CLASS.spec, config: [config] } };
  const zone = { key: 'zone', operator: 'In', values: ['z1'] };
  const nodeSelector = { nodeSelectorTerms: [{ matchExpressions: [zone] }] };
  const pools = devicePools([slice([device('d0')], { nodeSelector }), slice([device('d1')])]);
  const all = {
    pools,
    devicesOn: devicesByNode(pools),
    taken: new Set<string>(),
    consumed: new Map(),
    selectors: createDeviceSelectors(),
  };
  const wanted = claim({
    requests: [asks()],
    config: [
      { ...config, requests: ['gpu'] },
      { ...config, requests: ['other'] },
    ],
  });
  const allocate = (name: string) =>
    chooseDevices([wanted], labelled(name, { zone: 'z1' }), { ...all, classOf: () => configured })?.[0];
  assert.deepEqual(allocate('b')?.nodeSelector, nodeSelector);
  assert.deepEqual(allocate('a'), {
    devices: {
      results: [{ request: 'gpu', driver: DRIVER, pool: 'a', device: 'd1' }],
      config: [
        { ...config, source: 'FromClass', requests: ['gpu'] },
        { ...config, source: 'FromClaim', requests: ['gpu'] },
      ],
    },
    nodeSelector: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }] },
  });
});

test('a pod goes where its claims can be met, once, and is told why not', async () => {
  const bound: unknown[] = [];
  const { promise: never } = Promise.withResolvers<void>();
  const plugin = createDynamicResources(
    {
      ...IDLE,
      bind: (_pod, _node, allocations) => {
        bound.push(...allocations.values());
        return never;
      },
      deallocate: async (claim) => void bound.push(claim),
    },
    new AssumedClaims(),
  );
  const wanted = claim({ requests: [asks()] });
  const given = {
    deviceClaim: (key: string) => (key === 'default/c' ? wanted : undefined),
    deviceClaims: () => [wanted],
    deviceClass: () => CLASS as V1DeviceClass | undefined,
    resourceSlices: () => [slice([device('d0')], { nodeName: 'b' })],
  };
  const claiming = pod({ resourceClaims: [{ name: 'gpu', resourceClaimName: 'c' }] });
  await plugin.prepare?.(podInfoOf(claiming), objects());
  const profile = createDefaultProfile('default-scheduler', [], [plugin]);
  const state = cluster([node('a'), node('b')]);
  assert.equal(place(state, claiming, { profile, given }), 'b');
  const none = { ...given, resourceSlices: () => [] };
  assert.equal(place(state, claiming, { profile, given: none }), '0/2 nodes are available: 2 cannot allocate all claims.');
  const pool = { name: 'b', generation: 1, resourceSliceCount: 1 };
  const unsound = { ...given, resourceSlices: () => [slice([device('d0'), device('d0')], { nodeName: 'b', pool })] };
  assert.equal(
    place(state, claiming, { profile, given: unsound }),
    '0/2 nodes are available: 1 cannot allocate all claims, 1 invalid resource pools were encountered.',
  );
  const failing = { ...CLASS, spec: selecting('device.attributes["x.example.com"].none == 1') };
  assert.throws(
    () => place(state, claiming, { profile, given: { ...given, deviceClass: () => failing } }),
    /^Error: running "DynamicResources" filter plugin: class gpus: selector #0: /,
  );
  assert.equal(
    place(state, claiming, { profile, given: { ...given, deviceClass: () => undefined } }),
    '0/2 nodes are available: request gpu: device class gpus does not exist.',
  );
  assert.equal(
    place(state, pod({ resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] }), { profile, given }).replace(
      /pod-\d+/,
      'p',
    ),
    '0/2 nodes are available: pod "default/p", spec.resourceClaim "gpu": ResourceClaim not created yet.',
  );
  const { cycle } = contextOf(state, claiming, { profile, given });
  const reservation = plugin.reserve?.({ ...cycle, objects: objects(given) }, state.nodes().find(({ name }) => name === 'b')!);
  void reservation?.commit(new AbortController().signal);
  assert.equal(bound.length, 1);
  assert.equal(
    place(state, claiming, { profile, given }),
    '0/2 nodes are available: resource claim default/c is in the process of being allocated.',
  );
  reservation?.release();
  assert.equal(place(state, claiming, { profile, given }), 'b');
});

test('devices that nobody uses, and that are where the pod cannot be, are taken back', async () => {
  const deallocated: string[] = [];
  const plugin = createDynamicResources(
    {
      ...IDLE,
      bind: () => Promise.reject(new Error('no node will do')),
      deallocate: async ({ metadata }) => void deallocated.push(metadata?.name ?? ''),
    },
    new AssumedClaims(),
  );
  const claiming = pod({ resourceClaims: [{ name: 'gpu', resourceClaimName: 'c' }] });
  await plugin.prepare?.(podInfoOf(claiming), objects());
  const elsewhere = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['z'] }] }] };
  const state = cluster([node('a')]);
  const afterwards = (status: ResourceV1ResourceClaim['status']) => {
    const given = { deviceClaim: () => ({ ...claim({ requests: [asks()] }), status }), deviceClass: () => CLASS };
    const context = contextOf(state, claiming, { profile: createDefaultProfile('default-scheduler', [], [plugin]), given });
    const decision = decide(context);
    assert.ok('diagnosis' in decision);
    assert.equal(describeDiagnosis(decision.diagnosis), '0/1 nodes are available: 1 resourceclaim not available on the node.');
    return plugin.afterRefusal?.(context.cycle, decision.diagnosis);
  };
  const used = { allocation: { nodeSelector: elsewhere }, reservedFor: [{ resource: 'pods', name: 'other', uid: 'other' }] };
  assert.deepEqual(afterwards(used), { message: 'still not schedulable' });
  const amends = afterwards({ allocation: { nodeSelector: elsewhere } });
  assert.equal(amends?.message, 'deallocation of ResourceClaim completed');
  await amends?.act?.(new AbortController().signal);
  assert.deepEqual(deallocated, ['c']);
});

test('devices that never become ready are told as not there, and taken back', async () => {
  const failure = 'claim c binding timeout';
  const plugin = createDynamicResources(
    {
      ...IDLE,
      bind: () => Promise.reject(new Error('no node will do')),
      deallocate: () => Promise.resolve(),
      whyNeverReady: ({ metadata }) => (metadata?.name === 'c' ? failure : undefined),
    },
    new AssumedClaims(),
  );
  const claiming = pod({ resourceClaims: ['c', 'd'].map((name) => ({ name, resourceClaimName: name })) });
  await plugin.prepare?.(podInfoOf(claiming), objects());
  const state = cluster([node('a')]);
  const refusedWith = (slices: V1ResourceSlice[]) => {
    const given = {
      deviceClaim: (key: string) => ({
        ...claim({ requests: [asks()] }, key.slice(-1)),
        ...(key.endsWith('c') && { status: { allocation: {} } }),
      }),
      deviceClass: () => CLASS,
      resourceSlices: () => slices,
    };
    const context = contextOf(state, claiming, { profile: createDefaultProfile('default-scheduler', [], [plugin]), given });
    const decision = decide(context);
    assert.ok('diagnosis' in decision);
    const amends = plugin.afterRefusal?.(context.cycle, decision.diagnosis);
    return [describeDiagnosis(decision.diagnosis), amends?.message];
  };
  assert.deepEqual(refusedWith([slice([device('d0')])]), [
    '0/1 nodes are available: 1 resourceclaim not available on the node.',
    'deallocation of ResourceClaim completed',
  ]);
  assert.deepEqual(refusedWith([]), ['0/1 nodes are available: 1 cannot allocate all claims.', 'still not schedulable']);
});

test('a pod goes where it gets more of what it wants most', async () => {
  const plugin = createDynamicResources(
    { ...IDLE, bind: () => Promise.resolve(), deallocate: () => Promise.resolve() },
    new AssumedClaims(),
  );
  const large = { ...asks(selecting('device.attributes["gpu.example.com"].?size.orValue(0) == 2')).exactly, name: 'large' };
  const wanted = claim({ requests: [{ name: 'gpu', firstAvailable: [large, { ...asks().exactly, name: 'any' }] }] });
  const sized = (name: string, int: number) => device(name, { attributes: { size: { int } } });
  const given = {
    deviceClaim: () => wanted,
    deviceClaims: () => [wanted],
    deviceClass: () => CLASS,
    resourceSlices: () => [slice([sized('s', 1)], { nodeName: 'a' }), slice([sized('l', 2)], { nodeName: 'b' })],
  };
  const claiming = pod({ resourceClaims: [{ name: 'gpu', resourceClaimName: 'c' }] });
  await plugin.prepare?.(podInfoOf(claiming), objects());
  const state = cluster([node('a'), node('b')]);
  assert.deepEqual(scoresOf(plugin, state, claiming, { given }), { a: 87, b: 100 });
  assert.equal(scoresOf(plugin, state, pod(), { given }), undefined);
});

test('two profiles do not give one device between the decision and what is written', async () => {
  const assumed = new AssumedClaims();
  const never = { ...IDLE, bind: () => new Promise<void>(() => undefined), deallocate: () => Promise.resolve() };
  const [one, other] = [createDynamicResources(never, assumed), createDynamicResources(never, assumed)];
  const claims = new Map(['c', 'd'].map((name) => [`default/${name}`, claim({ requests: [asks()] }, name)]));
  const given = {
    deviceClaim: (key: string) => claims.get(key),
    deviceClaims: () => [...claims.values()],
    deviceClass: () => CLASS,
    resourceSlices: () => [slice([device('d0')])],
  };
  const claiming = (name: string) => pod({ resourceClaims: [{ name: 'gpu', resourceClaimName: name }] });
  const state = cluster([node('a')]);
  for (const plugin of [one, other]) await plugin.prepare?.(podInfoOf(claiming('c')), objects());
  const { cycle } = contextOf(state, claiming('c'), { given });
  one.reserve?.(cycle, state.nodes()[0]!);
  const profile = createDefaultProfile('other', [], [other]);
  assert.match(place(state, claiming('d'), { profile, given }), /1 cannot allocate all claims/);
});

test('a search that takes too long ends, and says so', () => {
  // Twenty of forty that must all be of another kind, where there are but ten kinds: no choice will do, and there are many to try.
  const attributes = (i: number) => ({ [`${DRIVER}/kind`]: { string: `k${i % 10}` } });
  const slices = [slice(Array.from({ length: 40 }, (_, i) => device(`d${i}`, { attributes: attributes(i) })))];
  const wanted = { requests: [asks({ count: 20 })], constraints: [{ distinctAttribute: `${DRIVER}/kind` }] };
  const refused = (timeoutMs?: number) => {
    const pools = devicePools(slices);
    const offer = {
      ...{ pools, devicesOn: devicesByNode(pools), selectors: createDeviceSelectors(), timeoutMs },
      ...{ taken: new Set<string>(), consumed: new Map(), classOf: () => CLASS },
    };
    return () => chooseDevices([claim(wanted)], labelled('a', {}), offer);
  };
  assert.throws(refused(), new NodeRefusal('timed out trying to allocate devices'));
  assert.throws(refused(-1), new NodeRefusal('timed out trying to allocate devices'));
});

test('a pool in which a counter is told of twice, or is not there, gives nothing', () => {
  const part = (counterSet: string, counter: string) =>
    device('part', { consumesCounters: [{ counterSet, counters: { [counter]: { value: '1' } } }] });
  const board = { name: 'board', counters: { lanes: { value: '4' } } };
  const pool = { name: 'pool', generation: 1, resourceSliceCount: 3 };
  const counting = (name: string, sharedCounters: object[]) =>
    ({ ...slice([], { allNodes: true, pool, sharedCounters: sharedCounters as never }), metadata: { name } }) as V1ResourceSlice;
  const of = (devices: V1Device[], more: object[] = []) => [
    counting('one', [board]),
    counting('two', more),
    slice(devices, { allNodes: true, pool }),
  ];
  const wanted = [claim({ requests: [asks()] })];
  assert.deepEqual(chosen(wanted, of([part('board', 'lanes')])), ['gpu=part']);
  const invalid = new NodeRefusal('invalid resource pools were encountered');
  assert.throws(() => chosen(wanted, of([part('board', 'lanes')], [board])), invalid);
  assert.throws(() => chosen(wanted, of([part('other', 'lanes')])), invalid);
  assert.throws(() => chosen(wanted, of([device('whole'), part('board', 'memory')])), invalid);
});
