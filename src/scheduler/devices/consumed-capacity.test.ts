import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  ResourceV1ResourceClaim,
  V1AllocationResult,
  V1CapacityRequestPolicy,
  V1Device,
  V1ExactDeviceRequest,
} from '../../api/gen/types.ts';
import { labelled } from '../scheduling.test-support.ts';
import { AssumedClaims } from './assumed-claims.ts';
import { chooseDevices } from './choose-devices.ts';
import { consumptionOf } from './consumed-capacity.ts';
import { devicePools, devicesByNode } from './device-pools.ts';
import { createDeviceSelectors } from './device-selectors.ts';

const DRIVER = 'net.example.com';
const card = (requestPolicy?: V1CapacityRequestPolicy): V1Device => ({
  name: 'card',
  allowMultipleAllocations: true,
  capacity: { bandwidth: { value: '10Gi', ...(requestPolicy && { requestPolicy }) } },
});
const inSteps = { default: '2Gi', validRange: { min: '1Gi', max: '8Gi', step: '512Mi' } };
const inSizes = { default: '2Gi', validValues: ['2Gi', '4Gi', '8Gi'] };

const TAKEN: readonly [title: string, policy: V1CapacityRequestPolicy | undefined, asked: string | undefined, taken?: string][] =
  [
    ['what it asks for, where there is no policy', undefined, '3Gi', '3Gi'],
    ['all, when it asks for nothing in particular', undefined, undefined, '10Gi'],
    ['nothing of a device that has less', undefined, '11Gi'],
    ["the policy's default, when it asks for nothing in particular", inSteps, undefined, '2Gi'],
    ['at least the least', inSteps, '1Mi', '1Gi'],
    ['a whole number of steps', inSteps, '1025Mi', '1536Mi'],
    ['as many steps as it asks for', inSteps, '1536Mi', '1536Mi'],
    ['nothing beyond the most', inSteps, '9Gi'],
    ['what it asks for, in a range without steps', { validRange: { min: '1Gi' } }, '1500Mi', '1500Mi'],
    ['the next size', inSizes, '3Gi', '4Gi'],
    ['the size that it asks for', inSizes, '8Gi', '8Gi'],
    ['nothing beyond the largest size', inSizes, '9Gi'],
  ];

for (const [title, policy, asked, taken] of TAKEN)
  test(`a request takes of a device ${title}`, () => {
    const found = consumptionOf(DRIVER, card(policy), asked === undefined ? {} : { bandwidth: asked });
    assert.deepEqual(found?.shown, taken === undefined ? undefined : { bandwidth: taken });
  });

test('capacities go by their names with the domain of the driver or without, and one that is not there is not had', () => {
  const taken = (name: string) => consumptionOf(DRIVER, card(), { [name]: '1Gi' })?.shown;
  assert.deepEqual(taken(`${DRIVER}/bandwidth`), { bandwidth: '1Gi' });
  assert.equal(taken('other.example.com/bandwidth'), undefined);
  assert.equal(taken('queues'), undefined);
  const twice = { ...card(), capacity: { [`${DRIVER}/bandwidth`]: { value: '1Gi' }, bandwidth: { value: '9Gi' } } };
  assert.deepEqual(consumptionOf(DRIVER, twice)?.shown, { [`${DRIVER}/bandwidth`]: '1Gi' });
});

const asks = (bandwidth: string | undefined, more: Partial<V1ExactDeviceRequest> = {}, name = 'net') => ({
  name,
  exactly: {
    deviceClassName: 'nets',
    allocationMode: 'ExactCount',
    count: 1,
    ...(bandwidth && { capacity: { requests: { bandwidth } } }),
    ...more,
  },
});
const claim = (name: string, ...requests: ReturnType<typeof asks>[]): ResourceV1ResourceClaim => ({
  metadata: { name, namespace: 'default', uid: `${name}-uid` },
  spec: { devices: { requests } },
});

/** Allocations on a node with these devices, where some claims have theirs already. */
function allocate(claims: ResourceV1ResourceClaim[], devices: V1Device[], allocated: readonly V1AllocationResult[] = []) {
  const sharedCounters = [{ name: 'board', counters: { lanes: { value: '4' } } }];
  const pool = { name: 'a', generation: 1, resourceSliceCount: 1 };
  const pools = devicePools([
    { metadata: { name: 's' }, spec: { driver: DRIVER, pool, nodeName: 'a', devices, sharedCounters } },
  ]);
  const others = allocated.map((allocation, i) => ({ ...claim(`other-${i}`), status: { allocation } }));
  return chooseDevices(claims, labelled('a', {}), {
    ...{ pools, devicesOn: devicesByNode(pools), selectors: createDeviceSelectors() },
    ...new AssumedClaims().allocated({ deviceClaims: () => others }),
    classOf: () => ({ metadata: { name: 'nets' }, spec: {} }),
  });
}
const namesOf = (allocations: readonly V1AllocationResult[] | undefined) =>
  allocations?.flatMap(({ devices }) => devices?.results?.map(({ device }) => device) ?? []);

