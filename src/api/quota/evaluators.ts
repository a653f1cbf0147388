import type { V1ResourceQuota } from '../gen/types.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { claimEvaluator } from './claim-evaluator.ts';
import type { QuotaEvaluator } from './evaluator.ts';
import { createObjectCount } from './object-count.ts';
import { podEvaluator } from './pod-evaluator.ts';
import { createResourceClaimEvaluator, type DeviceObjects, NO_DEVICES } from './resource-claim-evaluator.ts';
import { scopesOf } from './scopes.ts';
import { serviceEvaluator } from './service-evaluator.ts';

const PURE: readonly QuotaEvaluator[] = [podEvaluator, serviceEvaluator, claimEvaluator];

type GroupResource = Pick<QuotaEvaluator, 'group' | 'resource'>;
const isSame = (a: GroupResource, b: GroupResource) => a.group === b.group && a.resource === b.resource;
const CLAIMS: GroupResource = { group: 'resource.k8s.io', resource: 'resourceclaims' };

/** Whether objects of a kind are measured and not only counted. */
export const isMeasured = (kind: GroupResource): boolean => [...PURE, CLAIMS].some((each) => isSame(each, kind));

/** Events are never counted: they would use up quotas by telling of it. */
export function isQuotable({ group, resource }: { readonly group: string; readonly resource: string }): boolean {
  return !(resource === 'events' && (group === '' || group === 'events.k8s.io'));
}

/**
 * What measures a kind.
 *
 * @param objects by which claims of devices are measured as extended resources, too
 */
export function evaluatorFor(kind: GroupResource, objects: DeviceObjects = NO_DEVICES): QuotaEvaluator {
  if (isSame(kind, CLAIMS)) return createResourceClaimEvaluator(objects);
  return PURE.find((each) => isSame(each, kind)) ?? createObjectCount(kind.group, kind.resource);
}

/** Whether a quota counts an object: it limits something that the kind uses, and the object is within all of its scopes. */
export function matchesQuota(evaluator: QuotaEvaluator, quota: V1ResourceQuota, object: DynamicObject): boolean {
  if (!evaluator.matchingResources(Object.keys(quota.status?.hard ?? {})).length) return false;
  return scopesOf(quota).every((scope) => evaluator.matchesScope?.(scope, object) ?? false);
}
