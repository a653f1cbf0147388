import { Pace, type Steps } from '../std/pauses.ts';
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
  /** Nodes whose pods are yet to be counted: what comes and goes there meanwhile is then. */
  readonly uncounted: Set<MutableNodeInfo>;
}

/** The least recently asked is forgotten beyond that. */
const MAX_QUERIES = 256;
/** So many pods are counted between two pauses. */
const PART = 500;

/**
 * How many pods that a query matches are on which node. An answer is counted out once and then kept up as pods come and go, so that
 * ten thousand pods of one Deployment are not counted ten thousand times.
 */
export class PodCounts {
  readonly #entries = new Map<string, Entry>();
  #room = MAX_QUERIES;

  /** Nodes that have at least one. */
  of(query: PodQuery, nodes: () => Iterable<MutableNodeInfo>): ReadonlyMap<NodeInfo, number> {
    const entry = this.#entryOf(query, nodes);
    for (const node of entry.uncounted) countNode(entry, node);
    this.#trim();
    return entry.counts;
  }

  /** Counts beforehand what will be asked for one pod: it may have thousands of terms, and each is held against all pods. */
  *prepare(queries: readonly PodQuery[], nodes: () => Iterable<MutableNodeInfo>): Steps<void> {
    // And what is asked besides: one too many in their order would have each forgotten just before it is asked for.
    this.#room = MAX_QUERIES + queries.length;
    this.#trim();
    const pace = new Pace(PART);
    for (const query of queries) {
      const entry = this.#entryOf(query, nodes);
      for (const node of entry.uncounted) {
        countNode(entry, node);
        if (pace.due(1 + node.pods.size)) yield;
      }
    }
    this.#trim();
  }

  change(node: MutableNodeInfo, pod: PodInfo, by: 1 | -1): void {
    for (const entry of this.#entries.values()) if (!entry.uncounted.has(node)) count(entry, node, pod, by);
  }

  /** For when what queries mean has changed: a namespace got other labels. */
  forget(): void {
    this.#entries.clear();
  }

  #entryOf(query: PodQuery, nodes: () => Iterable<MutableNodeInfo>): Entry {
    const entry = this.#entries.get(query.key) ?? { query, counts: new Map(), uncounted: new Set(nodes()) };
    this.#entries.delete(query.key);
    this.#entries.set(query.key, entry);
    return entry;
  }

  #trim(): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= this.#room) return;
      this.#entries.delete(key);
    }
  }
}

function countNode(entry: Entry, node: MutableNodeInfo): void {
  entry.uncounted.delete(node);
  for (const pod of node.pods.values()) count(entry, node, pod, 1);
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
