interface Closable {
  [Symbol.asyncDispose](): PromiseLike<void>;
}

/**
 * What was opened and is to be closed, last first: as JavaScript's AsyncDisposableStack, which Node has from release 24 on, while an installed
 * package runs on 22 as well.
 */
export class Resources {
  #closers: (() => unknown)[] = [];
  #closing: Promise<void> | undefined;

  /** Lets something be done at the end. */
  defer(close: () => unknown): void {
    if (this.#closing !== undefined) throw new ReferenceError('these resources are closed already');
    this.#closers.push(close);
  }

  /** Takes over what closes itself, and answers it. */
  use<T extends Closable>(resource: T): T {
    this.defer(() => resource[Symbol.asyncDispose]());
    return resource;
  }

  /** Hands everything on to a new owner: this one then closes nothing. */
  move(): Resources {
    const moved = new Resources();
    for (const close of this.#closers.splice(0)) moved.defer(close);
    return moved;
  }

  /**
   * Closes everything, each after what came later, and each whatever became of the others. A second call waits for the first.
   *
   * @throws what the only failure was; several as one AggregateError
   */
  disposeAsync(): Promise<void> {
    this.#closing ??= closeAll(this.#closers.splice(0).reverse());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disposeAsync();
  }
}

async function closeAll(closers: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, 'several resources could not be closed');
}
