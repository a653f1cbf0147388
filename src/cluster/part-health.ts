import type { Component } from '../std/lifecycle.ts';

/** What `kubectl get componentstatuses` is told of a part. */
interface Health {
  readonly status: 'True' | 'False';
  readonly message: string;
}

/** Knows which parts of a cluster in one process work: they have no ports of their own to be asked on. */
export class PartHealth {
  readonly #working = new Set<string>();

  /** Notes a part that has started, and that it has ended. */
  watch(part: string, { done }: Pick<Component, 'done'>): void {
    this.#working.add(part);
    const ended = () => void this.#working.delete(part);
    done.then(ended, ended);
  }

  /** Asks for a part's health. */
  of(part: string): () => Promise<Health> {
    return async () =>
      this.#working.has(part) ? { status: 'True', message: 'ok' } : { status: 'False', message: `the ${part} does not run` };
  }
}
