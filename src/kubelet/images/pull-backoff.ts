/** How long an image that could not be pulled is left alone: 10 s, then twice as long each time, at most 5 minutes. */
const FIRST_MS = 10_000;
const LONGEST_MS = 300_000;
/** An image that has not failed for so long starts anew. */
const FORGET_MS = 2 * LONGEST_MS;

interface Failure {
  delayMs: number;
  failedMs: number;
  readonly message: string;
}

/** client-go's flowcontrol.Backoff, by pod and image. Forgets by itself what has been quiet. */
export class PullBackoff {
  readonly #failures = new Map<string, Failure>();

  /** How the last try ended, while it is too early for another. */
  waiting(key: string, nowMs: number): { readonly message: string } | undefined {
    const failure = this.#failures.get(key);
    if (!failure || nowMs - failure.failedMs > FORGET_MS) return undefined;
    return nowMs - failure.failedMs < failure.delayMs ? failure : undefined;
  }

  failed(key: string, message: string, nowMs: number): void {
    for (const [other, { failedMs }] of this.#failures) if (nowMs - failedMs > FORGET_MS) this.#failures.delete(other);
    const before = this.#failures.get(key);
    const delayMs = before ? Math.min(LONGEST_MS, before.delayMs * 2) : FIRST_MS;
    this.#failures.set(key, { delayMs, failedMs: nowMs, message });
  }
}
