/** How long a container must wait before it runs again. */
export interface RestartWait {
  /** 0: it may start now. */
  readonly waitMs: number;
  /** The whole delay, as the status tells it. */
  readonly delayMs: number;
}

const FIRST_MS = 10_000;
export const LONGEST_RESTART_DELAY_MS = 300_000;

interface Entry {
  delayMs: number;
  /** When the container was last started again. */
  updatedMs: number;
}

/**
 * client-go's Backoff as the kubelet uses it: the first restart is at once, then after 10 s, 20 s … up to the longest; a container that
 * ran twice the longest delay is forgiven. A kubelet started anew has forgotten, as upstream's has.
 */
export class RestartBackoff {
  readonly #longestMs: number;
  readonly #entries = new Map<string, Map<string, Entry>>();

  constructor(longestMs = LONGEST_RESTART_DELAY_MS) {
    this.#longestMs = longestMs;
  }

  /** Of a container that ended at `endedMs`; undefined when it need not wait at all. */
  waitOf(podUid: string, container: string, endedMs: number, nowMs: number): RestartWait | undefined {
    const entry = this.#entries.get(podUid)?.get(container);
    if (!entry || this.#forgiven(entry, endedMs)) return undefined;
    // No longer than the delay, though the clock has gone back since the end.
    const waitMs = Math.min(entry.delayMs, endedMs + entry.delayMs - nowMs);
    return waitMs > 0 ? { waitMs, delayMs: entry.delayMs } : undefined;
  }

  /** The container, which ended at `endedMs`, is started again now. */
  restarted(podUid: string, container: string, endedMs: number, nowMs: number): void {
    const entries = this.#entries.get(podUid) ?? new Map<string, Entry>();
    this.#entries.set(podUid, entries);
    const entry = entries.get(container);
    const delayMs = entry && !this.#forgiven(entry, endedMs) ? Math.min(this.#longestMs, entry.delayMs * 2) : FIRST_MS;
    entries.set(container, { delayMs: Math.min(delayMs, this.#longestMs), updatedMs: nowMs });
  }

  forget(podUid: string): void {
    this.#entries.delete(podUid);
  }

  #forgiven(entry: Entry, endedMs: number): boolean {
    return endedMs - entry.updatedMs > 2 * Math.max(this.#longestMs, FIRST_MS);
  }
}
