import type { V1Pod } from '../../api/gen/types.ts';
import { conditionOf } from './pod-state.ts';

/** https://kubernetes.io/docs/reference/labels-annotations-taints/#pod-deletion-cost */
export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

/**
 * Sorts the pods of a ReplicaSet so that those stand first whose loss costs least: without a node, not yet running, not ready, cheaper by their
 * annotation, with more siblings on their node, ready for a shorter time, restarted more often, younger (pkg/controller,
 * ActivePodsWithRanks). Times count by their order of magnitude; of pods which came at about the same time one falls by chance.
 *
 * @param siblings how many pods of the same purpose are on a node
 */
export function inDeletionOrder(pods: readonly V1Pod[], siblings: (nodeName: string) => number, nowMs: number): V1Pod[] {
  const compareTimes: CompareTimes = (a, b, aTime, bTime) => {
    if (aTime === bTime) return 0;
    const difference = magnitude(nowMs - aTime) - magnitude(nowMs - bTime);
    // Of the same magnitude: nothing that follows decides, but chance.
    return isUnknown(aTime, bTime) ? unknownFirst(aTime, bTime) : difference || compareUids(a, b);
  };
  const compare = compareBy([
    ({ spec }) => (spec?.nodeName ? 1 : 0),
    phaseOf,
    readinessOf,
    costOf,
    ({ spec }) => (spec?.nodeName ? -siblings(spec.nodeName) : 0),
  ]);
  return pods.toSorted((a, b) => compare(a, b) || compareAges(a, b, compareTimes) || compareUids(a, b));
}

/** The same for pods whose number alone matters, those of a Job (pkg/controller, ActivePods): no costs, no siblings, times as they are. */
export function inOrderOfProgress(pods: readonly V1Pod[]): V1Pod[] {
  const compare = compareBy([({ spec }) => (spec?.nodeName ? 1 : 0), phaseOf, readinessOf]);
  const newestFirst: CompareTimes = (_a, _b, aTime, bTime) => {
    if (aTime === bTime) return 0;
    return isUnknown(aTime, bTime) ? unknownFirst(aTime, bTime) : bTime - aTime;
  };
  return pods.toSorted((a, b) => compare(a, b) || compareAges(a, b, newestFirst));
}

type CompareTimes = (a: V1Pod, b: V1Pod, aTime: number, bTime: number) => number;

const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };
const phaseOf = ({ status }: V1Pod): number => PHASES[status?.phase ?? 'Unknown'] ?? 1;
const readinessOf = (pod: V1Pod): number => (conditionOf(pod, 'Ready')?.status === 'True' ? 1 : 0);

function costOf({ metadata }: V1Pod): number {
  const cost = Number(metadata?.annotations?.[DELETION_COST] ?? 0);
  return Number.isInteger(cost) ? cost : 0;
}

function compareBy(ranks: readonly ((pod: V1Pod) => number)[]) {
  return (a: V1Pod, b: V1Pod): number => {
    for (const rank of ranks) if (rank(a) !== rank(b)) return rank(a) - rank(b);
    return 0;
  };
}

/** Ready for a shorter time, then restarted more often (of the same number: their sidecars), then younger. */
function compareAges(a: V1Pod, b: V1Pod, compareTimes: CompareTimes): number {
  return (
    compareTimes(a, b, readyMs(a), readyMs(b)) ||
    restartsOf(b).regular - restartsOf(a).regular ||
    restartsOf(b).sidecars - restartsOf(a).sidecars ||
    compareTimes(a, b, timeMs(a.metadata?.creationTimestamp), timeMs(b.metadata?.creationTimestamp))
  );
}

/** 0: not known. */
const timeMs = (text: unknown): number => Date.parse(String(text ?? '')) || 0;
const readyMs = (pod: V1Pod): number => (readinessOf(pod) ? timeMs(conditionOf(pod, 'Ready')?.lastTransitionTime) : 0);
const isUnknown = (a: number, b: number): boolean => a === 0 || b === 0;
const unknownFirst = (a: number, _b: number): number => (a === 0 ? -1 : 1);
const compareUids = (a: V1Pod, b: V1Pod): number => ((a.metadata?.uid ?? '') < (b.metadata?.uid ?? '') ? -1 : 1);
const magnitude = (ageMs: number): number => (ageMs <= 0 ? -1 : Math.floor(Math.log2(ageMs * 1e6)));

function restartsOf({ spec, status }: V1Pod): { readonly regular: number; readonly sidecars: number } {
  const sidecars = new Set((spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map(({ name }) => name));
  const most = (statuses: readonly { readonly restartCount: number }[]) =>
    Math.max(0, ...statuses.map(({ restartCount }) => restartCount));
  return {
    regular: most(status?.containerStatuses ?? []),
    sidecars: most((status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name))),
  };
}
