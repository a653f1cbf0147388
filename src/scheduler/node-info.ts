import type { V1Node } from '../api/gen/types.ts';
import type { PodInfo } from './pod-info.ts';
import { addResources, noResources, type Resources, resourcesOf, subtractResources } from './resources.ts';

/** A node and what is on it, as a scheduling cycle sees it. */
export interface NodeInfo {
  readonly name: string;
  readonly node: V1Node;
  readonly labels: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Resources>;
  readonly maxPods: number;
  /** Keyed by uid. */
  readonly pods: ReadonlyMap<string, PodInfo>;
  readonly requested: Readonly<Resources>;
  /** cpu and memory with the assumed amounts of pods that request none. */
  readonly assumedCpu: number;
  readonly assumedMemory: number;
  /** How many of its pods have host ports. */
  readonly podsWithPorts: number;
  /** Size in bytes by normalised name. */
  readonly images: ReadonlyMap<string, number>;
}

/** Sums are kept up as pods come and go. */
export class MutableNodeInfo implements NodeInfo {
  readonly name: string;
  node: V1Node;
  labels: Readonly<Record<string, string>>;
  allocatable: Resources;
  maxPods = 0;
  readonly pods = new Map<string, PodInfo>();
  readonly requested = noResources();
  assumedCpu = 0;
  assumedMemory = 0;
  podsWithPorts = 0;
  images: ReadonlyMap<string, number>;

  constructor(node: V1Node) {
    this.name = node.metadata!.name!;
    this.node = node;
    this.labels = {};
    this.allocatable = noResources();
    this.images = new Map();
    this.setNode(node);
  }

  setNode(node: V1Node): void {
    this.node = node;
    // Without a prototype: a topology key may be named `constructor`.
    this.labels = Object.assign(Object.create(null), node.metadata?.labels) as Readonly<Record<string, string>>;
    this.allocatable = resourcesOf(node.status?.allocatable ?? node.status?.capacity);
    this.maxPods = this.allocatable.others.get('pods') ?? 0;
    this.images = new Map(
      (node.status?.images ?? []).flatMap(({ names, sizeBytes }) =>
        (names ?? []).map((name): [string, number] => [normalisedImage(name), sizeBytes ?? 0]),
      ),
    );
  }

  add(pod: PodInfo): void {
    this.pods.set(pod.uid, pod);
    addResources(this.requested, pod.requests);
    this.assumedCpu += pod.assumedCpu;
    this.assumedMemory += pod.assumedMemory;
    if (pod.hostPorts.length) this.podsWithPorts++;
  }

  remove(pod: PodInfo): void {
    this.pods.delete(pod.uid);
    subtractResources(this.requested, pod.requests);
    this.assumedCpu -= pod.assumedCpu;
    this.assumedMemory -= pod.assumedMemory;
    if (pod.hostPorts.length) this.podsWithPorts--;
  }
}

/** With the tag that is meant when none is written. */
export function normalisedImage(name: string): string {
  return name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name;
}
