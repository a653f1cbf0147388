import type { ResourceV1ResourceClaim } from '../../api/gen/types.ts';
import { canBeReserved, claimNameOf, isReservedFor, whyNotFor } from '../../api/resource/v1/pod-claims.ts';
import type { ClusterObjects } from '../framework/cluster-objects.ts';
import type { PodInfo } from '../pod-info.ts';
import type { AssumedClaims } from './assumed-claims.ts';

export interface PodClaims {
  /** They have devices already. */
  readonly allocated: readonly ResourceV1ResourceClaim[];
  readonly pending: readonly ResourceV1ResourceClaim[];
}

/** The claims behind a pod's, or why the pod has to wait, in upstream's words. */
export function readPodClaims(
  { pod, namespace }: PodInfo,
  objects: Pick<ClusterObjects, 'deviceClaim' | 'deviceClass'>,
  assumed: Pick<AssumedClaims, 'has'>,
): PodClaims | { readonly problem: string } {
  const allocated: ResourceV1ResourceClaim[] = [];
  const pending: ResourceV1ResourceClaim[] = [];
  for (const podClaim of pod.spec?.resourceClaims ?? []) {
    const named = claimNameOf(pod, podClaim);
    if ('none' in named) continue;
    if ('missing' in named)
      return {
        problem: `pod "${namespace}/${pod.metadata?.name}", spec.resourceClaim ${JSON.stringify(podClaim.name)}: ResourceClaim not created yet`,
      };
    const claim = objects.deviceClaim(`${namespace}/${named.name}`);
    if (!claim) return { problem: `resourceclaim.resource.k8s.io ${JSON.stringify(named.name)} not found` };
    if (claim.metadata?.deletionTimestamp) return { problem: `resourceclaim ${JSON.stringify(named.name)} is being deleted` };
    const stranger = named.isOwned ? whyNotFor(claim, pod) : undefined;
    if (stranger !== undefined) return { problem: stranger };
    if (claim.status?.allocation) {
      if (!canBeReserved(claim) && !isReservedFor(claim, pod)) return { problem: 'resourceclaim in use' };
      allocated.push(claim);
      continue;
    }
    if (assumed.has(claim)) return { problem: `resource claim ${namespace}/${named.name} is in the process of being allocated` };
    const problem = requestProblem(claim, objects);
    if (problem !== undefined) return { problem };
    pending.push(claim);
  }
  return { allocated, pending };
}

function requestProblem({ spec }: ResourceV1ResourceClaim, objects: Pick<ClusterObjects, 'deviceClass'>): string | undefined {
  for (const { name, exactly, firstAvailable = [] } of spec.devices?.requests ?? []) {
    const each = exactly ? [{ ...exactly, name }] : firstAvailable.map((one) => ({ ...one, name: `${name}/${one.name}` }));
    for (const { name: request, deviceClassName } of each)
      if (!objects.deviceClass(deviceClassName)) return `request ${request}: device class ${deviceClassName} does not exist`;
  }
  return undefined;
}
