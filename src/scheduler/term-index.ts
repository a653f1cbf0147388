import type { AffinityTerm } from './affinity-term.ts';
import type { NodeInfo } from './node-info.ts';
import { addCount } from './pod-counts.ts';
import type { PodInfo } from './pod-info.ts';

/** A term that pods on nodes have in common. */
export interface PlacedTerm {
  readonly term: AffinityTerm;
  /** Of a preferred term, negative for anti-affinity; 0 for required ones. */
  readonly weight: number;
  /** How many pods with it are on which node. */
  readonly counts: Map<NodeInfo, number>;
}

/** The affinity terms of pods that have a place. Pods of one template have equal terms, so there are few. */
export class TermIndex {
  readonly #requiredAnti = new Map<string, PlacedTerm>();
  readonly #required = new Map<string, PlacedTerm>();
  readonly #preferred = new Map<string, PlacedTerm>();

  get requiredAnti(): Iterable<PlacedTerm> {
    return this.#requiredAnti.values();
  }
  get required(): Iterable<PlacedTerm> {
    return this.#required.values();
  }
  get preferred(): Iterable<PlacedTerm> {
    return this.#preferred.values();
  }
  /** Whether labels of namespaces matter to any of them. */
  get selectNamespaces(): boolean {
    for (const terms of [this.#requiredAnti, this.#required, this.#preferred])
      for (const { term } of terms.values()) if (term.namespaceSelector) return true;
    return false;
  }

  change(node: NodeInfo, pod: PodInfo, by: 1 | -1): void {
    for (const term of pod.requiredAntiAffinity) count(this.#requiredAnti, { term, weight: 0, node, by });
    for (const term of pod.requiredAffinity) count(this.#required, { term, weight: 0, node, by });
    for (const term of pod.preferredAffinity) count(this.#preferred, { term, weight: term.weight, node, by });
    for (const term of pod.preferredAntiAffinity) count(this.#preferred, { term, weight: -term.weight, node, by });
  }
}

function count(
  terms: Map<string, PlacedTerm>,
  { term, weight, node, by }: { term: AffinityTerm; weight: number; node: NodeInfo; by: 1 | -1 },
): void {
  const key = `${weight} ${term.key}`;
  const placed = terms.get(key) ?? { term, weight, counts: new Map<NodeInfo, number>() };
  addCount(placed.counts, node, by);
  if (placed.counts.size === 0) terms.delete(key);
  else terms.set(key, placed);
}
