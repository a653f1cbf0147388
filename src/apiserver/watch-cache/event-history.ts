import type { CachedEvent } from './cached-event.ts';

/** As upstream's watch cache: never fewer than this many events, never more, and between them those of the last 75 seconds. */
const FEWEST = 100;
const MOST = 10_000;
const KEPT_MS = 75_000;
/** Whatever the number: large objects that change often must not fill the memory. */
const MOST_BYTES = 32 * 1024 * 1024;

/** The latest changes of one kind, for watches that begin in the past. */
export class EventHistory {
  /** Those before `#start` have been forgotten. */
  #events: (CachedEvent | undefined)[] = [];
  #start = 0;
  #forgotten: number;
  #sizeBytes = 0;

  /** @param knownFrom the revision of the list that the history begins behind */
  constructor(knownFrom: number) {
    this.#forgotten = knownFrom;
  }

  /** Changes up to this revision are not known (any more); a watch may begin here or later. */
  get forgottenUpTo(): number {
    return this.#forgotten;
  }

  add(event: CachedEvent): void {
    this.#events.push(event);
    this.#sizeBytes += event.sizeBytes;
    this.forgetOld(event.timeMs);
  }

  /** Lets go of what is not to be kept any more. Returns whether something will not be in a while. */
  forgetOld(nowMs: number): boolean {
    while (this.#tooLong(nowMs)) {
      const event = this.#events[this.#start]!;
      this.#forgotten = event.revision;
      this.#sizeBytes -= event.sizeBytes;
      this.#events[this.#start++] = undefined;
    }
    if (this.#start > 1024 && this.#start * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#start);
      this.#start = 0;
    }
    return this.#events.length - this.#start > FEWEST;
  }

  /** Changes behind a revision that has not been forgotten, oldest first. */
  since(revision: number): CachedEvent[] {
    let low = this.#start;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low) as CachedEvent[];
  }

  #tooLong(nowMs: number): boolean {
    const length = this.#events.length - this.#start;
    if (length > 1 && this.#sizeBytes > MOST_BYTES) return true;
    return length > MOST || (length > FEWEST && this.#events[this.#start]!.timeMs < nowMs - KEPT_MS);
  }
}
