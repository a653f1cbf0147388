import type { Client } from '../../client/client.ts';
import type { ClusterState } from '../verify/checks.ts';

/** A node as the cluster knows it. */
export interface NodeState {
  readonly ready: boolean;
  /** Why it is not, in the cluster's words. */
  readonly message: string;
  readonly podCidrs: readonly string[];
  /** When its kubelet last told its state, as it says so; empty: never. */
  readonly heartbeat: string;
}

export interface Patience {
  /** Default three minutes: an API server that starts beside members of etcd that do. */
  readonly patienceMs?: number;
  /** Told why it is not ready, when that changes. */
  readonly waiting?: (why: string) => void;
}

/** What deploying asks of the cluster itself, by its API. */
export interface Cluster {
  /** As its administrator. */
  readonly client: Client;
  /** Resolves when the API server answers that it is ready. @throws CodedError API_SERVER_NOT_READY saying why */
  waitReady(signal: AbortSignal, patience?: Patience): Promise<void>;
  /** Makes the objects that nodes need to join, unless they are there. Answers what it made, `kind name` each. */
  prepare(signal: AbortSignal): Promise<readonly string[]>;
  /** A bootstrap token for one node. */
  createToken(node: string, signal: AbortSignal): Promise<string>;
  /** Approves the open serving requests of these nodes, where each names no more than its own name and addresses. */
  approveServing(nodes: ReadonlyMap<string, readonly string[]>, signal: AbortSignal): Promise<void>;
  /** By name. */
  nodes(signal: AbortSignal): Promise<ReadonlyMap<string, NodeState>>;
  /** All that is looked at when a cluster is verified. */
  state(signal: AbortSignal): Promise<ClusterState>;
  close(): Promise<void>;
}
