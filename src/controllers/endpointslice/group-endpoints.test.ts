import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V1Service } from '../../api/gen/types.ts';
import type { Steps } from '../../std/pauses.ts';
import { groupEndpoints, groupEndpointsInSteps, planSlicesInSteps, SLICE_CONTROLLER } from './plan.ts';

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
