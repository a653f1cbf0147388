/** So long, in one turn of the event loop, what was left for a while goes on, whosever it is: the last of it may take longer. */
const SHARE_MS = 10;

export interface TurnShareOptions {
  /** Milliseconds of a clock that goes on while work is done. */
  readonly now: () => number;
  /** Calls back in a later turn of the event loop. */
  readonly later: (turn: () => void) => void;
}

/**
 * Shares turns of the event loop among all work that is done in parts. Each part is short, but were all that wait to go on in the same turn, a hundred
 * large requests at once would make it a hundred parts long:
 *
 *     turn: part of a, part of b │ input, timers │ turn: part of c, part of a │ …
 *
 * Nobody has two parts of one turn.
 */
export class TurnShare {
  readonly #now: () => number;
  readonly #later: (turn: () => void) => void;
  #waiting: (() => void)[] = [];
  #next = 0;
  /** Who comes from there on has had a part in this turn. */
  #end = 0;
  #running = false;
  #untilMs = 0;

  constructor({ now, later }: TurnShareOptions) {
    this.#now = now;
    this.#later = later;
  }

  /** Resolves in a later turn: first come, first served. */
  nextTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#running) return;
      this.#running = true;
      this.#later(this.#begin);
    });
  }

  readonly #begin = (): void => {
    this.#untilMs = this.#now() + SHARE_MS;
    this.#end = this.#waiting.length;
    this.#goOn();
  };

  #goOn(): void {
    this.#waiting[this.#next++]!();
    // Behind all that goes on from there at once.
    queueMicrotask(() => process.nextTick(this.#look));
  }

  readonly #look = (): void => {
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
      this.#running = false;
    } else if (this.#next < this.#end && this.#now() < this.#untilMs) this.#goOn();
    else {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
      this.#later(this.#begin);
    }
  };
}

/** Of this thread, as its event loop is: it keeps nothing but who waits. */
const share = new TurnShare({ now: () => performance.now(), later: setImmediate });

/** To be awaited between two parts of long work. */
export const nextTurn = (): Promise<void> => share.nextTurn();
