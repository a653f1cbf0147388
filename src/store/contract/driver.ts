import type { VirtualClock } from '../../std/clock.ts';
import type { KeyValue, Revision, Store, StoreErrorCode, StoreEvent, WatchSink, Write } from '../store.ts';
import { StoreError } from '../store.ts';

/** How a driver is put under the contract suite. */
export interface DriverUnderTest {
  readonly name: string;
  /** Leases end by a time of the driver's own, which the clock does not move. */
  readonly ownTime?: true;
  /** Transactions that are under way at the same time may be made in any order. */
  readonly unordered?: true;
  /** An empty store. */
  create(clock: VirtualClock): Promise<StoreUnderTest>;
}

export interface StoreUnderTest {
  readonly store: Store;
  /** For drivers that keep what they are given: closes the store and opens it again. */
  readonly reopen?: () => Promise<Store>;
  /** Closes the store and removes what it left. */
  dispose(): Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const put = (key: string, value: string, leaseId?: string): Write => ({
  type: 'put',
  key,
  value: encoder.encode(value),
  ...(leaseId === undefined ? {} : { leaseId }),
});

export const del = (key: string): Write => ({ type: 'delete', key });

/** `key=value created/modified`, which reads well in a failed assertion. */
export function show(entry: KeyValue | undefined): string | undefined {
  return entry && `${entry.key}=${decoder.decode(entry.value)} ${entry.createRevision}/${entry.modRevision}`;
}

export function showEvent(event: StoreEvent): string {
  const previous = event.previous ? ` was ${show(event.previous)}` : '';
  return event.type === 'put' ? `put ${show(event.entry)}${previous}` : `delete ${event.key} @${event.revision}${previous}`;
}

/** Makes writes without conditions and returns the revision. */
export async function write(store: Store, ...writes: Write[]): Promise<Revision> {
  const { revision } = await store.transact([], writes);
  return revision;
}

export const withCode = (code: StoreErrorCode) => (error: unknown) => error instanceof StoreError && error.code === code;

/** A sink that remembers, and on whose state a test can wait. */
export class RecordingSink implements WatchSink {
  readonly batches: { revision: Revision; events: string[] }[] = [];
  ended: { error: StoreError | undefined } | undefined;
  #waiting: { holds: () => boolean; resolve: () => void }[] = [];

  events(events: readonly StoreEvent[], revision: Revision): void {
    if (this.ended) throw new Error('an event came after the end');
    this.batches.push({ revision, events: events.map(showEvent) });
    this.#wake();
  }

  closed(error?: StoreError): void {
    if (this.ended) throw new Error('closed twice');
    this.ended = { error };
    this.#wake();
  }

  get shown(): string[] {
    return this.batches.flatMap(({ events }) => events);
  }

  /** Resolves when `revision` or a later one was told. */
  reached(revision: Revision): Promise<void> {
    return this.#until(() => (this.batches.at(-1)?.revision ?? 0) >= revision);
  }

  end(): Promise<void> {
    return this.#until(() => this.ended !== undefined);
  }

  #until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }));
  }

  #wake(): void {
    this.#waiting = this.#waiting.filter(({ holds, resolve }) => {
      const done = holds();
      if (done) resolve();
      return !done;
    });
  }
}
