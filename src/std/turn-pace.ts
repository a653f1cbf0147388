import { nextTurn } from './next-turn.ts';
import type { Steps } from './pauses.ts';

/** So long work goes on at once when nobody can say beforehand what its parts cost. */
const AT_ONCE_MS = 5;

/** Tells such work when it is time for a pause: others then have their turn of the event loop. */
export class TurnPace {
  readonly #now: () => number;
  #sinceMs: number;

  /** @param now milliseconds of a clock that goes on while work is done */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#sinceMs = now();
  }

  /** To be awaited between two parts: undefined while there is time left. */
  rest(): Promise<void> | undefined {
    if (this.#now() - this.#sinceMs < AT_ONCE_MS) return undefined;
    return nextTurn().then(() => {
      this.#sinceMs = this.#now();
    });
  }
}

/** Between steps that are much shorter, which are many: to step costs more than to look at the time. */
const STEP_MS = 1;

/** Tells loops over things of which most take no time when it is time for a step. */
export class StepPace {
  #sinceMs = performance.now();

  due(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#sinceMs < STEP_MS) return false;
    this.#sinceMs = nowMs;
    return true;
  }
}

/** Does all of it, with a pause at those steps where it is time for one; what takes no time is done at once. */
export function runInTurns<T>(steps: Steps<T>, pace: TurnPace = new TurnPace()): T | Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    const rest = pace.rest();
    if (rest !== undefined) return rest.then(() => runInTurns(steps, pace));
  }
}
