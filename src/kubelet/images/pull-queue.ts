import { createTokenBucket } from '../../client/transport/rate-limit.ts';
import type { Clock } from '../../std/clock.ts';
import type { ImageService, RegistryCredentials } from '../runtime/runtime-abilities.ts';

export interface PullQueueOptions {
  readonly images: Pick<ImageService, 'pull'>;
  /** `serializeImagePulls`: one after the other. */
  readonly serial: boolean;
  /** `maxParallelImagePulls`; undefined: no limit. */
  readonly mostAtOnce?: number | undefined;
  /** `registryPullQPS`; 0: no limit. */
  readonly qps: number;
  readonly burst: number;
  readonly clock: Clock;
}

export interface Pulled {
  readonly imageRef: string;
  /** Which of the credentials opened the registry. */
  readonly used: number;
  /** Without the time spent waiting for others. */
  readonly durationMs: number;
}

interface Running {
  readonly result: Promise<Pulled>;
  waiting: number;
  readonly end: AbortController;
}

/**
 * Pulls images in turn or side by side. Who asks for an image with the same credentials while it is pulled waits for that pull; a pull
 * that nobody waits for any more is ended.
 */
export class PullQueue {
  readonly #options: PullQueueOptions;
  readonly #bucket: { tryTake(): boolean } | undefined;
  readonly #running = new Map<string, Running>();
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(options: PullQueueOptions) {
    this.#options = options;
    this.#bucket = options.qps > 0 ? createTokenBucket(options) : undefined;
    this.#free = options.serial ? 1 : (options.mostAtOnce ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Tries the credentials in turn (none: without any). `identity` tells them apart from other pods'.
   *
   * @throws the runtime's error, or one that has those of all credentials
   */
  async pull(image: string, credentials: readonly RegistryCredentials[], identity: string, signal: AbortSignal): Promise<Pulled> {
    signal.throwIfAborted();
    const key = JSON.stringify([image, identity]);
    let running = this.#running.get(key);
    if (!running) {
      const end = new AbortController();
      const result = this.#inTurn(() => this.#pull(image, credentials, end.signal), end.signal);
      running = { result, waiting: 0, end };
      this.#running.set(key, running);
      // Who waits is told of the failure; whoever has gone has been told why.
      const own = running;
      result.catch(() => undefined).finally(() => this.#running.get(key) === own && this.#running.delete(key));
    }
    return wait(running, signal, () => this.#running.delete(key));
  }

  async #inTurn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }

  async #pull(image: string, credentials: readonly RegistryCredentials[], signal: AbortSignal): Promise<Pulled> {
    const startMs = this.#options.clock.now();
    const failures: string[] = [];
    const tries: readonly (RegistryCredentials | undefined)[] = credentials.length > 0 ? credentials : [undefined];
    for (const [used, one] of tries.entries()) {
      // As upstream: a registry is not asked faster than that, and the back-off sees to it that it is asked again.
      if (this.#bucket && !this.#bucket.tryTake()) throw new Error('pull QPS exceeded');
      try {
        const imageRef = await this.#options.images.pull(image, one, signal);
        return { imageRef, used, durationMs: this.#options.clock.now() - startMs };
      } catch (error) {
        signal.throwIfAborted();
        failures.push((error as Error).message);
      }
    }
    const told = [...new Set(failures)];
    throw new Error(told.length === 1 ? told[0] : `[${told.join(', ')}]`);
  }
}

function wait(running: Running, signal: AbortSignal, forget: () => void): Promise<Pulled> {
  running.waiting++;
  return new Promise((resolve, reject) => {
    const leave = () => {
      running.waiting--;
      if (running.waiting === 0) {
        // Who comes now begins anew.
        forget();
        running.end.abort(signal.reason);
      }
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    running.result.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
