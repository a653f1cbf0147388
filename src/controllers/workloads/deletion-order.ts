import type { V1Pod } from '../../api/gen/types.ts';
import { conditionOf } from './pod-state.ts';

/** https://kubernetes.io/docs/reference/labels-annotations-taints/#pod-deletion-cost */
export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

/**
 * Sorts pods so that those stand first whose loss costs least: without a node, not yet running, not ready, cheaper by their annotation, with more
 * siblings on their node, ready for a shorter time, restarted more often, younger (pkg/controller, ActivePodsWithRanks). Times count by their order of magnitude, so that
 * pods which came at about the same time fall by chance.
 *
 * @param siblings how many pods of the same purpose are on a node
 */
export function inDeletionOrder(pods: readonly V1Pod[], siblings: (nodeName: string) => number, nowMs: number): V1Pod[] {
  const ranked = pods.map((pod) => ({ pod, rank: rankOf(pod, siblings, nowMs) }));
  ranked.sort((a, b) => {
    for (let i = 0; i < a.rank.length; i++) {
      const difference = a.rank[i]! - b.rank[i]!;
      if (difference !== 0) return difference;
    }
    return (a.pod.metadata?.uid ?? '') < (b.pod.metadata?.uid ?? '') ? -1 : 1;
  });
  return ranked.map(({ pod }) => pod);
}

const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

function rankOf(pod: V1Pod, siblings: (nodeName: string) => number, nowMs: number): number[] {
  const ready = conditionOf(pod, 'Ready');
  const isReady = ready?.status === 'True';
  const readyMs = isReady && ready.lastTransitionTime ? nowMs - Date.parse(ready.lastTransitionTime) : 0;
  const cost = Number(pod.metadata?.annotations?.[DELETION_COST] ?? 0);
  const restarts = Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
  const createdMs = pod.metadata?.creationTimestamp ? nowMs - Date.parse(pod.metadata.creationTimestamp) : 0;
  return [
    pod.spec?.nodeName ? 1 : 0,
    PHASES[pod.status?.phase ?? 'Unknown'] ?? 1,
    isReady ? 1 : 0,
    Number.isInteger(cost) ? cost : 0,
    pod.spec?.nodeName ? -siblings(pod.spec.nodeName) : 0,
    magnitude(readyMs),
    -restarts,
    magnitude(createdMs),
  ];
}

const magnitude = (ms: number): number => (ms <= 0 ? 0 : Math.floor(Math.log2(ms * 1e6)));
