import type { V1Pod } from '../../api/gen/types.ts';

/** Ended pods beyond the threshold, oldest first. A threshold of 0 or less keeps all. */
export function planTerminated(pods: readonly V1Pod[], threshold: number): V1Pod[] {
  if (threshold <= 0) return [];
  const ended = pods.filter((pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed');
  if (ended.length <= threshold) return [];
  return ended
    .toSorted((a, b) => createdMs(a) - createdMs(b) || compare(nameOf(a), nameOf(b)))
    .slice(0, ended.length - threshold);
}

/** Pods that are being deleted and never got a node, whose kubelet could finish it. */
export function planUnscheduled(pods: readonly V1Pod[]): V1Pod[] {
  return pods.filter((pod) => pod.metadata?.deletionTimestamp && !pod.spec?.nodeName);
}

/** Names of nodes that pods are bound to and that are not there, as far as the cache knows. */
export function missingNodes(pods: readonly V1Pod[], hasNode: (name: string) => boolean): Set<string> {
  return new Set(pods.flatMap((pod) => (pod.spec?.nodeName && !hasNode(pod.spec.nodeName) ? [pod.spec.nodeName] : [])));
}

function createdMs(pod: V1Pod): number {
  return Date.parse(pod.metadata?.creationTimestamp ?? '') || 0;
}

function nameOf({ metadata }: V1Pod): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
