import type { V1PodDisruptionBudget } from '../../api/gen/types.ts';
import { type LabelSelectorObject, selectorFromLabelSelector } from '../../api/machinery/label-selector.ts';
import { remembered } from '../../std/remembered.ts';
import type { PodInfo } from '../pod-info.ts';

/**
 * Parts pods, taken one after the other, into those whose going would break a budget and the rest. What the API server has counted as
 * disrupted already is not counted again.
 */
export function partByBudgets(
  pods: readonly PodInfo[],
  budgetsOf: (namespace: string) => readonly V1PodDisruptionBudget[],
): { readonly violating: readonly PodInfo[]; readonly others: readonly PodInfo[] } {
  const left = new Map<V1PodDisruptionBudget, number>();
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const pod of pods) {
    let violates = false;
    for (const budget of budgetsOf(pod.namespace)) {
      if (!protects(budget, pod)) continue;
      const allowed = (left.get(budget) ?? budget.status?.disruptionsAllowed ?? 0) - 1;
      left.set(budget, allowed);
      violates ||= allowed < 0;
    }
    (violates ? violating : others).push(pod);
  }
  return { violating, others };
}

/** A budget whose selector is empty protects nobody here, and none protects pods without labels (defaultpreemption, filterPodsWithPDBViolation). */
function protects(budget: V1PodDisruptionBudget, { pod: { metadata } }: PodInfo): boolean {
  if (Object.keys(metadata?.labels ?? {}).length === 0) return false;
  const selector = selectorOf(budget);
  if (selector.empty || !selector.matches(metadata?.labels)) return false;
  return !Object.hasOwn(budget.status?.disruptedPods ?? {}, metadata?.name ?? '');
}

/** Asked for each pod of each node where room might be made. */
const selectorOf = remembered(({ spec }: V1PodDisruptionBudget) =>
  selectorFromLabelSelector(spec?.selector as LabelSelectorObject | undefined),
);
