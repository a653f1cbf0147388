import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V1Service } from '../../api/gen/types.ts';
import { groupEndpoints } from './plan.ts';

interface Situation {
  readonly ready?: boolean;
  readonly deleted?: boolean;
  readonly zone?: string;
  readonly spec?: object;
}

function endpointOf({ ready = true, deleted = false, zone, spec }: Situation) {
  const service = {
    metadata: { name: 'web' },
    spec: { ipFamilies: ['IPv4'], selector: { a: 'b' }, ...spec },
  } as unknown as V1Service;
  const pod = {
    metadata: { name: 'p', uid: 'u', ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { nodeName: 'n1' },
    status: { podIP: '10.0.0.1', phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  } as unknown as V1Pod;
  return groupEndpoints(service, [pod], () => zone)[0]?.endpoints[0];
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

const zones = { forZones: [{ name: 'z1' }] };
const nodes = { forNodes: [{ name: 'n1' }] };
const HINTS: readonly [
  trafficDistribution: string | undefined,
  zone: string | undefined,
  ready: boolean,
  hints: object | undefined,
][] = [
  [undefined, 'z1', true, undefined],
  ['PreferClose', 'z1', true, zones],
  ['PreferSameZone', 'z1', true, zones],
  ['PreferSameZone', undefined, true, undefined],
  ['PreferSameZone', 'z1', false, undefined],
  ['PreferSameNode', 'z1', true, { ...zones, ...nodes }],
  ['PreferSameNode', undefined, true, nodes],
  ['PreferSameNode', 'z1', false, undefined],
];

for (const [trafficDistribution, zone, ready, hints] of HINTS)
  test(`hints of an endpoint that is ${ready ? '' : 'not '}ready: ${trafficDistribution ?? 'none asked for'}, ${zone ?? 'no zone'}`, () => {
    assert.deepEqual(endpointOf({ ready, zone, spec: { trafficDistribution } })?.hints, hints);
  });
