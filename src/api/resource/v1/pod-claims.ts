/** How pods and claims of devices belong together (dynamic-resource-allocation/resourceclaim). */
import type { ResourceV1ResourceClaim, V1Pod, V1PodResourceClaim } from '../../gen/types.ts';

/** Keeps a claim that has devices. */
export const CLAIM_FINALIZER = 'resource.kubernetes.io/delete-protection';
/** On claims that were made of a template: the name that the pod has for it. */
export const POD_CLAIM_ANNOTATION = 'resource.kubernetes.io/pod-claim-name';
/** As many pods may use one claim. */
const MOST_USERS = 256;

export type ClaimName =
  /** `isOwned`: it was made of a template, and must be the pod's. */
  | { readonly name: string; readonly isOwned: boolean }
  /** The controller has found that none is needed. */
  | { readonly none: true }
  /** None has been made of the template yet. */
  | { readonly missing: true };

/** The claim that is behind one of `spec.resourceClaims`. */
export function claimNameOf({ status }: V1Pod, { name, resourceClaimName }: V1PodResourceClaim): ClaimName {
  if (resourceClaimName !== undefined) return { name: resourceClaimName, isOwned: false };
  const made = status?.resourceClaimStatuses?.find((one) => one.name === name);
  if (!made) return { missing: true };
  return made.resourceClaimName === undefined ? { none: true } : { name: made.resourceClaimName, isOwned: true };
}

/** The names of all claims of a pod that are known, with that for its extended resources. */
export function claimNamesOf(pod: V1Pod): string[] {
  const names = (pod.spec?.resourceClaims ?? []).flatMap((each) => {
    const named = claimNameOf(pod, each);
    return 'name' in named ? named.name : [];
  });
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  return extended ? [...names, extended] : names;
}

/** Why a claim is not the pod's own, in upstream's words; undefined: it is. */
export function whyNotFor(claim: ResourceV1ResourceClaim, { metadata }: V1Pod): string | undefined {
  const owner = claim.metadata?.ownerReferences?.find(({ controller }) => controller);
  if (claim.metadata?.namespace === metadata?.namespace && owner?.uid === metadata?.uid) return undefined;
  const [{ namespace, name } = {}, pod = {}] = [claim.metadata, metadata];
  return `ResourceClaim ${namespace}/${name} was not created for pod ${pod.namespace}/${pod.name} (pod is not owner)`;
}

export const isReservedFor = ({ status }: ResourceV1ResourceClaim, { metadata }: V1Pod): boolean =>
  status?.reservedFor?.some(({ uid }) => uid === metadata?.uid) ?? false;

export const canBeReserved = ({ status }: ResourceV1ResourceClaim): boolean => (status?.reservedFor?.length ?? 0) < MOST_USERS;

/** The same claim, used by one pod more. */
export function reservedFor(claim: ResourceV1ResourceClaim, { metadata }: V1Pod): ResourceV1ResourceClaim {
  const user = { resource: 'pods', name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
  return { ...claim, status: { ...claim.status, reservedFor: [...(claim.status?.reservedFor ?? []), user] } };
}
