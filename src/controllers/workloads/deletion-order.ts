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
  const rank = (pod: V1Pod) => {
    const { nodeName } = pod.spec ?? {};
    return [...progressOf(pod), costOf(pod), nodeName ? -siblings(nodeName) : 0];
  };
  return sorted(pods, rank, (a, b) => compareAges(a, b, compareTimes) || compareUids(a, b));
}

/** The same for pods whose number alone matters, those of a Job (pkg/controller, ActivePods): no costs, no siblings, times as they are. */
export function inOrderOfProgress(pods: readonly V1Pod[]): V1Pod[] {
  const newestFirst: CompareTimes = (_a, _b, aTime, bTime) => {
    if (aTime === bTime) return 0;
    return isUnknown(aTime, bTime) ? unknownFirst(aTime, bTime) : bTime - aTime;
  };
  return sorted(pods, progressOf, (a, b) => compareAges(a, b, newestFirst));
}

/** What is compared of a pod, found out once: of thousands each is compared a dozen times. */
interface Ranked {
  readonly pod: V1Pod;
  readonly uid: string;
  readonly rank: readonly number[];
  readonly readyMs: number;
  readonly createdMs: number;
  readonly restarts: number;
  readonly sidecarRestarts: number;
}

type CompareTimes = (a: Ranked, b: Ranked, aTime: number, bTime: number) => number;

function sorted(pods: readonly V1Pod[], rankOf: (pod: V1Pod) => number[], compare: (a: Ranked, b: Ranked) => number): V1Pod[] {
  const compareRanks = (a: Ranked, b: Ranked): number => {
    for (let i = 0; i < a.rank.length; i++) if (a.rank[i] !== b.rank[i]) return a.rank[i]! - b.rank[i]!;
    return 0;
  };
  const ranked = pods.map(
    (pod): Ranked => ({
      ...{ pod, uid: pod.metadata?.uid ?? '', rank: rankOf(pod) },
      ...{ readyMs: readyMs(pod), createdMs: timeMs(pod.metadata?.creationTimestamp) },
      ...restartsOf(pod),
    }),
  );
  return ranked.sort((a, b) => compareRanks(a, b) || compare(a, b)).map(({ pod }) => pod);
}

const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };
const progressOf = (pod: V1Pod): number[] => [
  pod.spec?.nodeName ? 1 : 0,
  PHASES[pod.status?.phase ?? 'Unknown'] ?? 1,
  readinessOf(pod),
];
const readinessOf = (pod: V1Pod): number => (conditionOf(pod, 'Ready')?.status === 'True' ? 1 : 0);

function costOf({ metadata }: V1Pod): number {
  const cost = Number(metadata?.annotations?.[DELETION_COST] ?? 0);
  return Number.isInteger(cost) ? cost : 0;
}

/** Ready for a shorter time, then restarted more often (of the same number: their sidecars), then younger. */
function compareAges(a: Ranked, b: Ranked, compareTimes: CompareTimes): number {
  return (
    compareTimes(a, b, a.readyMs, b.readyMs) ||
    b.restarts - a.restarts ||
    b.sidecarRestarts - a.sidecarRestarts ||
    compareTimes(a, b, a.createdMs, b.createdMs)
  );
}

/** 0: not known. */
const timeMs = (text: unknown): number => Date.parse(String(text ?? '')) || 0;
const readyMs = (pod: V1Pod): number => (readinessOf(pod) ? timeMs(conditionOf(pod, 'Ready')?.lastTransitionTime) : 0);
const isUnknown = (a: number, b: number): boolean => a === 0 || b === 0;
const unknownFirst = (a: number, _b: number): number => (a === 0 ? -1 : 1);
const compareUids = (a: Ranked, b: Ranked): number => (a.uid < b.uid ? -1 : 1);
const magnitude = (ageMs: number): number => (ageMs <= 0 ? -1 : Math.floor(Math.log2(ageMs * 1e6)));

function restartsOf({ spec, status }: V1Pod): Pick<Ranked, 'restarts' | 'sidecarRestarts'> {
  const sidecars = new Set((spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map(({ name }) => name));
  const most = (statuses: readonly { readonly restartCount: number }[]) =>
    statuses.reduce((largest, { restartCount }) => Math.max(largest, restartCount), 0);
  return {
    restarts: most(status?.containerStatuses ?? []),
    sidecarRestarts: sidecars.size ? most((status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name))) : 0,
  };
}
