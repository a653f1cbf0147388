import type { KeyValue, Revision, Store, StoreEvent } from '../../src/store/store.ts';

/** A part of a store that looks like a new one: keys below a prefix of its own, revisions counted from where it began. For tests. */
export function partOfStore(inner: Store, prefix: string, begunAt: Revision): Store {
  const offset = begunAt - 1;
  const entry = (kv: KeyValue): KeyValue => ({
    key: kv.key.slice(prefix.length),
    value: kv.value,
    createRevision: kv.createRevision - offset,
    modRevision: kv.modRevision - offset,
  });
  const maybe = (kv: KeyValue | undefined) => kv && entry(kv);
  const event = (told: StoreEvent): StoreEvent =>
    told.type === 'put'
      ? { type: 'put', entry: entry(told.entry), previous: maybe(told.previous) }
      : { type: 'delete', key: told.key.slice(prefix.length), revision: told.revision - offset, previous: maybe(told.previous) };
  return {
    async get(key) {
      const found = await inner.get(prefix + key);
      return { entry: maybe(found.entry), revision: found.revision - offset };
    },
    async list(under, options = {}) {
      const { startKey, revision } = options;
      const list = await inner.list(prefix + under, {
        ...options,
        ...(startKey !== undefined && { startKey: prefix + startKey }),
        ...(revision !== undefined && { revision: revision + offset }),
      });
      return { entries: list.entries.map(entry), revision: list.revision - offset, remaining: list.remaining };
    },
    count: (under) => inner.count(prefix + under),
    async transact(compares, writes) {
      const result = await inner.transact(
        compares.map(({ key, modRevision }) => ({ key: key && prefix + key, modRevision: modRevision && modRevision + offset })),
        writes.map((write) => ({ ...write, key: write.key && prefix + write.key })),
      );
      return { ...result, revision: result.revision - offset, current: result.current.map(maybe) };
    },
    watch: (under, from, sink) =>
      inner.watch(prefix + under, from + offset, {
        ...(sink.withoutPrevious && { withoutPrevious: true }),
        events: (events, revision) => sink.events(events.map(event), revision - offset),
        closed: (error) => sink.closed(error),
      }),
    compact: (revision) => inner.compact(revision + offset),
    revision: async () => (await inner.revision()) - offset,
    grantLease: (ttlMs) => inner.grantLease(ttlMs),
    keepLeaseAlive: (id) => inner.keepLeaseAlive(id),
    revokeLease: (id) => inner.revokeLease(id),
    healthy: () => inner.healthy(),
    close: () => inner.close(),
  };
}
