import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { V1PodAffinityTerm, V1PodSpec, V1TopologySpreadConstraint } from '../../api/gen/types.ts';
import { selectorFromLabels } from '../../api/machinery/label-selector.ts';
import { cluster, inZone, labelled, node, owned, place, pod, scoresOf } from '../scheduling.test-support.ts';
import { createInterPodAffinity } from './inter-pod-affinity.ts';
import { createTopologySpread } from './topology-spread.ts';

const ZONE = 'topology.kubernetes.io/zone';
const web = { app: 'web' };
const term = (topologyKey = ZONE, more: Partial<V1PodAffinityTerm> = {}): V1PodAffinityTerm => ({
  topologyKey,
  labelSelector: { matchLabels: web },
  ...more,
});
const near = (...terms: V1PodAffinityTerm[]): Partial<V1PodSpec> => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const apart = (...terms: V1PodAffinityTerm[]): Partial<V1PodSpec> => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const spread = (more: Partial<V1TopologySpreadConstraint> = {}): Partial<V1PodSpec> => ({
  topologySpreadConstraints: [
    { topologyKey: ZONE, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: web }, ...more },
  ],
});
const zones = () => [inZone('a', 'z1'), inZone('b', 'z2'), node('nowhere')];

test('a pod goes near those that it wants', () => {
  const state = cluster(zones(), [pod({}, 'b', web)]);
  assert.equal(place(state, pod(near(term()))), 'b');
  assert.equal(place(cluster(zones()), pod(near(term()))), "0/3 nodes are available: 3 node(s) didn't match pod affinity rules.");
});

test('the first of a group that wants to be together goes anywhere that has the label', () => {
  assert.match(place(cluster(zones()), pod(near(term()), undefined, web)), /^[ab]$/);
  assert.match(place(cluster([node('nowhere')]), pod(near(term()), undefined, web)), /didn't match pod affinity rules/);
});

test('a pod keeps away from those that it does not want, and from those that do not want it', () => {
  const state = cluster([inZone('a', 'z1'), inZone('b', 'z2')], [pod({}, 'a', web)]);
  assert.equal(place(state, pod(apart(term()))), 'b');
  const shy = cluster([inZone('a', 'z1')], [pod(apart(term()), 'a')]);
  assert.equal(
    place(shy, pod({}, undefined, web)),
    "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.",
  );
  assert.equal(place(shy, pod()), 'a');
});

test('terms speak of their own namespace, of named ones, and of those with certain labels', () => {
  const other = { ...pod({}, 'a', web), metadata: { name: 'o', uid: 'o', namespace: 'team', labels: web } };
  const state = cluster([inZone('a', 'z1')], [other]);
  const given = { namespace: (name: string) => ({ metadata: { name, labels: { team: name === 'team' ? 'x' : 'none' } } }) };
  const says = (more: Partial<V1PodAffinityTerm>) => place(state, pod(apart(term(ZONE, more))), { given });
  assert.equal(says({}), 'a');
  assert.match(says({ namespaces: ['team'] }), /anti-affinity/);
  assert.match(says({ namespaceSelector: { matchLabels: { team: 'x' } } }), /anti-affinity/);
  assert.match(says({ namespaceSelector: {} }), /anti-affinity/);
  assert.equal(says({ namespaceSelector: { matchLabels: { team: 'y' } } }), 'a');
});

test("preferences draw and repel, the pod's own and those of pods that are there", () => {
  const preferred = (weight: number) => [{ weight, podAffinityTerm: term() }];
  const state = cluster([inZone('a', 'z1'), inZone('b', 'z2')], [pod({}, 'b', web)]);
  const likes = { affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred(100) } } };
  const dislikes = { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred(100) } } };
  assert.equal(place(state, pod(likes)), 'b');
  assert.equal(place(state, pod(dislikes)), 'a');
  assert.equal(place(cluster([inZone('a', 'z1'), inZone('b', 'z2')], [pod(likes, 'b')]), pod({}, undefined, web)), 'b');
});

test('a topology key that is named like something of JavaScript is a label like any other', () => {
  const state = cluster([node('a')], [pod({}, 'a', web)]);
  for (const key of ['constructor', '__proto__', 'toString']) {
    assert.equal(place(state, pod(apart(term(key)))), 'a');
    assert.match(place(state, pod(near(term(key)))), /didn't match pod affinity rules/);
  }
});

test('hard spreading lets no zone get ahead by more than the skew', () => {
  const full = cluster([inZone('a', 'z1'), inZone('b', 'z2')], [pod({}, 'a', web)]);
  assert.equal(place(full, pod(spread(), undefined, web)), 'b');
  const closed = cluster(
    [inZone('a', 'z1'), { ...inZone('b', 'z2'), spec: { unschedulable: true } }, node('nowhere')],
    [pod({}, 'a', web)],
  );
  assert.equal(
    place(closed, pod(spread(), undefined, web)),
    "0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label), 1 node(s) were unschedulable.",
  );
});

test('too few zones count as if one were empty', () => {
  const state = cluster([inZone('a', 'z1')], [pod({}, 'a', web)]);
  assert.equal(place(state, pod(spread({ minDomains: 1 }), undefined, web)), 'a');
  assert.match(place(state, pod(spread({ minDomains: 2 }), undefined, web)), /topology spread/);
});

test('nodes that the pod cannot have count only where the policies say so', () => {
  const tainted = { ...inZone('b', 'z2'), spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } };
  const state = cluster([inZone('a', 'z1'), tainted], [pod({}, 'a', web)]);
  assert.match(place(state, pod(spread(), undefined, web)), /topology spread/);
  assert.equal(place(state, pod(spread({ nodeTaintsPolicy: 'Honor' }), undefined, web)), 'a');
  const labels = cluster([labelled('a', { [ZONE]: 'z1', disk: 'ssd' }), inZone('b', 'z2')], [pod({}, 'a', web)]);
  const ssd = { nodeSelector: { disk: 'ssd' } };
  assert.equal(place(labels, pod({ ...spread(), ...ssd }, undefined, web)), 'a');
  assert.match(place(labels, pod({ ...spread({ nodeAffinityPolicy: 'Ignore' }), ...ssd }, undefined, web)), /topology spread/);
});

