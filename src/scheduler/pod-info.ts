import { type HostPort, hostPortsOf } from '../api/core/v1/host-ports.ts';
import type { V1Pod, V1PodAffinityTerm } from '../api/gen/types.ts';
import { type AffinityTerm, affinityTermOf, type WeightedTerm } from './affinity-term.ts';
import { type RequestsOfPod, requestsOf } from './resources.ts';

/** A pod with what scheduling asks of it again and again, worked out once. */
export interface PodInfo extends RequestsOfPod {
  readonly pod: V1Pod;
  readonly uid: string;
  readonly namespace: string;
  readonly priority: number;
  readonly hostPorts: readonly HostPort[];
  /** `namespace/name` of the claims that its volumes use. */
  readonly claims: readonly string[];
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly WeightedTerm[];
  readonly preferredAntiAffinity: readonly WeightedTerm[];
}

/** Pods that take no room any more. */
export function isFinished(pod: V1Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function podKeyOf(pod: V1Pod): string {
  return `${pod.metadata!.namespace}/${pod.metadata!.name}`;
}

const NOTHING: readonly never[] = [];

export function podInfoOf(pod: V1Pod): PodInfo {
  const { affinity, priority } = pod.spec ?? {};
  const terms = (list: readonly V1PodAffinityTerm[] | undefined) => list?.map((term) => affinityTermOf(pod, term)) ?? NOTHING;
  const weighted = (list: readonly { weight: number; podAffinityTerm: V1PodAffinityTerm }[] | undefined) =>
    list?.map(({ weight, podAffinityTerm }) => ({ ...affinityTermOf(pod, podAffinityTerm), weight })) ?? NOTHING;
  return {
    pod,
    uid: pod.metadata!.uid!,
    namespace: pod.metadata?.namespace ?? '',
    priority: priority ?? 0,
    ...requestsOf(pod),
    hostPorts: hostPortsOf(pod),
    claims: claimsOf(pod),
    requiredAffinity: terms(affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAntiAffinity: terms(affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: weighted(affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAntiAffinity: weighted(affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
  };
}

/** A generic ephemeral volume's claim is named after pod and volume. */
function claimsOf({ metadata, spec }: V1Pod): readonly string[] {
  if (!spec?.volumes) return NOTHING;
  return spec.volumes.flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [`${metadata?.namespace}/${persistentVolumeClaim.claimName}`];
    return ephemeral ? [`${metadata?.namespace}/${metadata?.name}-${name}`] : [];
  });
}
