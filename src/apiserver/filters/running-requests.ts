import { StatusError } from '../../api/machinery/status-error.ts';
import { type Clock, steadyMs, type Timer } from '../../std/clock.ts';
import { deferred } from '../../std/lifecycle.ts';

/** A request as the keeper of time sees it. */
interface Running {
  readonly startMs: number;
  readonly longRunning: boolean;
  readonly writes: boolean;
  readonly watches: boolean;
  /** Answers with the failure, or cuts the answer that has begun. */
  readonly fail: (error: Error) => void;
}

/** Once a second is exact enough for a limit of a minute, and costs one timer for all requests. */
const SWEEP_MS = 1_000;

/** Watches that are ended in a second when the server stops, where their time does not ask for more (apiserver/pkg/server/genericapiserver.go). */
const ENDED_A_SECOND = 200;
const PACE_MS = 50;

/** Knows which requests run: ends those whose time is up, and lets the server wait for the rest when it stops. */
export class RunningRequests {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #running = new Set<Running>();
  #sweep: Timer | undefined;
  #stopping = false;
  #draining = false;
  #idle = deferred();

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** The server is about to stop; it serves still. */
  get stopping(): boolean {
    return this.#stopping;
  }

  get draining(): boolean {
    return this.#draining;
  }

  get count(): number {
    return this.#running.size;
  }

  /** The time that a request has that is not long-running, and that may have asked for less. */
  allowedMs(withinMs: number | undefined): number {
    return withinMs ? Math.min(withinMs, this.#timeoutMs) : this.#timeoutMs;
  }

  /**
   * Notes a request, with the shorter time that it may have asked for itself; to be called back when it ends.
   *
   * @param writes whether it changes an object: it is told in other words that its time is up
   * @param watches whether it may be given time of its own to end when the server stops
   */
  begin(longRunning: boolean, fail: (error: Error) => void, withinMs?: number, writes = false, watches = false): () => void {
    const running: Running = { startMs: steadyMs(this.#clock), longRunning, writes, watches, fail };
    this.#running.add(running);
    if (!longRunning && !this.#sweep) this.#schedule();
    const own = longRunning || !withinMs || withinMs >= this.#timeoutMs ? undefined : this.#failAfter(running, withinMs);
    return () => {
      own?.cancel();
      this.#running.delete(running);
      if (this.#draining && this.#running.size === 0) this.#idle.resolve();
    };
  }

  /** From now on `stopping`. */
  announceStop(): void {
    this.#stopping = true;
  }

  /**
   * From now on `draining`; resolves when nothing runs, or after a time at which what is left is ended.
   *
   * @param watchesMs within which time watches are ended one after the other, so that their clients do not all come back at once; 0: now
   */
  async drain(boundMs: number, watchesMs = 0): Promise<void> {
    this.#stopping = true;
    this.#draining = true;
    this.#sweep?.cancel();
    for (const running of this.#running) if (running.longRunning && !(running.watches && watchesMs > 0)) running.fail(stops());
    const paced = watchesMs > 0 ? this.#endWatches(watchesMs) : undefined;
    if (this.#running.size === 0) return;
    const bound = this.#clock.setTimer(Math.max(boundMs, watchesMs), () => this.#idle.resolve());
    await this.#idle.promise;
    bound.cancel();
    paced?.stop();
    for (const running of this.#running) running.fail(stops());
  }

  #endWatches(withinMs: number): { stop(): void } {
    const endMs = steadyMs(this.#clock) + withinMs;
    const watches = [...this.#running].filter((running) => running.watches);
    const eachTime = Math.ceil(Math.max(ENDED_A_SECOND * (PACE_MS / 1000), (watches.length * PACE_MS) / withinMs));
    let timer: Timer | undefined;
    const step = () => {
      const most = steadyMs(this.#clock) >= endMs ? watches.length : eachTime;
      for (const running of watches.splice(0, most)) if (this.#running.has(running)) running.fail(stops());
      timer = watches.length > 0 ? this.#clock.setTimer(PACE_MS, step) : undefined;
    };
    step();
    return { stop: () => timer?.cancel() };
  }

  #failAfter(running: Running, delayMs: number): Timer {
    return this.#clock.setTimer(delayMs, () => {
      if (this.#running.delete(running)) running.fail(timedOut(running.writes));
    });
  }

  #schedule(): void {
    this.#sweep = this.#clock.setTimer(SWEEP_MS, () => {
      const bound = steadyMs(this.#clock) - this.#timeoutMs;
      let waiting = false;
      for (const running of this.#running) {
        if (running.longRunning) continue;
        if (running.startMs > bound) {
          waiting = true;
          break; // later ones began later
        }
        this.#running.delete(running);
        running.fail(timedOut(running.writes));
      }
      this.#sweep = undefined;
      if (waiting) this.#schedule();
    });
  }
}

const stops = () => new DOMException('the server stops', 'AbortError');

/** As apiserver/pkg/server/filters/timeout.go; of writes, as …/endpoints/handlers/finisher. */
export function timedOut(writes: boolean): StatusError {
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `Timeout: request did not complete within ${writes ? 'requested timeout - context deadline exceeded' : 'the allotted timeout'}`,
    reason: 'Timeout',
    details: {},
    code: 504,
  });
}
