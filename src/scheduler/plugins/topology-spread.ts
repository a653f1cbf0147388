import type { V1Node } from '../../api/gen/types.ts';
import { type Cycle, type FilterPlan, MAX_SCORE, type Plugin, type ScorePlan } from '../framework/plugin.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import { constraintsFor, HOSTNAME, type SpreadConstraint, type SpreadDefaults, SYSTEM_DEFAULTS } from './spread-constraint.ts';

const TEXT = "node(s) didn't match pod topology spread constraints";
const SKEWED = { reasons: [TEXT], unresolvable: false };
const LABEL_MISSING = { reasons: [`${TEXT} (missing required label)`], unresolvable: true };

/** Pods are spread over zones, nodes or whatever else nodes bear as a label: hard constraints filter, soft ones score. */
export function createTopologySpread(defaults: SpreadDefaults = SYSTEM_DEFAULTS): Plugin {
  return {
    name: 'PodTopologySpread',
    planFilter: (cycle) => planFilter(cycle, constraintsFor(cycle, 'DoNotSchedule', defaults)),
    planScore: (cycle, nodes) => planScore(cycle, { nodes, defaults }),
    mayHelp(event, pod, objects) {
      if (event.resource === 'Pod' && event.pod.namespace !== pod.namespace) return false;
      const constraints = constraintsFor({ pod, objects }, 'DoNotSchedule', defaults);
      if (event.resource === 'Pod') {
        const counts = ({ pod: { metadata } }: PodInfo) => constraints.some(({ selector }) => selector.matches(metadata?.labels));
        return counts(event.pod) || (event.previous !== undefined && counts(event.previous));
      }
      const isPlace = (node: V1Node) =>
        constraints.every(({ topologyKey }) => node.metadata?.labels?.[topologyKey] !== undefined);
      if (event.resource === 'NodeGone') return isPlace(event.node);
      return event.resource === 'Node' && (isPlace(event.node) || (event.previous !== undefined && isPlace(event.previous)));
    },
  };
}

const hasLabels = (node: NodeInfo, constraints: readonly SpreadConstraint[]) =>
  constraints.every(({ topologyKey }) => node.labels[topologyKey] !== undefined);

function planFilter({ pod, state }: Cycle, constraints: readonly SpreadConstraint[]): FilterPlan | undefined {
  if (constraints.length === 0) return undefined;
  const places = state.nodes().filter((node) => hasLabels(node, constraints));
  // Then each node lacks one of the labels, however many pods there are.
  if (places.length === 0) return { filter: () => LABEL_MISSING };
  const checks = constraints.map((constraint) => {
    const perNode = state.count(constraint.query);
    const domains = new Map<string, number>();
    for (const node of places) {
      if (!constraint.includes(node)) continue;
      const value = node.labels[constraint.topologyKey]!;
      domains.set(value, (domains.get(value) ?? 0) + (perNode.get(node) ?? 0));
    }
    let least = Number.POSITIVE_INFINITY;
    for (const count of domains.values()) if (count < least) least = count;
    if (domains.size < constraint.minDomains) least = 0;
    const self = constraint.selector.matches(pod.pod.metadata?.labels) ? 1 : 0;
    return { key: constraint.topologyKey, domains, most: least + constraint.maxSkew - self };
  });
  return {
    filter(node) {
      for (const { key, domains, most } of checks) {
        const value = node.labels[key];
        if (value === undefined) return LABEL_MISSING;
        if ((domains.get(value) ?? 0) > most) return SKEWED;
      }
      return undefined;
    },
  };
}

function planScore(
  cycle: Cycle,
  { nodes, defaults }: { nodes: readonly NodeInfo[]; defaults: SpreadDefaults },
): ScorePlan | undefined {
  const { pod, state } = cycle;
  const constraints = constraintsFor(cycle, 'ScheduleAnyway', defaults);
  if (constraints.length === 0) return undefined;
  const needsAll = Boolean(pod.pod.spec?.topologySpreadConstraints?.length) || !defaults.isSystem;
  const ignored = new Set(needsAll ? nodes.filter((node) => !hasLabels(node, constraints)) : []);
  // All are worth nothing.
  if (ignored.size === nodes.length) return undefined;
  const parts = constraints.map((constraint) => {
    const { topologyKey, maxSkew, query } = constraint;
    const perNode = state.count(query);
    if (topologyKey === HOSTNAME) {
      const weight = Math.log(nodes.length - ignored.size + 2);
      return (node: NodeInfo) => (node.labels[HOSTNAME] === undefined ? 0 : (perNode.get(node) ?? 0) * weight + maxSkew - 1);
    }
    // With upstream's defaults the nodes without the label are a place together.
    const domains = new Map<string, number>();
    for (const node of nodes) if (!ignored.has(node)) domains.set(node.labels[topologyKey] ?? '', 0);
    const weight = Math.log(domains.size + 2);
    for (const [node, count] of perNode) {
      const value = node.labels[topologyKey];
      if (value === undefined || !domains.has(value) || (needsAll && !hasLabels(node, constraints))) continue;
      if (constraint.includes(node)) domains.set(value, domains.get(value)! + count);
    }
    return (node: NodeInfo) => {
      const value = node.labels[topologyKey];
      return value === undefined ? 0 : (domains.get(value) ?? 0) * weight + maxSkew - 1;
    };
  });
  return {
    score: (node) => (ignored.has(node) ? 0 : Math.round(parts.reduce((sum, part) => sum + part(node), 0))),
    normalise: (scores, of) => normaliseBySkew(scores, (i) => ignored.has(of[i]!)),
  };
}

/** The fewer there are, the better; nodes without the labels are worst (podtopologyspread/scoring.go). */
function normaliseBySkew(scores: number[], isIgnored: (i: number) => boolean): void {
  let [smallest, largest] = [Number.POSITIVE_INFINITY, 0];
  for (const [i, score] of scores.entries()) {
    if (isIgnored(i)) continue;
    if (score < smallest) smallest = score;
    if (score > largest) largest = score;
  }
  for (const [i, score] of scores.entries()) {
    if (isIgnored(i)) scores[i] = 0;
    else scores[i] = largest === 0 ? MAX_SCORE : Math.floor((MAX_SCORE * (largest + smallest - score)) / largest);
  }
}
