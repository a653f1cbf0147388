import type { PodInfo } from './pod-info.ts';

const NOBODY: readonly never[] = [];

/** Pods for which room is being made, by the node that they are to get. */
export class Nominations {
  readonly #nodes = new Map<string, Map<string, PodInfo>>();
  readonly #nodeOf = new Map<string, string>();

  set(pod: PodInfo, nodeName: string): void {
    this.delete(pod.uid);
    const pods = this.#nodes.get(nodeName) ?? new Map<string, PodInfo>();
    this.#nodes.set(nodeName, pods.set(pod.uid, pod));
    this.#nodeOf.set(pod.uid, nodeName);
  }

  delete(uid: string): void {
    const nodeName = this.#nodeOf.get(uid);
    if (nodeName === undefined) return;
    this.#nodeOf.delete(uid);
    const pods = this.#nodes.get(nodeName);
    pods?.delete(uid);
    if (pods?.size === 0) this.#nodes.delete(nodeName);
  }

  nodeOf(uid: string): string | undefined {
    return this.#nodeOf.get(uid);
  }

  /** Those whose claim on the node counts for a pod: of its priority or a higher one, without itself. */
  on(nodeName: string, { uid, priority }: PodInfo): readonly PodInfo[] {
    const pods = this.#nodes.get(nodeName);
    return pods ? [...pods.values()].filter((pod) => pod.uid !== uid && pod.priority >= priority) : NOBODY;
  }

  /** Those that a pod pushes aside when room is made for it. */
  below(nodeName: string, priority: number): readonly PodInfo[] {
    const pods = this.#nodes.get(nodeName);
    return pods ? [...pods.values()].filter((pod) => pod.priority < priority) : NOBODY;
  }
}
