import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { V1Pod } from '../api/gen/types.ts';
import type { ClusterState } from './cluster-state.ts';
import type { PodQuery } from './pod-counts.ts';
import type { podInfoOf } from './pod-info.ts';
import { cluster, node, pod } from './scheduling.test-support.ts';

const queryFor = (app: string): PodQuery => ({
  key: app,
  namespace: undefined,
  matches: ({ pod: { metadata } }) => metadata?.labels?.['app'] === app,
});
const countsOf = (state: ClusterState, app: string) =>
  Object.fromEntries([...state.count(queryFor(app))].map(([{ name }, count]) => [name, count]).sort());
const told = (nodes: number) => Array.from({ length: nodes }, (_, i) => node(`n${i}`));
const APPS = ['a', 'b', 'c'];

/** What happens in the pauses: a pod comes to a node, or the oldest goes. */
const happening = fc.record({ node: fc.nat({ max: 4 }), app: fc.nat({ max: 2 }), comes: fc.boolean() });

test('what is counted in steps is right, whatever comes and goes in between', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
      const there: V1Pod[] = [];
      const come = (nodeName: string, app: string) => {
        const one = pod({}, nodeName, { app });
        there.push(one);
        return one;
      };
      for (let i = 0; i < 1500; i++) come(`n${i % 5}`, APPS[i % 3]!);
      const state = cluster(told(5), there);
      const steps = state.prepareCounts(APPS.map(queryFor));
      let pauses = 0;
      for (const next of [...happenings, undefined]) {
        pauses += steps.next().done ? 0 : 1;
        if (next?.comes) state.setPod(come(`n${next.node}`, APPS[next.app]!));
        else if (next) state.removePod(there.shift()!.metadata!.uid!);
      }
      while (!steps.next().done) pauses++;
      assert.ok(pauses >= 4, `${pauses} pauses`);
      const fresh = cluster(told(5), there);
      for (const app of APPS) assert.deepEqual(countsOf(state, app), countsOf(fresh, app));
    }),
    { numRuns: 30 },
  );
});

test('what was counted in part when it is asked for is counted out', () => {
  const pods = Array.from({ length: 1000 }, (_, i) => pod({}, `n${i % 2}`, { app: 'a' }));
  const state = cluster(told(2), pods);
  const steps = state.prepareCounts([queryFor('a')]);
  assert.equal(steps.next().done, false);
  assert.deepEqual(countsOf(state, 'a'), { n0: 500, n1: 500 });
  while (!steps.next().done);
  assert.deepEqual(countsOf(state, 'a'), { n0: 500, n1: 500 });
});

test('more queries for one pod than are kept otherwise are all kept until the next', () => {
  const state = cluster(told(1), [pod({}, 'n0', { app: 'q7' })]);
  let asked = 0;
  const counting = (key: string): PodQuery => {
    const { matches, ...query } = queryFor(key);
    const counted = (info: ReturnType<typeof podInfoOf>) => {
      asked++;
      return matches(info);
    };
    return { ...query, matches: counted };
  };
  const queries = Array.from({ length: 1000 }, (_, i) => counting(`q${i}`));
  for (const _ of state.prepareCounts(queries));
  for (const query of queries) state.count(query);
  assert.equal(asked, 1000);
  state.count(queryFor('of another rule'));
  for (const query of queries) state.count(query);
  assert.equal(asked, 1000, 'nor does what is asked besides have any of them forgotten');
  for (const _ of state.prepareCounts([]));
  state.setPod(pod({}, 'n0'));
  assert.equal(asked, 1256, 'of those that are kept each is asked about a pod that comes');
});
