import type { V1ResourceQuota } from '../gen/types.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { claimEvaluator } from './claim-evaluator.ts';
import type { QuotaEvaluator } from './evaluator.ts';
import { createObjectCount } from './object-count.ts';
import { podEvaluator } from './pod-evaluator.ts';
import { resourceClaimEvaluator } from './resource-claim-evaluator.ts';
import { scopesOf } from './scopes.ts';
import { serviceEvaluator } from './service-evaluator.ts';

/** The kinds that are measured and not only counted. */
export const MEASURED: readonly QuotaEvaluator[] = [podEvaluator, serviceEvaluator, claimEvaluator, resourceClaimEvaluator];

/** Events are never counted: they would use up quotas by telling of it. */
export function isQuotable({ group, resource }: { readonly group: string; readonly resource: string }): boolean {
  return !(resource === 'events' && (group === '' || group === 'events.k8s.io'));
}

/** What measures a kind. */
export function evaluatorFor({ group, resource }: { readonly group: string; readonly resource: string }): QuotaEvaluator {
  return MEASURED.find((each) => each.group === group && each.resource === resource) ?? createObjectCount(group, resource);
}

/** Whether a quota counts an object: it limits something that the kind uses, and the object is within all of its scopes. */
export function matchesQuota(evaluator: QuotaEvaluator, quota: V1ResourceQuota, object: DynamicObject): boolean {
  if (!evaluator.matchingResources(Object.keys(quota.status?.hard ?? {})).length) return false;
  return scopesOf(quota).every((scope) => evaluator.matchesScope?.(scope, object) ?? false);
}
