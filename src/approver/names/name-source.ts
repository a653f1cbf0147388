/** One name of a request. */
export interface AskedName {
  readonly kind: 'dns' | 'address';
  readonly value: string;
}

/** `own`: the node's; `unknown`: the source cannot tell; `contested`: it gives it to several nodes; else whose it is. */
export type SourceAnswer = 'own' | 'unknown' | 'contested' | { readonly owner: string };

/** Something that knows whose names are whose, and that no node can write. */
export interface NameSource {
  /** In messages: `inventory`, `dns`. */
  readonly name: string;
  /**
   * Answers for each name, in order. Rejects when the source cannot be asked, which never counts against the node.
   */
  ask(nodeName: string, names: readonly AskedName[], signal: AbortSignal): Promise<readonly SourceAnswer[]>;
  /** Whether it expects a node of this name; for sources that list nodes. */
  expects?(nodeName: string, signal: AbortSignal): Promise<boolean>;
}
