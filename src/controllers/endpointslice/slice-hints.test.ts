import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type { V1EndpointSlice, V1Node, V1Pod, V1Service } from '../../api/gen/types.ts';
import type { EventRecorder } from '../../client/events.ts';
import { runController } from '../framework/testing-client.test-support.ts';
import { createEndpointSliceController } from './controller.ts';
import { hintModeOf, withOwnHints, withZoneHints } from './slice-hints.ts';

interface Backend {
  readonly zone?: string;
  readonly ready?: boolean;
  readonly hint?: string;
}

const slice = (...backends: Backend[]): V1EndpointSlice => ({
  addressType: 'IPv4',
  endpoints: backends.map(({ zone, ready = true, hint }, i) => ({
    addresses: [`10.0.0.${i + 1}`],
    conditions: { ready },
    nodeName: `n${i + 1}`,
    ...(zone && { zone }),
    ...(hint && { hints: { forZones: [{ name: hint }] } }),
  })),
});
const hintsOf = (slices: readonly V1EndpointSlice[]) =>
  slices.map(({ endpoints = [] }) =>
    endpoints.map(({ hints }) => hints?.forZones?.map(({ name }) => name).join() ?? '-').join(' '),
  );
const shares = (of: Record<string, number>) => new Map(Object.entries(of));

const service = (annotations: Record<string, string>, trafficDistribution?: string): V1Service => ({
  metadata: { annotations },
  spec: { trafficDistribution },
});
const OLD = 'service.kubernetes.io/topology-aware-hints';
const NEW = 'service.kubernetes.io/topology-mode';
const MODES: readonly [annotations: Record<string, string>, distribution: string | undefined, mode: string][] = [
  [{}, undefined, 'none'],
  [{}, 'PreferClose', 'PreferSameZone'],
  [{}, 'PreferSameZone', 'PreferSameZone'],
  [{}, 'PreferSameNode', 'PreferSameNode'],
  [{ [NEW]: 'Auto' }, 'PreferSameNode', 'Auto'],
  [{ [NEW]: 'auto' }, undefined, 'Auto'],
  [{ [NEW]: 'AUTO' }, undefined, 'none'],
  [{ [OLD]: 'Auto' }, undefined, 'Auto'],
  [{ [OLD]: 'Disabled', [NEW]: 'Auto' }, 'PreferClose', 'PreferSameZone'],
];
for (const [annotations, distribution, mode] of MODES)
  test(`hints by ${JSON.stringify(annotations)} and ${distribution ?? 'no distribution'} are ${mode}`, () => {
    assert.equal(hintModeOf(service(annotations, distribution)), mode);
  });

const zones = { forZones: [{ name: 'z1' }] };
const nodes = { forNodes: [{ name: 'n1' }] };
const OWN: readonly [mode: 'none' | 'PreferSameZone' | 'PreferSameNode', of: Backend, hints: object | undefined][] = [
  ['none', { zone: 'z1' }, undefined],
  ['PreferSameZone', { zone: 'z1' }, zones],
  ['PreferSameZone', {}, undefined],
  ['PreferSameZone', { zone: 'z1', ready: false }, undefined],
  ['PreferSameNode', { zone: 'z1' }, { ...zones, ...nodes }],
  ['PreferSameNode', {}, nodes],
  ['PreferSameNode', { zone: 'z1', ready: false }, undefined],
];
for (const [mode, backend, hints] of OWN)
  test(`${mode}: an endpoint with ${JSON.stringify(backend)}`, () => {
    const none = { create: [], update: [], unchanged: [] };
    for (const name of ['create', 'update'] as const)
      assert.deepEqual(withOwnHints({ ...none, [name]: [slice(backend)] }, mode)[name][0]?.endpoints?.[0]?.hints, hints);
    const kept = withOwnHints({ ...none, unchanged: [slice(backend)] }, mode);
    assert.equal(kept.update.length, hints ? 1 : 0, 'a slice without the hints that it should have is written');
    const again = withOwnHints({ ...none, unchanged: [...kept.update, ...kept.unchanged] }, mode);
    assert.equal(again.update.length, 0, 'one that has them is not');
    assert.deepEqual(
      hintsOf(withOwnHints({ ...none, unchanged: kept.update }, 'none').update),
      kept.update.map(() => '-'),
    );
  });

