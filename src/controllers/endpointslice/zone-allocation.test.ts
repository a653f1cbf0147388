import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node } from '../../api/gen/types.ts';
import { allocate, cpuShares, exchanges, hintedZones, isOverloaded } from './zone-allocation.ts';

const node = (zone: string, cpu: string, { ready = 'True', labels = {} } = {}) =>
  ({
    metadata: { labels: { ...(zone && { 'topology.kubernetes.io/zone': zone }), ...labels } },
    status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: ready }] },
  }) as unknown as V1Node;
const controlPlane = { labels: { 'node-role.kubernetes.io/control-plane': '' } };
const numbers = (of: Record<string, number>) => new Map(Object.entries(of));

const SHARES: readonly [title: string, nodes: V1Node[], shares: Record<string, number> | undefined][] = [
  ['no node', [], undefined],
  ['one zone', [node('a', '1'), node('a', '1')], undefined],
  ['two zones', [node('a', '1'), node('b', '1000m')], { a: 0.5, b: 0.5 }],
  ['a zone whose only node is not ready', [node('a', '1', { ready: 'False' }), node('b', '1')], undefined],
  ['a zone whose only node is the control plane', [node('a', '1'), node('b', '1', controlPlane)], undefined],
  [
    'a node that is not ready beside one that is',
    [node('a', '1'), node('b', '1'), node('b', '1', { ready: 'Unknown' })],
    { a: 0.5, b: 0.5 },
  ],
  [
    'zones of several sizes',
    [...['1', '1', '1', '2'].map((cpu) => node('a', cpu)), node('b', '3'), node('b', '1500m'), node('c', '500m')],
    { a: 0.5, b: 0.45, c: 0.05 },
  ],
  ['a node without a zone', [node('a', '1'), node('b', '1'), node('', '1')], undefined],
  ['a node without CPU', [node('a', '1'), node('b', '1'), node('b', '0')], undefined],
];
for (const [title, nodes, shares] of SHARES)
  test(`shares of the zones: ${title}`, () => {
    assert.deepEqual(cpuShares(nodes), shares && numbers(shares));
  });

test('what zones get adds up, or the reason says why they get nothing', () => {
  assert.match(String(allocate(undefined, 9)), /^Insufficient Node information: allocatable CPU or zone not specified/);
  assert.equal(allocate(numbers({ a: 0.3, b: 0.4, c: 0.3 }), 2), 'Insufficient number of endpoints (2 endpoints, 3 zones)');
  assert.match(
    String(allocate(numbers({ a: 0.98, b: 0.01, c: 0.01 }), 4)),
    /^Unable to allocate minimum required endpoints .* \(4 endpoints, 3 zones\)$/,
  );
  assert.deepEqual(
    allocate(numbers({ a: 0.5, b: 0.5 }), 6),
    new Map(['a', 'b'].map((zone) => [zone, { minimum: 3, maximum: 3, desired: 3 }])),
  );
  assert.deepEqual(
    allocate(numbers({ a: 0.75, b: 0.25 }), 8),
    new Map([
      ['a', { minimum: 5, maximum: 6, desired: 6 }],
      ['b', { minimum: 2, maximum: 3, desired: 2 }],
    ]),
  );
});

const EXCHANGES: readonly [title: string, desired: object, given: object, giving: object, receiving: object][] = [
  ['as wanted', { a: 1.2, b: 1.1, c: 1 }, { a: 1, b: 1, c: 1 }, {}, {}],
  ['the own zone goes before a slightly better spread', { a: 5.1, b: 5.1, c: 5.8 }, { a: 16 }, { a: 10 }, { b: 5, c: 5 }],
  ['to the zone that lacks most', { a: 5, b: 5.6, c: 5.4 }, { a: 16 }, { a: 11 }, { b: 6, c: 5 }],
  ['from the zone that has most', { a: 5, b: 5.6, c: 5.4 }, { b: 8, c: 8 }, { b: 2, c: 3 }, { a: 5 }],
  ['too many everywhere', { a: 5, b: 5 }, { a: 6, b: 6 }, {}, {}],
];
for (const [title, desired, given, giving, receiving] of EXCHANGES)
  test(`endpoints that zones give to others: ${title}`, () => {
    const allocations = new Map(Object.entries(desired).map(([zone, number]) => [zone, { desired: Number(number) }]));
    const found = exchanges(allocations, numbers(given as Record<string, number>));
    assert.deepEqual(Object.fromEntries(found.giving), giving);
    assert.deepEqual(Object.fromEntries(found.receiving), receiving);
  });

const endpoint = (hints: string[] | undefined, ready: boolean | undefined = true) => ({
  addresses: ['10.0.0.1'],
  conditions: { ready },
  ...(hints && { hints: { forZones: hints.map((name) => ({ name })) } }),
});
const MAXIMA = new Map([
  ['a', { maximum: 2 }],
  ['b', { maximum: 2 }],
]);
const HINTED: readonly [title: string, endpoints: object[], others: object, zones: object | undefined][] = [
  ['none', [], {}, {}],
  ['one', [endpoint(['a'])], { a: 1 }, { a: 1 }],
  [
    'those that are not ready do not count',
    [endpoint(['a']), endpoint(['a'], false), endpoint(undefined, false)],
    { a: 1 },
    { a: 1 },
  ],
  ['two zones', [endpoint(['a']), endpoint(['b']), endpoint(['b'])], {}, { a: 1, b: 2 }],
  ['a zone that has nothing to get', [endpoint(['gone'])], {}, undefined],
  ['no hints', [endpoint(undefined)], {}, undefined],
  ['empty hints', [endpoint([])], {}, undefined],
  ['more than a zone may have', [endpoint(['a']), endpoint(['a'])], { a: 1 }, undefined],
];
for (const [title, endpoints, others, zones] of HINTED)
  test(`hints that a slice has: ${title}`, () => {
    const found = hintedZones({ endpoints: endpoints as never }, numbers(others as Record<string, number>), MAXIMA);
    assert.deepEqual(found && Object.fromEntries(found), zones);
  });

test('a Service is overloaded when a zone has less than its share by more than a fifth', () => {
  const shares = numbers({ a: 0.5, b: 0.5 });
  assert.equal(isOverloaded(numbers({ a: 5, b: 5 }), shares), false);
  assert.equal(isOverloaded(numbers({ a: 6, b: 5 }), shares), false);
  assert.equal(isOverloaded(numbers({ a: 7, b: 4 }), shares), true);
  assert.equal(isOverloaded(numbers({ a: 7 }), shares), true, 'a zone that has come');
  assert.equal(isOverloaded(numbers({ a: 7 }), undefined), true, 'nothing is known of the nodes any more');
  assert.equal(isOverloaded(numbers({}), shares), false);
});
