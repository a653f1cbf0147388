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

/** Terms of one sort: by the namespaces that they name, since most speak of pods of one alone. */
class Terms {
  readonly #named = new Map<string, Map<string, PlacedTerm>>();
  /** Those that choose namespaces by their labels. */
  readonly #choosing = new Map<string, PlacedTerm>();

  get chooseNamespaces(): boolean {
    return this.#choosing.size > 0;
  }

  /** Those that may speak of pods of a namespace. */
  *for(namespace: string): Iterable<PlacedTerm> {
    yield* this.#named.get(namespace)?.values() ?? [];
    yield* this.#choosing.values();
  }

  change(term: AffinityTerm, weight: number, node: NodeInfo, by: 1 | -1): void {
    const key = `${weight} ${term.key}`;
    if (term.namespaceSelector) {
      const placed = this.#choosing.get(key) ?? { term, weight, counts: new Map<NodeInfo, number>() };
      addCount(placed.counts, node, by);
      if (placed.counts.size > 0) this.#choosing.set(key, placed);
      else this.#choosing.delete(key);
      return;
    }
    let placed: PlacedTerm | undefined;
    for (const namespace of term.namespaces) {
      const terms = this.#named.get(namespace) ?? new Map<string, PlacedTerm>();
      if (!placed) {
        placed = terms.get(key) ?? { term, weight, counts: new Map<NodeInfo, number>() };
        addCount(placed.counts, node, by);
      }
      if (placed.counts.size > 0) this.#named.set(namespace, terms.set(key, placed));
      else if (terms.delete(key) && terms.size === 0) this.#named.delete(namespace);
    }
  }
}

/** The affinity terms of pods that have a place. Pods of one template have equal terms, so there are few. */
export class TermIndex {
  readonly #requiredAnti = new Terms();
  readonly #required = new Terms();
  readonly #preferred = new Terms();

  requiredAnti(namespace: string): Iterable<PlacedTerm> {
    return this.#requiredAnti.for(namespace);
  }
  required(namespace: string): Iterable<PlacedTerm> {
    return this.#required.for(namespace);
  }
  preferred(namespace: string): Iterable<PlacedTerm> {
    return this.#preferred.for(namespace);
  }
  /** Whether labels of namespaces matter to any of them. */
  get selectNamespaces(): boolean {
    return [this.#requiredAnti, this.#required, this.#preferred].some(({ chooseNamespaces }) => chooseNamespaces);
  }

  change(node: NodeInfo, pod: PodInfo, by: 1 | -1): void {
    for (const term of pod.requiredAntiAffinity) this.#requiredAnti.change(term, 0, node, by);
    for (const term of pod.requiredAffinity) this.#required.change(term, 0, node, by);
    for (const term of pod.preferredAffinity) this.#preferred.change(term, term.weight, node, by);
    for (const term of pod.preferredAntiAffinity) this.#preferred.change(term, -term.weight, node, by);
  }
}
