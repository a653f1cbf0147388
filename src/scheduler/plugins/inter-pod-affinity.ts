import { type AffinityTerm, type NamespaceLabels, speaksOf } from '../affinity-term.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { ClusterObjects } from '../framework/cluster-objects.ts';
import type { Cycle, FilterPlan, Plugin, ScorePlan } from '../framework/plugin.ts';
import { MAX_SCORE } from '../framework/plugin.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodQuery } from '../pod-counts.ts';
import type { PodInfo } from '../pod-info.ts';
import type { PlacedTerm } from '../term-index.ts';

export interface InterPodAffinityOptions {
  /** What the required affinity of pods that are there counts for pods that it speaks of. */
  readonly hardPodAffinityWeight: number;
  readonly ignorePreferredTermsOfExistingPods: boolean;
}

const AFFINITY = { reasons: ["node(s) didn't match pod affinity rules"], unresolvable: true };
const ANTI_AFFINITY = { reasons: ["node(s) didn't match pod anti-affinity rules"], unresolvable: false };
const EXISTING = { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"], unresolvable: false };

/** Which pods want to be near which, and far from which: the pod's own terms, and those of pods that are there. */
export function createInterPodAffinity(
  options: InterPodAffinityOptions = { hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: false },
): Plugin {
  return {
    name: 'InterPodAffinity',
    queries({ pod, objects }) {
      const labels = namespaceLabels(objects);
      const { requiredAffinity, requiredAntiAffinity, preferredAffinity, preferredAntiAffinity } = pod;
      const single = [...requiredAntiAffinity, ...preferredAffinity, ...preferredAntiAffinity].map((term) =>
        queryOf([term], labels),
      );
      return requiredAffinity.length > 0 ? [queryOf(requiredAffinity, labels), ...single] : single;
    },
    planFilter,
    planScore: (cycle) => planScore(cycle, options),
    mayHelp(event, pod, objects) {
      if (event.resource === 'Namespace') return true;
      const { requiredAffinity, requiredAntiAffinity } = pod;
      const labels = namespaceLabels(objects);
      if (event.resource === 'Node') {
        const has = ({ topologyKey }: AffinityTerm) => event.node.metadata?.labels?.[topologyKey] !== undefined;
        return requiredAntiAffinity.length === 0 || requiredAffinity.every(has) || requiredAntiAffinity.some(has);
      }
      if (event.resource !== 'Pod') return false;
      const wanted = (other: PodInfo) => requiredAffinity.some((term) => speaksOf(term, other.pod, labels));
      const inTheWay = (other: PodInfo) =>
        requiredAntiAffinity.some((term) => speaksOf(term, other.pod, labels)) ||
        other.requiredAntiAffinity.some((term) => speaksOf(term, pod.pod, labels));
      if (event.action === 'add') return wanted(event.pod);
      if (event.action === 'delete') return inTheWay(event.pod);
      return wanted(event.pod) || (event.previous !== undefined && inTheWay(event.previous));
    },
  };
}

const namespaceLabels =
  (objects: ClusterObjects): NamespaceLabels =>
  (name) =>
    objects.namespace(name)?.metadata;

function planFilter({ pod, state, objects }: Cycle): FilterPlan | undefined {
  const labels = namespaceLabels(objects);
  const blocked = placesOfTerms(state.terms.requiredAnti(pod.namespace), (term) => speaksOf(term, pod.pod, labels));
  const { requiredAffinity, requiredAntiAffinity } = pod;
  if (blocked.size + requiredAffinity.length + requiredAntiAffinity.length === 0) return undefined;
  const near = matchingPlaces(state, requiredAffinity, labels);
  const far = requiredAntiAffinity.map((term) => ({ term, values: matchingPlaces(state, [term], labels).get(term.topologyKey) }));
  const nobody = [...near.values()].every((values) => values.size === 0);
  // The first of a group whose members want to be together may go anywhere.
  const isFirst = nobody && requiredAffinity.every((term) => speaksOf(term, pod.pod, labels));
  return {
    filter(node) {
      for (const { topologyKey } of requiredAffinity) {
        const value = node.labels[topologyKey];
        if (value === undefined || (!isFirst && !near.get(topologyKey)?.has(value))) return AFFINITY;
      }
      for (const { term, values } of far) {
        const value = node.labels[term.topologyKey];
        if (value !== undefined && values?.has(value)) return ANTI_AFFINITY;
      }
      for (const [key, values] of blocked) {
        const value = node.labels[key];
        if (value !== undefined && values.has(value)) return EXISTING;
      }
      return undefined;
    },
  };
}

/** The values of each term's topology key where a pod is that all of the terms speak of. */
function matchingPlaces(
  state: ClusterState,
  terms: readonly AffinityTerm[],
  labels: NamespaceLabels,
): ReadonlyMap<string, ReadonlySet<string>> {
  const places = new Map<string, Set<string>>(terms.map(({ topologyKey }) => [topologyKey, new Set()]));
  if (terms.length === 0) return places;
  for (const node of state.count(queryOf(terms, labels)).keys())
    for (const [key, values] of places) if (node.labels[key] !== undefined) values.add(node.labels[key]);
  return places;
}

function queryOf(terms: readonly AffinityTerm[], labels: NamespaceLabels): PodQuery {
  const [first] = terms;
  const single = terms.length === 1 && first!.namespaces.size === 1 && !first!.namespaceSelector;
  return {
    key: `affinity ${terms.map(({ key }) => key).join(' & ')}`,
    namespace: single ? [...first!.namespaces][0] : undefined,
    matches: ({ pod }) => terms.every((term) => speaksOf(term, pod, labels)),
  };
}

/** Topology key → values where a pod is whose term holds. */
function placesOfTerms(
  placed: Iterable<PlacedTerm>,
  holds: (term: AffinityTerm) => boolean,
): ReadonlyMap<string, ReadonlySet<string>> {
  const places = new Map<string, Set<string>>();
  for (const { term, counts } of placed) {
    if (!holds(term)) continue;
    const values = places.get(term.topologyKey) ?? new Set<string>();
    for (const node of counts.keys()) {
      const value = node.labels[term.topologyKey];
      if (value !== undefined) values.add(value);
    }
    if (values.size) places.set(term.topologyKey, values);
  }
  return places;
}

function planScore({ pod, state, objects }: Cycle, options: InterPodAffinityOptions): ScorePlan | undefined {
  const labels = namespaceLabels(objects);
  /** Topology key → value → what it is worth. */
  const worth = new Map<string, Map<string, number>>();
  const add = (topologyKey: string, counts: ReadonlyMap<NodeInfo, number>, weight: number) => {
    const values = worth.get(topologyKey) ?? new Map<string, number>();
    for (const [node, count] of counts) {
      const value = node.labels[topologyKey];
      if (value !== undefined) values.set(value, (values.get(value) ?? 0) + count * weight);
    }
    if (values.size) worth.set(topologyKey, values);
  };
  for (const term of pod.preferredAffinity) add(term.topologyKey, state.count(queryOf([term], labels)), term.weight);
  for (const term of pod.preferredAntiAffinity) add(term.topologyKey, state.count(queryOf([term], labels)), -term.weight);
  const hasOwn = pod.preferredAffinity.length + pod.preferredAntiAffinity.length > 0;
  if (!(options.ignorePreferredTermsOfExistingPods && !hasOwn)) {
    for (const { term, counts } of state.terms.required(pod.namespace))
      if (options.hardPodAffinityWeight > 0 && speaksOf(term, pod.pod, labels))
        add(term.topologyKey, counts, options.hardPodAffinityWeight);
    for (const { term, counts, weight } of state.terms.preferred(pod.namespace))
      if (speaksOf(term, pod.pod, labels)) add(term.topologyKey, counts, weight);
  }
  if (worth.size === 0) return undefined;
  return {
    score(node) {
      let sum = 0;
      for (const [key, values] of worth) {
        const value = node.labels[key];
        if (value !== undefined) sum += values.get(value) ?? 0;
      }
      return sum;
    },
    normalise: normaliseToRange,
  };
}

/** The smallest becomes 0 and the largest 100; equals become 0. The share is taken first, as upstream does: it rounds otherwise. */
function normaliseToRange(scores: number[]): void {
  let [smallest, largest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const score of scores) {
    if (score < smallest) smallest = score;
    if (score > largest) largest = score;
  }
  const range = largest - smallest;
  for (let i = 0; i < scores.length; i++) scores[i] = range > 0 ? Math.floor(MAX_SCORE * ((scores[i]! - smallest) / range)) : 0;
}
