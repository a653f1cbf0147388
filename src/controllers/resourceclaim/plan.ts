import { podKind } from '../../api/core/v1/pod.ts';
import type {
  ResourceV1ResourceClaim,
  V1Pod,
  V1PodResourceClaim,
  V1ResourceClaimConsumerReference,
  V1ResourceClaimTemplate,
} from '../../api/gen/types.ts';
import { CLAIM_FINALIZER, POD_CLAIM_ANNOTATION } from '../../api/resource/v1/pod-claims.ts';
import { controllerReference } from '../workloads/owner.ts';

/** Names are made of it and five characters more. */
const LONGEST_BASE = 57;

/** Whether a pod's containers do not run and never will. */
export const isPodDone = ({ metadata, spec, status }: V1Pod): boolean =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed' || (metadata?.deletionTimestamp !== undefined && !spec?.nodeName);

/** The claim that is made of a template for a pod. */
export function claimFromTemplate(
  pod: V1Pod,
  { name }: V1PodResourceClaim,
  { spec: template }: V1ResourceClaimTemplate,
): ResourceV1ResourceClaim {
  const { metadata, spec } = template;
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: {
      generateName: baseName(pod.metadata?.name ?? '', name),
      namespace: pod.metadata?.namespace ?? '',
      annotations: { ...metadata?.annotations, [POD_CLAIM_ANNOTATION]: name },
      ...(metadata?.labels && { labels: metadata.labels }),
      ownerReferences: [controllerReference(podKind, pod)],
    },
    spec: structuredClone(spec),
  };
}

/** Both names are shortened alike, so that the claim's is not lost behind a long one of the pod. */
function baseName(podName: string, claimName: string): string {
  const whole = `${podName}-${claimName}-`;
  if (whole.length <= LONGEST_BASE) return whole;
  const share = (text: string) => text.slice(0, Math.floor((text.length * LONGEST_BASE) / whole.length));
  return `${share(podName)}-${share(claimName)}`;
}

/** A claim of the pod's that the controller has made and could not tell the pod of. */
export const orphanOf = (claims: readonly ResourceV1ResourceClaim[], { name }: V1PodResourceClaim) =>
  claims.find(({ metadata }) => metadata?.annotations?.[POD_CLAIM_ANNOTATION] === name);

/** What a claim is to become when these are left of its users. */
export interface ClaimPlan {
  /** Undefined: as it is. */
  readonly status?: ResourceV1ResourceClaim['status'];
  /** The finalizer goes, once the status is written. */
  readonly release: boolean;
}

/**
 * When its last user has gone, a claim gives its devices back. Pure.
 *
 * @param users those of `status.reservedFor` that still use it
 */
export function planClaim(
  { metadata, status }: ResourceV1ResourceClaim,
  users: readonly V1ResourceClaimConsumerReference[],
): ClaimPlan {
  const isKept = metadata?.finalizers?.includes(CLAIM_FINALIZER) ?? false;
  const { allocation, reservedFor: _, ...rest } = status ?? {};
  const kept = { ...rest, ...(users.length > 0 && { reservedFor: [...users] }) };
  if (users.length < (status?.reservedFor?.length ?? 0)) {
    const isFree = users.length === 0 && isKept;
    return { status: { ...kept, ...(allocation && !isFree && { allocation }) }, release: isKept && (isFree || !allocation) };
  }
  if (!isKept || metadata?.deletionTimestamp === undefined || users.length > 0) return { release: false };
  return { ...(allocation && { status: kept }), release: true };
}