test('a device for several claims is given until its capacity is, each time under a name of its own', () => {
  const first = allocate([claim('c', asks('6Gi'))], [card()])!;
  const [result] = first[0]!.devices!.results!;
  assert.deepEqual([result?.device, result?.consumedCapacity], ['card', { bandwidth: '6Gi' }]);
  assert.match(result?.shareID ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(allocate([claim('d', asks('5Gi'))], [card()], first), undefined);
  const second = allocate([claim('d', asks('4Gi'))], [card()], first)!;
  assert.notEqual(second[0]!.devices!.results![0]!.shareID, result?.shareID);
  assert.equal(allocate([claim('e', asks('1'))], [card()], [...first, ...second]), undefined);
});

test('requests of one pod share a device as well, but a request that wants two gets two', () => {
  const both = claim('c', asks('4Gi', {}, 'one'), asks('6Gi', {}, 'other'));
  assert.deepEqual(namesOf(allocate([both], [card()])), ['card', 'card']);
  assert.equal(allocate([both, claim('d', asks('1Gi'))], [card()]), undefined);
  assert.equal(allocate([claim('c', asks('1Gi', { count: 2 }))], [card()]), undefined);
  assert.deepEqual(namesOf(allocate([claim('c', asks('1Gi', { count: 2 }))], [card(), { ...card(), name: 'next' }])), [
    'card',
    'next',
  ]);
});

test('of a device for one claim a requested capacity is what it must have, and all of it is given', () => {
  const { allowMultipleAllocations: _, ...alone } = card();
  assert.equal(allocate([claim('c', asks('11Gi'))], [alone]), undefined);
  const [allocation] = allocate([claim('c', asks('1Gi'))], [alone])!;
  assert.deepEqual(allocation?.devices?.results, [{ request: 'net', driver: DRIVER, pool: 'a', device: 'card' }]);
  assert.equal(allocate([claim('d', asks('1Gi'))], [alone], [allocation!]), undefined);
});

test('what a device for several takes of shared counters is taken once', () => {
  const onBoard = (name: string) => ({
    ...card(),
    name,
    consumesCounters: [{ counterSet: 'board', counters: { lanes: { value: '3' } } }],
  });
  const first = allocate([claim('c', asks('1Gi'))], [onBoard('card'), onBoard('next')])!;
  assert.deepEqual(namesOf(allocate([claim('d', asks('1Gi'))], [onBoard('card'), onBoard('next')], first)), ['card']);
  assert.equal(allocate([claim('d', asks('10Gi'))], [onBoard('card'), onBoard('next')], first), undefined);
});

test('who only looks at devices looks at each of them once in a claim', () => {
  const { allowMultipleAllocations: _, ...alone } = card();
  const looking = (name: string) => asks(undefined, { adminAccess: true }, name);
  assert.equal(allocate([claim('c', looking('one'), looking('other'))], [alone]), undefined);
  assert.deepEqual(namesOf(allocate([claim('c', looking('one')), claim('d', looking('one'))], [alone])), ['card', 'card']);
});

test('all devices are not to be had when one of them has a taint', () => {
  const tainted = { ...card(), name: 'next', taints: [{ key: 'broken', effect: 'NoSchedule' }] };
  const all = (more: Partial<V1ExactDeviceRequest> = {}) => claim('c', asks('1Gi', { allocationMode: 'All', ...more }));
  assert.equal(allocate([all()], [card(), tainted]), undefined);
  const tolerations = [{ key: 'broken', operator: 'Exists' }];
  assert.deepEqual(namesOf(allocate([all({ tolerations })], [card(), tainted])), ['card', 'next']);
});

test('devices that are there at once are given before those that are made ready, which say how; some belong to the node', () => {
  const later = {
    ...{ name: 'a-later', bindingConditions: ['Attached'], bindingFailureConditions: ['Broken'], bindsToNode: true },
  };
  assert.deepEqual(namesOf(allocate([claim('c', asks(undefined))], [later])), ['a-later']);
  const [allocation] = allocate([claim('c', asks(undefined))], [later])!;
  assert.deepEqual(allocation?.devices?.results, [
    {
      ...{ request: 'net', driver: DRIVER, pool: 'a', device: 'a-later' },
      ...{ bindingConditions: ['Attached'], bindingFailureConditions: ['Broken'] },
    },
  ]);
  const pool = (name: string, devices: V1Device[]) => ({
    metadata: { name },
    spec: { driver: DRIVER, pool: { name, generation: 1, resourceSliceCount: 1 }, allNodes: true, devices },
  });
  const pools = devicePools([pool('a', [later]), pool('b', [{ name: 'now' }])]);
  assert.deepEqual(
    [...pools.values()].flatMap(({ devices }) => devices.map(({ device }) => device.name)),
    ['now', 'a-later'],
  );
});
