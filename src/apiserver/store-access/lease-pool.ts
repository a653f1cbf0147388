import type { Clock } from '../../std/clock.ts';
import type { LeaseId, Store } from '../../store/store.ts';

/** Objects written within this share of their time to live, or a minute, end together: one lease for all of them, as upstream. */
const WINDOW_SHARE = 0.05;
const WINDOW_MS = 60_000;
const MOST_OBJECTS = 1000;

interface Current {
  readonly id: Promise<LeaseId>;
  readonly beganMs: number;
  readonly endsMs: number;
  objects: number;
}

/** Gives out leases for objects that end by themselves (events). */
export class LeasePool {
  readonly #store: Pick<Store, 'grantLease'>;
  readonly #clock: Clock;
  readonly #current = new Map<number, Current>();

  constructor(store: Pick<Store, 'grantLease'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** A lease that lasts at least so long from now, and not much longer. */
  async leaseFor(ttlSeconds: number): Promise<LeaseId> {
    const nowMs = this.#clock.now();
    const known = this.#current.get(ttlSeconds);
    // A clock that was set back would give out a lease that is nearly over.
    if (known && nowMs >= known.beganMs && nowMs < known.endsMs && known.objects < MOST_OBJECTS) {
      known.objects++;
      return known.id;
    }
    const windowMs = Math.min(WINDOW_MS, ttlSeconds * 1000 * WINDOW_SHARE);
    const id = this.#store.grantLease(ttlSeconds * 1000 + windowMs);
    this.#current.set(ttlSeconds, { id, beganMs: nowMs, endsMs: nowMs + windowMs, objects: 1 });
    try {
      return await id;
    } catch (error) {
      this.#current.delete(ttlSeconds);
      throw error;
    }
  }
}
