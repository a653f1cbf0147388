import type { V1ClusterRole, V1PolicyRule } from '../../api/gen/types.ts';
import { selectorFromLabelSelector } from '../../api/machinery/label-selector.ts';

/**
 * The rules that an aggregated role should have: those of every role that one of its selectors matches, in order of name, each rule
 * once. Undefined when it has them, or is no aggregated role.
 */
export function planAggregatedRules(role: V1ClusterRole, all: readonly V1ClusterRole[]): V1PolicyRule[] | undefined {
  if (!role.aggregationRule) return undefined;
  const selectors = (role.aggregationRule.clusterRoleSelectors ?? []).map(selectorFromLabelSelector);
  const sorted = all.toSorted((a, b) => compare(a.metadata?.name ?? '', b.metadata?.name ?? ''));
  const rules = new Map<string, V1PolicyRule>();
  for (const selector of selectors) {
    for (const other of sorted) {
      if (other.metadata?.name === role.metadata?.name || !selector.matches(other.metadata?.labels ?? {})) continue;
      for (const rule of other.rules ?? []) {
        const key = JSON.stringify(rule);
        if (!rules.has(key)) rules.set(key, rule);
      }
    }
  }
  const wanted = [...rules.values()];
  return JSON.stringify(wanted) === JSON.stringify(role.rules ?? []) ? undefined : wanted;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
