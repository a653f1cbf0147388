import type { Revision, Store, StoreEvent, WatchHandle, WatchSink } from '../../store/store.ts';

export interface WatchedRange {
  readonly prefix: string;
  readonly fromRevision: Revision;
  readonly sink: WatchSink;
}

export interface EventReading {
  /** Gets what reading the events takes; undefined when all is there. */
  prepare(events: readonly StoreEvent[]): Promise<unknown> | undefined;
  readEvent(event: StoreEvent): StoreEvent;
}

/** Watches a store whose events may have to wait for keys: then those behind them wait, too, and all come in order. */
export function watchInOrder(inner: Store, { prefix, fromRevision, sink }: WatchedRange, reading: EventReading): WatchHandle {
  let waiting: Promise<unknown> | undefined;
  let closed = false;
  const afterOthers = (work: () => Promise<unknown> | undefined) => {
    const mine = (waiting ?? Promise.resolve()).then(work).finally(() => {
      if (waiting === mine) waiting = undefined;
    });
    waiting = mine;
  };
  const tell = (events: readonly StoreEvent[], revision: Revision) => {
    if (!closed) sink.events(events.map(reading.readEvent), revision);
  };
  const handle = inner.watch(prefix, fromRevision, {
    ...(sink.withoutPrevious && { withoutPrevious: true }),
    events(events, revision) {
      const missing = reading.prepare(events);
      if (!waiting && !missing) tell(events, revision);
      else
        afterOthers(async () => {
          await missing;
          tell(events, revision);
        });
    },
    closed(error) {
      if (waiting) afterOthers(async () => sink.closed(error));
      else sink.closed(error);
    },
  });
  return {
    close() {
      closed = true;
      handle.close();
    },
  };
}
