import type { V1Node, V1Pod } from '../../api/gen/types.ts';

const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

/** Ended pods beyond the threshold: evicted ones first, then the oldest. A threshold of 0 or less keeps all. */
export function planTerminated(pods: readonly V1Pod[], threshold: number): V1Pod[] {
  if (threshold <= 0) return [];
  const ended = pods.filter((pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed');
  if (ended.length <= threshold) return [];
  return ended.toSorted(inOrder).slice(0, ended.length - threshold);
}

/** Pods that are being deleted on nodes that somebody has declared out of service: their kubelets will not finish them. */
export function planOutOfService(pods: readonly V1Pod[], nodeOf: (name: string) => V1Node | undefined): V1Pod[] {
  return pods
    .filter(({ metadata, spec }) => metadata?.deletionTimestamp && isOutOfService(nodeOf(spec?.nodeName ?? '')))
    .toSorted(inOrder);
}

/** Of a node that is Ready the taint says nothing: its kubelet can do its work. */
function isOutOfService(node: V1Node | undefined): boolean {
  const isReady = node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  return !isReady && (node?.spec?.taints ?? []).some(({ key }) => key === OUT_OF_SERVICE);
}

/** Pods that are being deleted and never got a node, whose kubelet could finish it. */
export function planUnscheduled(pods: readonly V1Pod[]): V1Pod[] {
  return pods.filter((pod) => pod.metadata?.deletionTimestamp && !pod.spec?.nodeName).sort(inOrder);
}

/** Names of nodes that pods are bound to and that are not there, as far as the cache knows. */
export function missingNodes(pods: readonly V1Pod[], hasNode: (name: string) => boolean): Set<string> {
  return new Set(pods.flatMap((pod) => (pod.spec?.nodeName && !hasNode(pod.spec.nodeName) ? [pod.spec.nodeName] : [])));
}

const isEvicted = ({ status }: V1Pod): boolean => status?.phase === 'Failed' && status.reason === 'Evicted';

function inOrder(a: V1Pod, b: V1Pod): number {
  return Number(isEvicted(b)) - Number(isEvicted(a)) || createdMs(a) - createdMs(b) || compare(nameOf(a), nameOf(b));
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
