import { type HostPort, hostPortsOf } from '../api/core/v1/host-ports.ts';
import type { V1Node, V1Pod } from '../api/gen/types.ts';
import { type Amounts, addAmounts, amountsOf, assumedRequests, podRequests } from './pod-requests.ts';

/** A node and what is on it, as a scheduling cycle sees it. Amounts are in thousandths. */
export interface NodeInfo {
  readonly node: V1Node;
  readonly allocatable: Amounts;
  /** Keyed by uid. */
  readonly pods: ReadonlyMap<string, V1Pod>;
  readonly requested: Amounts;
  readonly assumedRequested: Amounts;
  readonly hostPorts: readonly HostPort[];
}

interface MutableNodeInfo extends NodeInfo {
  node: V1Node;
  allocatable: Amounts;
  readonly pods: Map<string, V1Pod>;
  readonly requested: Map<string, bigint>;
  readonly assumedRequested: Map<string, bigint>;
  hostPorts: HostPort[];
}

/** Pods that take no room any more. */
export function isFinished(pod: V1Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/**
 * What the scheduler knows of the cluster: nodes with the pods bound to them, and those that it has just bound itself
 * (assumed) until the informer shows them. Sums are kept up as pods come and go.
 */
export class ClusterState {
  #nodes = new Map<string, MutableNodeInfo>();
  /** Pods on nodes that are not known (yet), by node. */
  #homeless = new Map<string, Map<string, V1Pod>>();
  #placed = new Map<string, { pod: V1Pod; nodeName: string }>();

  nodes(): NodeInfo[] {
    return [...this.#nodes.values()];
  }

  setNode(node: V1Node): void {
    const name = node.metadata!.name!;
    const allocatable = amountsOf(node.status?.allocatable ?? node.status?.capacity);
    const known = this.#nodes.get(name);
    if (known) {
      known.node = node;
      known.allocatable = allocatable;
      return;
    }
    this.#nodes.set(name, {
      node,
      allocatable,
      pods: new Map(),
      requested: new Map(),
      assumedRequested: new Map(),
      hostPorts: [],
    });
    const waiting = this.#homeless.get(name);
    this.#homeless.delete(name);
    for (const pod of waiting?.values() ?? []) this.#place(pod, name);
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (!info) return;
    this.#nodes.delete(name);
    if (info.pods.size) this.#homeless.set(name, new Map(info.pods));
  }

  /** Records a pod where it is bound, or as bound to `nodeName` before the API shows it. */
  setPod(pod: V1Pod, nodeName: string | undefined = pod.spec?.nodeName): void {
    this.removePod(pod);
    if (!nodeName || isFinished(pod)) return;
    this.#placed.set(pod.metadata!.uid!, { pod, nodeName });
    this.#place(pod, nodeName);
  }

  /** Whether the pod has a place, assumed or seen. */
  hasPod(uid: string): boolean {
    return this.#placed.has(uid);
  }

  removePod(pod: V1Pod): void {
    const uid = pod.metadata!.uid!;
    const placed = this.#placed.get(uid);
    if (!placed) return;
    this.#placed.delete(uid);
    this.#homeless.get(placed.nodeName)?.delete(uid);
    const info = this.#nodes.get(placed.nodeName);
    if (!info?.pods.delete(uid)) return;
    const requests = podRequests(placed.pod);
    addAmounts(info.requested, requests, -1n);
    addAmounts(info.assumedRequested, assumedRequests(requests), -1n);
    info.hostPorts = [...info.pods.values()].flatMap(hostPortsOf);
  }

  #place(pod: V1Pod, nodeName: string): void {
    const info = this.#nodes.get(nodeName);
    if (!info) {
      const waiting = this.#homeless.get(nodeName) ?? new Map<string, V1Pod>();
      this.#homeless.set(nodeName, waiting.set(pod.metadata!.uid!, pod));
      return;
    }
    const requests = podRequests(pod);
    info.pods.set(pod.metadata!.uid!, pod);
    addAmounts(info.requested, requests);
    addAmounts(info.assumedRequested, assumedRequests(requests));
    info.hostPorts.push(...hostPortsOf(pod));
  }
}
