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
    const matching = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (matching.length === 0) return { atMs: 0 };
    const seconds = matching.flatMap(({ tolerationSeconds }) =>
      tolerationSeconds === undefined ? [] : [Math.max(0, tolerationSeconds)],
    );
    const addedMs = taint.timeAdded ? Date.parse(taint.timeAdded) : sinceMs;
    if (seconds.length > 0) atMs = Math.min(atMs, addedMs + Math.min(...seconds) * 1000);
  }
  return Number.isFinite(atMs) ? { atMs } : 'never';
}
