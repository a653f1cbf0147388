import { StatusError } from '../api/machinery/status-error.ts';
import type { Clock } from '../std/clock.ts';
import { isAbort } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';
import { nextTurn } from '../std/next-turn.ts';
import { WorkQueue } from '../std/work-queue.ts';
import { countDuration, countWait, type LoopCounts, type LoopMetrics } from './loop-metrics.ts';

/**
 * What comes of working on a key: nothing more to do until something changes; again after a time, or when a time has come (by the clock on the
 * wall: machines sleep); or again after a delay that grows, because what was waited for has not happened yet (which is no failure).
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a reconciler that returns nothing is the usual one
export type Outcome = void | { readonly requeueAfterMs: number } | { readonly requeueAtMs: number } | 'retry';

export interface ReconcilerOptions {
  /** In logs and metrics. */
  name: string;
  /** Reads, compares and acts on what `key` names; rejecting means again later. Called for one key at most once at a time. */
  reconcile(key: string, signal: AbortSignal): Promise<Outcome>;
  clock: Clock;
  logger: Logger;
  metrics: LoopMetrics;
  /** Keys worked on at a time. Default 5. */
  workers?: number;
  /** Default 5 ms. */
  initialBackoffMs?: number;
  /** Default 1000 s, as in client-go. */
  maxBackoffMs?: number;
  /** Processor time that this thread has used, for tests. */
  processorMs?: () => number;
}

/** Who takes so much of the event loop at once, to its first pause, rests before its next turn: others have theirs in the pauses. */
const LONG_MS = 10;

/** So many keys are worked on in one turn of the event loop whatever they take, if it is not very long. */
const KEYS_AT_ONCE = 16;
const VERY_LONG_MS = 50;

/** A tenth of the processor is left to such a key. */
const RESTS_PER_WORK = 9;

const LONGEST_REST_MS = 1000;

/** Of this thread alone, or, where Node is older than 23.9, of the machine's time, which goes on while others have the processor. */
function threadMs(): number {
  if (typeof process.threadCpuUsage !== 'function') return performance.now();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * A queue of keys and the loop that works on them: the one place where a controller's failures are caught, counted and retried.
 *
 * A key that belongs to many objects (a service of 20,000 pods) is added with each change of one of them, and looks at all of them each time:
 * without a rest in between it would take the whole processor from everybody in the process, for as long as the changes go on.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #queue: WorkQueue<string>;
  readonly #counts: LoopCounts;
  /** Keys whose last turn was long. */
  readonly #heavy = new Set<string>();
  /** What this turn of the event loop has come to, as far as keys are worked on in it. */
  #turn: { readonly usedMs: number; keys: number } | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    const { clock, initialBackoffMs, maxBackoffMs } = options;
    const counts = options.metrics.loop(options.name);
    this.#counts = counts;
    this.#queue = new WorkQueue<string>({
      ...{ clock, initialBackoffMs, maxBackoffMs },
      waited: (durationMs) => countWait(counts, durationMs),
    });
    this.#counts.depth = () => this.#queue.length;
  }

  add(key: string): void {
    this.#counts.adds++;
    this.#queue.add(key);
  }

  /** Adds `key` after a delay; of several delays for one key the shortest counts. */
  addAfter(key: string, delayMs: number): void {
    this.#queue.addAfter(key, delayMs);
  }

  /** Adds `key` when it is `timeMs`, or before, when a delay of it ends first. */
  addAt(key: string, timeMs: number): void {
    this.#queue.addAt(key, timeMs);
  }

  /** True when nothing waits (delays aside) and nothing is worked on. */
  get idle(): boolean {
    return this.#queue.idle;
  }

  /** Works until `signal` is aborted and what had begun has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const close = () => this.#queue.close();
    if (signal.aborted) close();
    signal.addEventListener('abort', close, { once: true });
    await Promise.all(Array.from({ length: this.#options.workers ?? 5 }, () => this.#work(signal)));
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      const sinceMs = performance.now();
      const running = { sinceMs };
      this.#counts.running.add(running);
      const processorMs = this.#options.processorMs ?? threadMs;
      const usedBefore = processorMs();
      let atOnceMs = 0;
      try {
        const outcome = this.#options.reconcile(key, signal);
        atOnceMs = processorMs() - usedBefore;
        this.#settle(key, await outcome);
      } catch (error) {
        if (!isAbort(error, signal)) this.#fail(key, error);
      } finally {
        countDuration(this.#counts, performance.now() - sinceMs);
        this.#counts.running.delete(running);
        this.#rest(key, atOnceMs);
      }
      if (this.#isTurnLong(processorMs())) await nextTurn();
    }
  }

  /** Work that finds nothing to do waits for nobody: without a pause thousands of such keys would all be one turn. */
  #isTurnLong(usedMs: number): boolean {
    if (!this.#turn) {
      this.#turn = { usedMs, keys: 0 };
      setImmediate(() => {
        this.#turn = undefined;
      });
    }
    const ms = usedMs - this.#turn.usedMs;
    return ms >= VERY_LONG_MS || (++this.#turn.keys >= KEYS_AT_ONCE && ms >= LONG_MS);
  }

  /**
   * Gives `key` back at once, or after a rest in which it is not taken, by whatever it is added. In real time: it is the processor's.
   * One long turn may be that of code that was just loaded, two are the key's.
   */
  #rest(key: string, workedMs: number): void {
    const again = this.#heavy.has(key);
    if (workedMs >= LONG_MS) this.#heavy.add(key);
    else this.#heavy.delete(key);
    if (!again || workedMs < LONG_MS) this.#queue.done(key);
    else setTimeout(() => this.#queue.done(key), Math.min(LONGEST_REST_MS, workedMs * RESTS_PER_WORK)).unref();
  }

  #settle(key: string, outcome: Outcome): void {
    if (outcome === 'retry') {
      this.#counts.retries++;
      this.#queue.retry(key);
      return;
    }
    this.#queue.forget(key);
    if (!outcome) return;
    if ('requeueAtMs' in outcome) this.#queue.addAt(key, outcome.requeueAtMs);
    else this.#queue.addAfter(key, outcome.requeueAfterMs);
  }

  #fail(key: string, error: unknown): void {
    this.#counts.retries++;
    // Somebody else wrote first, or our cache is behind: the next attempt reads again. Normal, so not shouted about.
    if (error instanceof StatusError && error.status.reason === 'Conflict') {
      this.#options.logger.debug(2, 'Reconciling again after a conflict', { key, err: error });
    } else {
      this.#counts.errors++;
      this.#options.logger.error('Reconciling failed, will try again', {
        key,
        attempt: this.#queue.failures(key) + 1,
        err: error,
      });
    }
    this.#queue.retry(key);
  }
}
