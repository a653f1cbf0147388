import { createHook } from 'node:async_hooks';

/**
 * What goes on in the background, or in the next turn, and then goes on with the work. Requests of crypto are not among them: those of elliptic
 * keys are done at once here, and tell nobody that they are.
 */
const WORK = /^(FSREQCALLBACK|FSREQPROMISE|Immediate|TickObject|ZLIB)$/;

/**
 * Knows when nothing moves in this process any more, so that time may be moved on: no request to the thread pool and no immediate is
 * under way. Timers of the real clock and sockets that only listen do not count.
 */
export class Quiet {
  /** Set while a turn of any of us is being made, within one call: two rehearsals must not take each other's turns for work. */
  static #makingTurn = false;
  readonly #busy = new Set<number>();
  readonly #hook = createHook({
    init: (id, type) => {
      if (!Quiet.#makingTurn && WORK.test(type)) this.#busy.add(id);
    },
    after: (id) => {
      this.#busy.delete(id);
    },
    destroy: (id) => {
      this.#busy.delete(id);
    },
    // Promises settle before any of the others; following them would cost most of the time.
    trackPromises: false,
  });

  start(): void {
    this.#hook.enable();
  }

  stop(): void {
    this.#hook.disable();
    this.#busy.clear();
  }

  /** Resolves once two turns of the event loop in a row have found nothing under way. */
  async wait(): Promise<void> {
    for (let calm = 0; calm < 2; ) {
      await this.#turn();
      calm = this.#busy.size === 0 ? calm + 1 : 0;
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      Quiet.#makingTurn = true;
      setImmediate(resolve);
      Quiet.#makingTurn = false;
    });
  }
}
