import { type HostPort, hostPortsOf } from '../api/core/v1/host-ports.ts';
import type { V1Pod, V1PodAffinityTerm } from '../api/gen/types.ts';
import { mayBeDevices } from '../api/resource/v1/extended-resources.ts';
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
  /** What it asks for by names under which there may be devices. */
  readonly extendedResources: readonly string[];
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
  const requests = requestsOf(pod);
  return {
    pod,
    uid: pod.metadata!.uid!,
    namespace: pod.metadata?.namespace ?? '',
    priority: priority ?? 0,
    ...requests,
    hostPorts: hostPortsOf(pod),
    claims: claimsOf(pod),
    extendedResources: extendedOf(requests),
    requiredAffinity: terms(affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAntiAffinity: terms(affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: weighted(affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAntiAffinity: weighted(affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
  };
}

/** Most pods ask for nothing besides cpu and memory. */
function extendedOf({ requests: { others } }: RequestsOfPod): readonly string[] {
  if (others.size === 0) return NOTHING;
  return [...others].flatMap(([name, amount]) => (amount > 0 && mayBeDevices(name) ? name : []));
}

/** A generic ephemeral volume's claim is named after pod and volume. */
function claimsOf({ metadata, spec }: V1Pod): readonly string[] {
  if (!spec?.volumes) return NOTHING;
  return spec.volumes.flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [`${metadata?.namespace}/${persistentVolumeClaim.claimName}`];
    return ephemeral ? [`${metadata?.namespace}/${metadata?.name}-${name}`] : [];
  });
}
