import type { KeyValue, Store, StoreEvent } from '../../store/store.ts';
import { wrapStore } from '../../store/wrap-store.ts';
import { watchInOrder } from './watch-in-order.ts';

/** Turns a value as Kubernetes' own API server stores it into one as it is stored here. Throws a StoreError. */
export type UpstreamReader = (key: string, value: Uint8Array) => Uint8Array;

/** `k8s` and a zero: what upstream puts in front of protobuf. */
export const isProtobuf = (value: Uint8Array): boolean =>
  value[0] === 0x6b && value[1] === 0x38 && value[2] === 0x73 && value[3] === 0;

/** `{"kind"`: Go's order of keys; what is written here begins with the version. */
const isGoJson = (value: Uint8Array): boolean => value[0] === 0x7b && value[1] === 0x22 && value[2] === 0x6b;

/**
 * A store that may have been upstream's before: what it wrote is read as if it had been written here. Values stay as they are until
 * they are written the next time. What reads them is loaded with the first of them.
 */
export function readUpstreamValues(inner: Store, load: () => Promise<UpstreamReader>): Store {
  let reader: UpstreamReader | undefined;
  const isForeign = (entry: KeyValue | undefined) => entry && (isProtobuf(entry.value) || isGoJson(entry.value));
  const prepare = (entries: readonly (KeyValue | undefined)[]): Promise<unknown> | undefined =>
    reader || !entries.some(isForeign)
      ? undefined
      : load().then((loaded) => {
          reader = loaded;
        });
  const read = <T extends KeyValue | undefined>(entry: T): T =>
    entry && isForeign(entry) ? { ...entry, value: reader!(entry.key, entry.value) } : entry;
  const readEvent = (event: StoreEvent): StoreEvent => {
    if (!isForeign(event.previous) && (event.type === 'delete' || !isForeign(event.entry))) return event;
    const previous = read(event.previous);
    return event.type === 'delete' ? { ...event, previous } : { ...event, entry: read(event.entry), previous };
  };
  return wrapStore(inner, {
    async get(key) {
      const found = await inner.get(key);
      await prepare([found.entry]);
      return { ...found, entry: read(found.entry) };
    },
    async list(prefix, options) {
      const list = await inner.list(prefix, options);
      await prepare(list.entries);
      return reader ? { ...list, entries: list.entries.map(read) } : list;
    },
    async transact(compares, writes) {
      const result = await inner.transact(compares, writes);
      await prepare(result.current);
      return reader ? { ...result, current: result.current.map(read) } : result;
    },
    watch: (prefix, fromRevision, sink) =>
      watchInOrder(
        inner,
        { prefix, fromRevision, sink },
        {
          prepare: (events) =>
            prepare(events.flatMap((event) => [event.type === 'put' ? event.entry : undefined, event.previous])),
          readEvent,
        },
      ),
  });
}
