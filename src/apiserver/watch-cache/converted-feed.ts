import type { KindDefinition } from '../../api/machinery/kind.ts';
import { isLarge } from '../../std/pauses.ts';
import { CachedEvent, initialItem, type WatchItem } from './cached-event.ts';
import type { CachedObject } from './cached-object.ts';
import { showObjects } from './show-objects.ts';

export interface ConvertedFeedConfig {
  readonly kind: KindDefinition;
  readonly matches: ((object: CachedObject) => boolean) | undefined;
  readonly item: (item: WatchItem) => void;
  /** A conversion failed: nothing more comes. */
  readonly failed: (error: unknown) => void;
}

/** So many changes wait for their conversion at most, besides what is there when a watch begins. */
const MOST_WAITING = 10_000;
/** And of no more than so many bytes. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;

/**
 * Puts a conversion that takes its time between the changes of a kind and one watch, because somebody else makes it or the object is
 * large: what came first is told first, and what waits is converted in one go. All else is told at once.
 */
export class ConvertedFeed {
  readonly #config: ConvertedFeedConfig;
  #waiting: (CachedEvent | CachedObject | (() => void))[] = [];
  #waitingBytes = 0;
  #running = false;
  #ended = false;

  constructor(config: ConvertedFeedConfig) {
    this.#config = config;
  }

  take(change: CachedEvent | CachedObject): void {
    if (this.#ended) return;
    const isFull = this.#waiting.length >= MOST_WAITING || this.#waitingBytes > MOST_WAITING_BYTES;
    if (change instanceof CachedEvent && isFull) this.#fail(new Error('conversions take longer than changes'));
    else this.afterwards(change);
  }

  /** Tells of a change, or does something, when all that was taken before has been told. */
  afterwards(next: CachedEvent | CachedObject | (() => void)): void {
    if (this.#ended) return;
    if (!this.#running && this.#isQuick(next)) {
      this.#tell(next);
      return;
    }
    this.#waiting.push(next);
    if (next instanceof CachedEvent) this.#waitingBytes += next.sizeBytes;
    if (!this.#running) void this.#run();
  }

  #isQuick(next: CachedEvent | CachedObject | (() => void)): boolean {
    return objectsOf(next).every((object) => !isLarge(object.sizeBytes) && !object.awaitsConversion(this.#config.kind));
  }

  end(): void {
    this.#ended = true;
    this.#waiting = [];
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#waiting.length) {
        const batch = this.#waiting;
        this.#waiting = [];
        this.#waitingBytes = 0;
        await showObjects(this.#config.kind, batch.flatMap(objectsOf));
        for (const next of batch) {
          // What was replaced meanwhile has forgotten what it was converted to.
          while (objectsOf(next).some((object) => object.awaitsConversion(this.#config.kind)))
            await showObjects(this.#config.kind, objectsOf(next));
          if (!this.#ended) this.#tell(next);
        }
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#running = false;
    }
  }

  #tell(next: CachedEvent | CachedObject | (() => void)): void {
    const { kind, matches, item } = this.#config;
    if (typeof next === 'function') {
      next();
      return;
    }
    if (next instanceof CachedEvent) {
      const told = next.itemFor(kind, matches);
      if (told) item(told);
      return;
    }
    const shown = next.as(kind);
    if (!matches || matches(shown)) item(initialItem(shown));
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.end();
    this.#config.failed(error);
  }
}

function objectsOf(next: CachedEvent | CachedObject | (() => void)): CachedObject[] {
  if (typeof next === 'function') return [];
  if (!(next instanceof CachedEvent)) return [next];
  return [next.current, next.previous].filter((object) => object !== undefined);
}