test('label keys part the revisions of a template', () => {
  const state = cluster(
    [inZone('a', 'z1'), inZone('b', 'z2')],
    [pod({}, 'b', { ...web, revision: '1' }), pod({}, 'a', { ...web, revision: '2' })],
  );
  assert.equal(place(state, pod(spread({ matchLabelKeys: ['revision'] }), undefined, { ...web, revision: '2' })), 'b');
});

test('pods that are going are not spread over', () => {
  const going = pod({}, 'a', web);
  const state = cluster(
    [inZone('a', 'z1')],
    [{ ...going, metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }],
  );
  assert.equal(place(state, pod(spread({ minDomains: 2 }), undefined, web)), 'a');
});

test('soft spreading draws to where fewer are', () => {
  const state = cluster([inZone('a', 'z1'), inZone('b', 'z2')], [pod({}, 'a', web)]);
  assert.equal(place(state, pod(spread({ whenUnsatisfiable: 'ScheduleAnyway' }), undefined, web)), 'b');
});

test('pods of a controller or a service are spread though they do not ask for it', () => {
  const state = () => cluster([inZone('a', 'z1'), inZone('b', 'z2')], [pod({}, 'a', web), pod({}, 'b'), pod({}, 'b')]);
  assert.equal(place(state(), pod({}, undefined, web)), 'a');
  assert.equal(place(state(), pod({}, undefined, web), { given: owned(web) }), 'b');
  const services = () => [{ metadata: { name: 's', namespace: 'default' }, spec: { selector: web } }];
  assert.equal(place(state(), pod({}, undefined, web), { given: { services } }), 'b');
});

test('counts that are kept up are what counting anew would say', () => {
  const change = fc.record({
    node: fc.constantFrom('a', 'b'),
    uid: fc.integer({ min: 0, max: 9 }),
    app: fc.constantFrom('web', 'db'),
    gone: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const state = cluster([inZone('a', 'z1'), inZone('b', 'z2')]);
      const selector = selectorFromLabels(web);
      const query = {
        key: 'web',
        namespace: 'default',
        matches: ({ pod: { metadata } }: { pod: { metadata?: { labels?: Record<string, string> } } }) =>
          selector.matches(metadata?.labels),
      };
      state.count(query);
      for (const { node: nodeName, uid, app, gone } of changes) {
        if (gone) state.removePod(`u${uid}`);
        else {
          const each = pod({}, nodeName, { app });
          state.setPod({ ...each, metadata: { ...each.metadata, uid: `u${uid}` } });
        }
      }
      const kept = Object.fromEntries([...state.count(query)].map(([{ name }, count]) => [name, count]));
      const anew = Object.fromEntries([...state.count({ ...query, key: 'anew' })].map(([{ name }, count]) => [name, count]));
      assert.deepEqual(kept, anew);
    }),
  );
});

test('a selector that selects everything counts nobody', () => {
  const state = cluster([inZone('a', 'z1'), inZone('b', 'z2')], [pod({}, 'a', web), pod({}, 'a', web)]);
  const everybody = { labelSelector: {} };
  assert.match(place(state, pod(spread(everybody), undefined, web)), /^[ab]$/);
  const soft = pod(spread({ ...everybody, whenUnsatisfiable: 'ScheduleAnyway' }));
  assert.deepEqual(scoresOf(createTopologySpread(), state, soft), { a: 100, b: 100 });
});

test('where nobody says how to spread, nodes without a zone are a zone together', () => {
  const there = Array.from({ length: 5 }, () => pod({}, 'a', web));
  const state = cluster([inZone('a', 'z1'), inZone('b', 'z2'), node('nowhere')], there);
  const given = owned(web);
  // 5 of them: 5 × ln 5 + 2 by node, 5 × ln 5 + 4 by zone; then 2 + 4, and 2 alone.
  assert.deepEqual(scoresOf(createTopologySpread(), state, pod({}, undefined, web), { given }), { a: 9, b: 81, nowhere: 100 });
});

test('affinity is scaled to the range by its share', () => {
  const names = ['a', 'b', 'c'];
  const wanted = (weights: number[]) =>
    pod({
      affinity: {
        podAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: weights.map((weight, i) => ({
            weight,
            podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: names[i]! } } },
          })),
        },
      },
    });
  const state = cluster(
    names.map((name) => node(name)),
    names.map((name) => pod({}, name, { app: name })),
  );
  // 100 × (29 / 100) is a little less than 29.
  assert.deepEqual(scoresOf(createInterPodAffinity(), state, wanted([100, 29])), { a: 100, b: 28, c: 0 });
  assert.deepEqual(scoresOf(createInterPodAffinity(), state, wanted([5, 5, 5])), { a: 0, b: 0, c: 0 });
});
