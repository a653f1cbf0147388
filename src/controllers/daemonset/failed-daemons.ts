import type { Clock } from '../../std/clock.ts';

const FIRST_MS = 1000;
const LONGEST_MS = 15 * 60_000;

/** How often a set's pods failed on a node of late: each failure makes the next replacement wait longer, so that a broken daemon is no storm. */
export class FailedDaemons {
  readonly #clock: Clock;
  readonly #bySet = new Map<string, Map<string, { delayMs: number; atMs: number }>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How much longer a failed pod has to wait; 0: it may be replaced. */
  waitMs(setUid: string, nodeName: string): number {
    const last = this.#bySet.get(setUid)?.get(nodeName);
    return last ? Math.max(0, last.atMs + last.delayMs - this.#clock.now()) : 0;
  }

  /** A failed pod is replaced now. */
  note(setUid: string, nodeName: string): void {
    const nodes = this.#bySet.get(setUid) ?? new Map<string, { delayMs: number; atMs: number }>();
    this.#bySet.set(setUid, nodes);
    const last = nodes.get(nodeName);
    const nowMs = this.#clock.now();
    // Who held out twice the longest delay starts afresh.
    const isRecent = last && nowMs - last.atMs < 2 * LONGEST_MS;
    nodes.set(nodeName, { delayMs: isRecent ? Math.min(LONGEST_MS, last.delayMs * 2) : FIRST_MS, atMs: nowMs });
  }

  forget(setUid: string): void {
    this.#bySet.delete(setUid);
  }
}
