import type { V1ResourceQuota, V1ResourceQuotaStatus } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { addQuantities, compareQuantities } from '../../api/machinery/quantity.ts';
import {
  equalResourceLists,
  formatResourceList,
  maskResourceList,
  parseResourceList,
  type ResourceList,
  sumResourceLists,
} from '../../api/machinery/resource-list.ts';
import type { QuotaEvaluator } from '../../api/quota/evaluator.ts';
import { isQuotable } from '../../api/quota/evaluators.ts';

export interface KindsOfQuota<K> {
  /** The kinds whose objects the quota limits. */
  readonly kinds: readonly K[];
  /** Names of what no kind uses, or none that is served now. */
  readonly unknown: readonly string[];
}

/** Finds the kinds that a quota limits among those that are served. */
export function kindsOf<K extends ResourceKind>(
  quota: V1ResourceQuota,
  served: readonly K[],
  evaluatorOf: (kind: K) => QuotaEvaluator,
): KindsOfQuota<K> {
  const names = Object.keys(quota.spec?.hard ?? {});
  const kinds = served.filter(
    (kind) => kind.namespaced && isQuotable(kind) && evaluatorOf(kind).matchingResources(names).length > 0,
  );
  const known = new Set(kinds.flatMap((kind) => evaluatorOf(kind).matchingResources(names)));
  return { kinds, unknown: names.filter((name) => !known.has(name)) };
}

export function sameLimits(a: V1ResourceQuota, b: V1ResourceQuota): boolean {
  return equalResourceLists(parseResourceList(a.spec?.hard), parseResourceList(b.spec?.hard));
}

/** Whether a quota's status does not speak of what it limits now. */
export function isUnsettled({ spec, status }: V1ResourceQuota): boolean {
  if (!status?.hard || !status.used) return true;
  return !equalResourceLists(parseResourceList(spec?.hard), parseResourceList(status.hard));
}

/**
 * A quota's status with what has been measured; of what could not be, the last known. Undefined when nothing changes
 * (pkg/controller/resourcequota, syncResourceQuota).
 *
 * @param charged by admission a moment ago, of objects that may not have been there to be measured: so much is not given back. Upstream gives it
 *   back, and then admits more than the limit.
 */
export function planStatus(
  quota: V1ResourceQuota,
  measured: ResourceList,
  charged: ResourceList = new Map(),
): V1ResourceQuotaStatus | undefined {
  const hard = parseResourceList(quota.spec?.hard);
  const before = parseResourceList(quota.status?.used);
  const used = maskResourceList(new Map([...before, ...measured]), hard);
  for (const [name, amount] of used) {
    const [recorded, late] = [before.get(name), charged.get(name)];
    if (!recorded || !late || compareQuantities(amount, recorded) >= 0) continue;
    const atMost = addQuantities(amount, late);
    used.set(name, compareQuantities(atMost, recorded) < 0 ? atMost : recorded);
  }
  if (!isUnsettled(quota) && equalResourceLists(used, before)) return undefined;
  return { hard: formatResourceList(hard), used: formatResourceList(used) };
}

/** Adds up one kind's objects, each weighed by the evaluator; of what the quota limits, at least zero. */
export function startUsage(evaluator: QuotaEvaluator, quota: V1ResourceQuota): ResourceList {
  const names = evaluator.matchingResources(Object.keys(quota.spec?.hard ?? {}));
  return parseResourceList(Object.fromEntries(names.map((name) => [name, '0'])));
}

export const addUsage = sumResourceLists;

/** Whether a change of an object may have freed something: it went, or uses less than before. */
export function mayFree(evaluator: QuotaEvaluator, object: KubeObject, previous: KubeObject | undefined, nowMs: number): boolean {
  if (!previous) return false;
  const [now, was] = [evaluator.usage(object as never, nowMs), evaluator.usage(previous as never, nowMs)];
  return !equalResourceLists(now, was);
}