const a = { zone: 'a' };
const b = { zone: 'b' };
const c = { zone: 'c' };
const AUTO: readonly [
  title: string,
  shares: Record<string, number> | undefined,
  slices: { create?: V1EndpointSlice[]; update?: V1EndpointSlice[]; unchanged?: V1EndpointSlice[] },
  expected: { create?: string[]; update?: string[]; given?: object; problem?: RegExp },
][] = [
  [
    'nothing is known of the nodes',
    undefined,
    { create: [slice(a)] },
    { create: ['-'], problem: /^Insufficient Node information/ },
  ],
  [
    'more zones than endpoints',
    { a: 0.3, b: 0.4, c: 0.3 },
    { create: [slice(a, b)] },
    { create: ['- -'], problem: /^Insufficient number of endpoints \(2 endpoints, 3 zones\)$/ },
  ],
  ['each in its zone', { a: 0.45, b: 0.55 }, { create: [slice(a, b)] }, { create: ['a b'], given: { a: 1, b: 1 } }],
  [
    'one that is not ready gets none',
    { a: 0.45, b: 0.55 },
    { create: [slice(a, b, { zone: 'b', ready: false, hint: 'a' })] },
    { create: ['a b -'], given: { a: 1, b: 1 } },
  ],
  [
    'some go to another zone',
    { a: 0.35, b: 0.35, c: 0.3 },
    { create: [slice(a, b), slice(c, c, a)], update: [slice(a, a), slice(b, c, a)] },
    { create: ['b b', 'c c a'], update: ['a a', 'b c a'], given: { a: 4, b: 3, c: 3 } },
  ],
  [
    'an endpoint without a zone ends it for all',
    { a: 0.5, b: 0.5 },
    { create: [slice(a, b, {})], unchanged: [slice({ zone: 'a', hint: 'a' })] },
    { create: ['- - -'], update: ['-'], problem: /^One or more endpoints do not have a zone specified$/ },
  ],
  [
    'a slice whose hints are good stays',
    { a: 0.5, b: 0.5 },
    { create: [slice(a)], unchanged: [slice({ zone: 'a', hint: 'b' }, { zone: 'b', hint: 'b' }, { zone: 'a', hint: 'a' })] },
    { create: ['a'], update: [], given: { a: 2, b: 2 } },
  ],
  [
    'a slice with a hint to a zone that has gone is written anew',
    { a: 0.5, b: 0.5 },
    { unchanged: [slice({ zone: 'a', hint: 'gone' }, { zone: 'b', hint: 'b' })] },
    { update: ['a b'], given: { a: 1, b: 1 } },
  ],
];
for (const [title, of, slices, { create = [], update = [], given, problem }] of AUTO)
  test(`hints by the zones' shares: ${title}`, () => {
    const found = withZoneHints({ create: [], update: [], unchanged: [], ...slices }, of && shares(of));
    assert.deepEqual(hintsOf(found.slices.create), create);
    assert.deepEqual(hintsOf(found.slices.update), update);
    if ('problem' in found) assert.match(found.problem, problem ?? /^$/);
    else assert.deepEqual(Object.fromEntries([...found.given].sort()), given);
  });

test('the annotation Auto gives hints by zones, tells so, follows the nodes, and takes them back', async () => {
  const told: string[] = [];
  await using run = await runController((context) =>
    createEndpointSliceController({
      ...context,
      events: {
        event: (_: unknown, type: string, reason: string, message: string) => void told.push(`${type} ${reason}: ${message}`),
      } as unknown as EventRecorder,
    }),
  );
  const { cluster } = run;
  const putNode = (name: string, zone: string, ready = 'True') =>
    cluster.put<V1Node>(nodeKind, {
      metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
      status: { allocatable: { cpu: '2' }, conditions: [{ type: 'Ready', status: ready }] },
    } as unknown as V1Node);
  const putService = (annotations: Record<string, string>) =>
    cluster.put<V1Service>(serviceKind, {
      metadata: { name: 'web', namespace: 'ns', uid: 's', annotations },
      spec: {
        clusterIP: '10.0.0.5',
        ipFamilies: ['IPv4'],
        selector: { app: 'web' },
        ports: [{ port: 80, targetPort: 80 as never }],
      },
    });
  const hints = () => hintsOf(cluster.list<V1EndpointSlice>(endpointSliceKind));
  putNode('n1', 'a');
  putNode('n2', 'b', 'False');
  for (const [i, nodeName] of ['n1', 'n1', 'n1', 'n2', 'n2', 'n2'].entries())
    cluster.put<V1Pod>(podKind, {
      metadata: { name: `p${i}`, namespace: 'ns', uid: `p${i}`, labels: { app: 'web' } },
      spec: { nodeName, containers: [{ name: 'c' }] },
      status: {
        phase: 'Running',
        podIP: `10.1.0.${i}`,
        podIPs: [{ ip: `10.1.0.${i}` }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
  putService({ [NEW]: 'Auto' });
  await run.settle();
  assert.deepEqual(hints(), ['- - - - - -']);
  assert.match(told.join(), /^Warning TopologyAwareHintsDisabled: Insufficient Node information: .*, addressType: IPv4$/);
  told.length = 0;
  putNode('n2', 'b');
  await run.settle();
  assert.deepEqual(hints(), ['a a a b b b']);
  assert.deepEqual(told, ['Normal TopologyAwareHintsEnabled: Topology Aware Hints has been enabled, addressType: IPv4']);
  told.length = 0;
  putNode('n3', 'c');
  await run.settle();
  assert.deepEqual(hints()[0]!.split(' ').sort(), ['a', 'a', 'b', 'b', 'c', 'c'], 'a zone that has come gets its share');
  assert.deepEqual(told, [], 'they were enabled already');
  putService({});
  await run.settle();
  assert.deepEqual(hints(), ['- - - - - -']);
  assert.deepEqual(told, ['Warning TopologyAwareHintsDisabled: Topology Aware Hints has been disabled, addressType: IPv4']);
});
