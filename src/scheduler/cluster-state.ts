import type { V1Node, V1Pod } from '../api/gen/types.ts';
import type { Steps } from '../std/pauses.ts';
import { MutableNodeInfo, type NodeInfo } from './node-info.ts';
import { addCount, PodCounts, type PodQuery } from './pod-counts.ts';
import { isFinished, type PodInfo, podInfoOf } from './pod-info.ts';
import { TermIndex } from './term-index.ts';

interface Placement {
  readonly info: PodInfo;
  readonly nodeName: string;
}

/**
 * What the scheduler knows of the cluster: nodes with the pods bound to them, and those that it has just bound itself (assumed) until
 * the informer shows them. A cycle needs no copy: nothing changes within a step of it, and a change between two is as good before or after it.
 */
export class ClusterState {
  readonly #nodes = new Map<string, MutableNodeInfo>();
  /** Pods on nodes that are not known (yet), by node. */
  readonly #homeless = new Map<string, Map<string, PodInfo>>();
  readonly #placed = new Map<string, Placement>();
  readonly #counts = new PodCounts();
  readonly #claims = new Map<string, number>();
  readonly #priorities = new Map<number, number>();
  #list: readonly NodeInfo[] | undefined;
  /** The affinity terms of pods on nodes. */
  readonly terms = new TermIndex();
  /** How many nodes have an image, by normalised name. */
  readonly imageNodes = new Map<string, number>();

  /** Zone by zone in turn, so that a look at some of them is a look at all zones. The list is the same until nodes come or go. */
  nodes(): readonly NodeInfo[] {
    this.#list ??= interleaveZones([...this.#nodes.values()]);
    return this.#list;
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  setNode(node: V1Node): void {
    const name = node.metadata!.name!;
    const known = this.#nodes.get(name);
    if (known) {
      const moved = zoneOf(known.labels) !== zoneOf(node.metadata?.labels ?? {});
      this.#countImages(known, -1);
      known.setNode(node);
      this.#countImages(known, 1);
      if (moved) this.#list = undefined;
      return;
    }
    const info = new MutableNodeInfo(node);
    this.#nodes.set(name, info);
    this.#list = undefined;
    this.#countImages(info, 1);
    const waiting = this.#homeless.get(name);
    this.#homeless.delete(name);
    for (const pod of waiting?.values() ?? []) this.#place(pod, name);
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (!info) return;
    const pods = [...info.pods.values()];
    for (const pod of pods) this.#displace(pod, name);
    this.#countImages(info, -1);
    this.#nodes.delete(name);
    this.#list = undefined;
    for (const pod of pods) this.#place(pod, name);
  }

  /** Records a pod where it is bound, or as bound to `nodeName` before the API shows it. */
  setPod(pod: V1Pod | PodInfo, nodeName?: string): void {
    const info = 'uid' in pod ? pod : podInfoOf(pod);
    const name = nodeName ?? info.pod.spec?.nodeName;
    this.removePod(info.uid);
    if (!name || isFinished(info.pod)) return;
    this.#placed.set(info.uid, { info, nodeName: name });
    addCount(this.#priorities, info.priority, 1);
    this.#place(info, name);
  }

  /** How many pods have a place. */
  get podCount(): number {
    return this.#placed.size;
  }

  /** What a pod with a place, assumed or seen, is. */
  pod(uid: string): PodInfo | undefined {
    return this.#placed.get(uid)?.info;
  }

  removePod(uid: string): void {
    const placed = this.#placed.get(uid);
    if (!placed) return;
    this.#placed.delete(uid);
    addCount(this.#priorities, placed.info.priority, -1);
    this.#displace(placed.info, placed.nodeName);
  }

  /** Whether a pod with a place has a lower priority: without one nothing can be preempted. */
  hasPodsBelow(priority: number): boolean {
    for (const each of this.#priorities.keys()) if (each < priority) return true;
    return false;
  }

  /** How many pods use a claim (`namespace/name`). */
  usersOfClaim(claim: string): number {
    return this.#claims.get(claim) ?? 0;
  }

  /** Nodes with pods that a query matches, and how many. */
  count(query: PodQuery): ReadonlyMap<NodeInfo, number> {
    return this.#counts.of(query, () => this.#nodes.values());
  }

  /** Counts beforehand, in steps, what `count` will be asked for one pod. */
  prepareCounts(queries: readonly PodQuery[]): Steps<void> {
    return this.#counts.prepare(queries, () => this.#nodes.values());
  }

  /** For when namespaces got other labels. */
  forgetCounts(): void {
    this.#counts.forget();
  }

  /** Puts a pod on a node for a moment, or takes it away: to see what would be. The caller sets it right again before it waits. */
  supposeOn(info: PodInfo, nodeName: string): void {
    this.#place(info, nodeName);
  }
  supposeGone(info: PodInfo, nodeName: string): void {
    this.#displace(info, nodeName);
  }

  #place(info: PodInfo, nodeName: string): void {
    const node = this.#nodes.get(nodeName);
    if (!node) {
      const waiting = this.#homeless.get(nodeName) ?? new Map<string, PodInfo>();
      this.#homeless.set(nodeName, waiting.set(info.uid, info));
      return;
    }
    node.add(info);
    this.#note(node, info, 1);
  }

  #displace(info: PodInfo, nodeName: string): void {
    const waiting = this.#homeless.get(nodeName);
    if (waiting?.delete(info.uid) && waiting.size === 0) this.#homeless.delete(nodeName);
    const node = this.#nodes.get(nodeName);
    if (!node?.pods.has(info.uid)) return;
    node.remove(info);
    this.#note(node, info, -1);
  }

  #note(node: MutableNodeInfo, info: PodInfo, by: 1 | -1): void {
    this.#counts.change(node, info, by);
    this.terms.change(node, info, by);
    for (const claim of info.claims) addCount(this.#claims, claim, by);
  }

  #countImages(node: NodeInfo, by: 1 | -1): void {
    for (const name of node.images.keys()) addCount(this.imageNodes, name, by);
  }
}

const ZONE = 'topology.kubernetes.io/zone';
const REGION = 'topology.kubernetes.io/region';
const zoneOf = (labels: Readonly<Record<string, string>>) => `${labels[REGION] ?? ''}/${labels[ZONE] ?? ''}`;

function interleaveZones(nodes: readonly NodeInfo[]): readonly NodeInfo[] {
  const zones = [...Map.groupBy(nodes, (node) => zoneOf(node.labels)).values()];
  if (zones.length < 2) return nodes;
  const longest = Math.max(...zones.map((zone) => zone.length));
  const list: NodeInfo[] = [];
  for (let i = 0; i < longest; i++) for (const zone of zones) if (zone[i]) list.push(zone[i]!);
  return list;
}
