interface Issued {
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * The names in the newest certificate of each node: who takes a name out of a Node object, or has its own taken out, does not make it free
 * for another one while the certificate holds.
 */
export class IssuedNames {
  readonly #byNode = new Map<string, Issued>();
  readonly #holders = new Map<string, Set<string>>();

  /** Remembers what a node was issued, unless that is older than what is known. `names` are canonical. */
  note(nodeName: string, issued: Issued): void {
    const known = this.#byNode.get(nodeName);
    if (known && known.notBeforeMs > issued.notBeforeMs) return;
    this.forget(nodeName);
    this.#byNode.set(nodeName, issued);
    for (const name of issued.names) this.#holders.set(name, (this.#holders.get(name) ?? new Set()).add(nodeName));
  }

  /** Of a Node that is gone. */
  forget(nodeName: string): void {
    for (const name of this.#byNode.get(nodeName)?.names ?? []) {
      const holders = this.#holders.get(name);
      holders?.delete(nodeName);
      if (holders?.size === 0) this.#holders.delete(name);
    }
    this.#byNode.delete(nodeName);
  }

  /** Nodes whose certificate holds the name at that time. */
  holders(name: string, nowMs: number): string[] {
    return [...(this.#holders.get(name) ?? [])].filter((node) => (this.#byNode.get(node)?.notAfterMs ?? 0) > nowMs);
  }
}
