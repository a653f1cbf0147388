import type { MutableNodeInfo, NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

/** A question about pods whose answer is kept for every node. */
export interface PodQuery {
  /** Equal for queries that mean the same. */
  readonly key: string;
  /** The one namespace that it can match pods of; undefined: any. */
  readonly namespace: string | undefined;
  matches(pod: PodInfo): boolean;
}

interface Entry {
  readonly query: PodQuery;
  readonly counts: Map<NodeInfo, number>;
}

/** The least recently asked is forgotten beyond that. */
const MAX_QUERIES = 256;

/**
 * How many pods that a query matches are on which node. An answer is counted out once and then kept up as pods come and go, so that
 * ten thousand pods of one Deployment are not counted ten thousand times.
 */
export class PodCounts {
  readonly #entries = new Map<string, Entry>();

  /** Nodes that have at least one. */
  of(query: PodQuery, nodes: () => Iterable<MutableNodeInfo>): ReadonlyMap<NodeInfo, number> {
    const known = this.#entries.get(query.key);
    if (known) {
      this.#entries.delete(query.key);
      this.#entries.set(query.key, known);
      return known.counts;
    }
    const entry: Entry = { query, counts: new Map() };
    for (const node of nodes()) for (const pod of node.pods.values()) count(entry, node, pod, 1);
    this.#entries.set(query.key, entry);
    if (this.#entries.size > MAX_QUERIES) this.#entries.delete(this.#entries.keys().next().value!);
    return entry.counts;
  }

  change(node: NodeInfo, pod: PodInfo, by: 1 | -1): void {
    for (const entry of this.#entries.values()) count(entry, node, pod, by);
  }

  /** For when what queries mean has changed: a namespace got other labels. */
  forget(): void {
    this.#entries.clear();
  }
}

function count({ query, counts }: Entry, node: NodeInfo, pod: PodInfo, by: 1 | -1): void {
  if (query.namespace !== undefined && query.namespace !== pod.namespace) return;
  if (query.matches(pod)) addCount(counts, node, by);
}

/** Leaves no zeroes behind. */
export function addCount<K>(counts: Map<K, number>, key: K, by: number): void {
  const sum = (counts.get(key) ?? 0) + by;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
}
