import type { V1Node } from '../../api/gen/types.ts';
import type { ClusterObjects } from '../framework/cluster-objects.ts';
import type { Plugin, Refusal } from '../framework/plugin.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import { amountOf, resourcesOf } from '../resources.ts';
import {
  CPU_AND_MEMORY,
  type ScoringStrategy,
  scoreAllocation,
  scoreBalance,
  type WeightedResource,
} from './resource-scoring.ts';

export interface FitOptions {
  readonly strategy: ScoringStrategy;
  /** Resources of others to look away from: whole names, and groups such as `example.com`. */
  readonly ignoredResources: readonly string[];
  readonly ignoredGroups: readonly string[];
}

export const DEFAULT_FIT: FitOptions = {
  strategy: { type: 'LeastAllocated', resources: CPU_AND_MEMORY },
  ignoredResources: [],
  ignoredGroups: [],
};

/** What a pod requests must be free on the node, and the node must take one more pod. */
export function createNodeResourcesFit({ strategy, ignoredResources, ignoredGroups }: FitOptions = DEFAULT_FIT): Plugin {
  const isIgnored = (name: string) => ignoredResources.includes(name) || ignoredGroups.includes(name.split('/')[0]!);
  const othersOf = ({ requests, extendedResources }: PodInfo, objects: ClusterObjects): Others =>
    [...requests.others]
      .filter(([name, amount]) => amount > 0 && !(name.includes('/') && isIgnored(name)))
      .map(([name, amount]) => {
        const hasClass = extendedResources.includes(name) && objects.classOfResource(name) !== undefined;
        return { name, amount, hasClass };
      });
  return {
    name: 'NodeResourcesFit',
    planFilter({ pod, objects }) {
      const others = othersOf(pod, objects);
      return { filter: (node) => refusalOf(node, pod, others) };
    },
    planScore: (cycle) => scoreAllocation(cycle, strategy),
    mayHelp(event, pod, objects) {
      if (event.resource === 'DeviceClass')
        return event.action !== 'delete' && othersOf(pod, objects).some(({ hasClass }) => hasClass);
      if (event.resource === 'Pod') return event.action === 'delete' || (event.action === 'update' && shrank(event, pod));
      if (event.resource !== 'Node' || !fitsEmpty(event.node, pod, othersOf(pod, objects))) return false;
      return event.action === 'add' || !event.previous || grew(event.previous, event.node, pod, othersOf(pod, objects));
    },
  };
}

/** What is asked for besides cpu and memory. */
interface Other {
  readonly name: string;
  readonly amount: number;
  /** A node that has none of it itself may have devices for it, for which another rule looks. */
  readonly hasClass: boolean;
}
type Others = readonly Other[];

function refusalOf(node: NodeInfo, { requests }: PodInfo, others: Others): Refusal | undefined {
  const { allocatable, requested } = node;
  let reasons: string[] | undefined;
  let unresolvable = false;
  if (node.pods.size + 1 > node.maxPods) reasons = ['Too many pods'];
  const insufficient = (name: string, tooLarge: boolean) => {
    reasons ??= [];
    reasons.push(`Insufficient ${name}`);
    unresolvable ||= tooLarge;
  };
  if (requests.cpu > 0 && requests.cpu > allocatable.cpu - requested.cpu) insufficient('cpu', requests.cpu > allocatable.cpu);
  if (requests.memory > 0 && requests.memory > allocatable.memory - requested.memory)
    insufficient('memory', requests.memory > allocatable.memory);
  for (const { name, amount, hasClass } of others) {
    const capacity = allocatable.others.get(name) ?? 0;
    if (hasClass && capacity === 0) continue;
    if (amount > capacity - (requested.others.get(name) ?? 0)) insufficient(name, amount > capacity);
  }
  return reasons && { reasons, unresolvable };
}

function fitsEmpty(node: V1Node, { requests }: PodInfo, others: Others): boolean {
  const capacity = resourcesOf(node.status?.allocatable ?? node.status?.capacity);
  if (requests.cpu > capacity.cpu || requests.memory > capacity.memory) return false;
  return others.every(({ name, amount, hasClass }) => {
    const there = capacity.others.get(name) ?? 0;
    return amount <= there || (hasClass && there === 0);
  });
}

/** Whether a node has more of something that the pod wants, or takes more pods. */
function grew(before: V1Node, after: V1Node, { requests }: PodInfo, others: Others): boolean {
  const [old, now] = [resourcesOf(before.status?.allocatable), resourcesOf(after.status?.allocatable)];
  // How many devices there are, a node does not say.
  if (others.some(({ name, hasClass }) => hasClass && amountOf(now, name) === 0)) return true;
  return ['cpu', 'memory', 'pods', ...requests.others.keys()].some((name) => amountOf(now, name) > amountOf(old, name));
}

function shrank({ pod, previous }: { pod: PodInfo; previous?: PodInfo }, { requests }: PodInfo): boolean {
  if (!previous) return true;
  return ['cpu', 'memory', ...requests.others.keys()].some(
    (name) => amountOf(requests, name) > 0 && amountOf(pod.requests, name) < amountOf(previous.requests, name),
  );
}

export function createBalancedAllocation(resources: readonly WeightedResource[] = CPU_AND_MEMORY): Plugin {
  return { name: 'NodeResourcesBalancedAllocation', planScore: (cycle) => scoreBalance(cycle, resources) };
}
