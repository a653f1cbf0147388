import type { Clock, Timer } from '../std/clock.ts';
import type { LeaseId } from './store.ts';

interface LeaseEntry {
  readonly ttlMs: number;
  timer: Timer;
}

/** Throws a RangeError unless `ttlMs` is a time that a timer can wait for. */
export function checkTtl(ttlMs: number): void {
  if (!(Number.isSafeInteger(ttlMs) && ttlMs > 0)) throw new RangeError(`a lease of ${ttlMs} ms is no whole positive time`);
}

/**
 * The running leases and their timers. It reads no wall clock, so a machine whose time is set forward ends no lease early.
 * What a lease's end means is the driver's: `onExpired` is called once, when the lease is already gone from the book.
 */
export class LeaseBook {
  readonly #clock: Clock;
  readonly #onExpired: (id: LeaseId) => void;
  readonly #leases = new Map<LeaseId, LeaseEntry>();

  constructor(clock: Clock, onExpired: (id: LeaseId) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  has(id: LeaseId): boolean {
    return this.#leases.has(id);
  }

  add(id: LeaseId, ttlMs: number): void {
    this.#leases.set(id, { ttlMs, timer: this.#startTimer(id, ttlMs) });
  }

  /** Starts the lease's time again; false when there is no such lease. */
  renew(id: LeaseId): boolean {
    const lease = this.#leases.get(id);
    if (!lease) return false;
    lease.timer.cancel();
    lease.timer = this.#startTimer(id, lease.ttlMs);
    return true;
  }

  /** Forgets a lease without calling `onExpired`; false when there is no such lease. */
  remove(id: LeaseId): boolean {
    this.#leases.get(id)?.timer.cancel();
    return this.#leases.delete(id);
  }

  close(): void {
    for (const { timer } of this.#leases.values()) timer.cancel();
    this.#leases.clear();
  }

  #startTimer(id: LeaseId, ttlMs: number): Timer {
    return this.#clock.setTimer(ttlMs, () => {
      this.#leases.delete(id);
      this.#onExpired(id);
    });
  }
}
