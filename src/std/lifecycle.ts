/**
 * A long-running part. `start` resolves when the part is ready to do its work and rejects when it cannot
 * begin; `done` settles when it has ended: resolved after the signal was aborted, rejected when it failed
 * by itself. Constructors do no work.
 */
export interface Component {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
  readonly done: Promise<void>;
}

/** A promise with its resolvers, for conditions that are met elsewhere. */
export function deferred<T = void>(): PromiseWithResolvers<T> {
  return Promise.withResolvers<T>();
}

/** True when `error` only says that `signal` was aborted, which ends loops without being a failure. */
export function isAbort(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'));
}

/** Rejects with the signal's reason once it is aborted; for races with what does not look at the signal itself. */
export function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Starts parts in order, and stops those that started, in reverse, when one fails or `stop` is called. */
export class ComponentGroup {
  #started: { component: Component; controller: AbortController }[] = [];

  async start(component: Component): Promise<void> {
    const controller = new AbortController();
    this.#started.push({ component, controller });
    await component.start(controller.signal);
  }

  /** Stops every part, last started first, and waits for each to end. Failures to end are gathered and thrown together. */
  async stop(reason = 'stopped'): Promise<void> {
    const failures: unknown[] = [];
    for (const { component, controller } of this.#started.splice(0).reverse()) {
      controller.abort(new DOMException(reason, 'AbortError'));
      try {
        await component.done;
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length) throw new AggregateError(failures, 'components did not stop cleanly');
  }
}
