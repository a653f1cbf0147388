import { tolerates } from '../../api/core/v1/taint-toleration.ts';
import type { V1Node, V1Pod } from '../../api/gen/types.ts';

/** When a pod is to be deleted: never, or at a time (now or past: at once). */
export type EvictionPlan = 'never' | { readonly atMs: number };

/**
 * When the node's NoExecute taints make a pod go: at once when it does not tolerate one of them; else when the first of the times ends for
 * which it tolerates them, counted from when the taint was added, so that our restart gives it no new time.
 *
 * @param sinceMs from when to count for taints that do not say when they were added
 */
export function planEviction(pod: V1Pod, node: V1Node, sinceMs: number): EvictionPlan {
  const taints = (node.spec?.taints ?? []).filter((taint) => taint.effect === 'NoExecute');
  let atMs = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    // Of several the first counts, as upstream: it may be one for ever.
    const toleration = pod.spec?.tolerations?.find((one) => tolerates(one, taint));
    if (!toleration) return { atMs: 0 };
    const addedMs = taint.timeAdded ? Date.parse(taint.timeAdded) : sinceMs;
    const { tolerationSeconds } = toleration;
    if (tolerationSeconds !== undefined) atMs = Math.min(atMs, addedMs + Math.max(0, tolerationSeconds) * 1000);
  }
  return Number.isFinite(atMs) ? { atMs } : 'never';
}
