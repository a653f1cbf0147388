import { deferred } from '../../std/lifecycle.ts';

/** In turns of the event loop: deciding takes no longer, unless somebody is asked who may want to write the object himself (a webhook). */
const DECIDING_TURNS = 2;

/** Somebody's turn at changing an object; it has to be ended, whatever comes of it. */
export interface ChangeTurn {
  /** The object has been read. */
  decides(): void;
  /** What was decided is on its way to the store: until that has answered, nobody else can decide on what there will be. */
  writes<T>(write: Promise<T>): Promise<T>;
  ends(): void;
}

/**
 * Lets those who change one object do so one behind the other. Every write is a compare-and-set, so that two at a time do no harm; but the second one
 * decides on what is being replaced, loses, and has to decide again. The Node of a joining kubelet is changed by it and by three controllers at once.
 *
 * Nobody waits for one who takes long to decide.
 */
export class ChangeTurns {
  readonly #last = new Map<string, TakenTurn>();

  /** Waits for those who came before. */
  async take(key: string): Promise<ChangeTurn> {
    const before = this.#last.get(key);
    const turn = new TakenTurn(() => {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    });
    this.#last.set(key, turn);
    if (before) await Promise.race([before.ended, before.takesLong()]);
    return turn;
  }
}

class TakenTurn implements ChangeTurn {
  readonly #forget: () => void;
  readonly #begun = deferred();
  readonly #ended = deferred();
  #write: Promise<unknown> | undefined;

  constructor(forget: () => void) {
    this.#forget = forget;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  decides(): void {
    this.#begun.resolve();
  }

  writes<T>(write: Promise<T>): Promise<T> {
    const written = write.finally(() => {
      this.#write = undefined;
    });
    this.#write = written;
    return written;
  }

  ends(): void {
    this.#forget();
    this.#ended.resolve();
  }

  /** Resolves when deciding goes on for longer than it takes by itself, or at the end. */
  async takesLong(): Promise<void> {
    await Promise.race([this.#begun.promise, this.ended]);
    for (;;) {
      for (let turns = 0; turns < DECIDING_TURNS; turns++) await new Promise((resolve) => setImmediate(resolve));
      if (!this.#write) return;
      await this.#write.catch(() => undefined); // told to whom it belongs
    }
  }
}
