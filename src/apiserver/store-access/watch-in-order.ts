import { type Revision, type Store, StoreError, type StoreEvent, type WatchHandle, type WatchSink } from '../../store/store.ts';

export interface WatchedRange {
  readonly prefix: string;
  readonly fromRevision: Revision;
  readonly sink: WatchSink;
}

export interface EventReading {
  /** Gets what reading the events takes; undefined when all is there. What this or reading fails with ends the watch. */
  prepare(events: readonly StoreEvent[]): Promise<unknown> | undefined;
  readEvent(event: StoreEvent): StoreEvent;
}

/** Watches a store whose events may have to wait for what reads them, keys for example: then those behind them wait, too, and all come in order. */
export function watchInOrder(inner: Store, { prefix, fromRevision, sink }: WatchedRange, reading: EventReading): WatchHandle {
  let waiting: Promise<unknown> | undefined;
  let closed = false;
  let failed = false;
  const afterOthers = (work: () => Promise<unknown> | undefined) => {
    const mine = (waiting ?? Promise.resolve()).then(work).finally(() => {
      if (waiting === mine) waiting = undefined;
    });
    waiting = mine;
  };
  const tell = (events: readonly StoreEvent[], revision: Revision) => {
    if (closed || failed) return;
    let read: StoreEvent[];
    try {
      read = events.map(reading.readEvent);
    } catch (error) {
      fail(error);
      return;
    }
    sink.events(read, revision);
  };
  const fail = (error: unknown) => {
    if (closed || failed) return;
    failed = true;
    handle?.close();
    sink.closed(error instanceof StoreError ? error : new StoreError('unavailable', (error as Error).message, { cause: error }));
  };
  let handle: WatchHandle | undefined;
  handle = inner.watch(prefix, fromRevision, {
    ...(sink.withoutPrevious && { withoutPrevious: true }),
    events(events, revision) {
      const missing = reading.prepare(events);
      if (!waiting && !missing) tell(events, revision);
      else {
        // Told below, in its turn.
        missing?.catch(() => undefined);
        afterOthers(async () => {
          try {
            await missing;
          } catch (error) {
            fail(error);
          }
          tell(events, revision);
        });
      }
    },
    closed(error) {
      if (waiting) afterOthers(async () => (failed ? undefined : sink.closed(error)));
      else if (!failed) sink.closed(error);
    },
  });
  if (failed) handle.close();
  return {
    close() {
      closed = true;
      handle?.close();
    },
  };
}
