import type { Store } from './store.ts';

/**
 * A store in front of another one. Calls that are not its own are passed on.
 *
 * @param own what it does itself
 */
export const wrapStore = (inner: Store, own: Partial<Store>): Store => ({
  get: (key) => inner.get(key),
  list: (prefix, options) => inner.list(prefix, options),
  count: (prefix) => inner.count(prefix),
  transact: (compares, writes) => inner.transact(compares, writes),
  watch: (prefix, fromRevision, sink) => inner.watch(prefix, fromRevision, sink),
  compact: (revision) => inner.compact(revision),
  revision: () => inner.revision(),
  grantLease: (ttlMs) => inner.grantLease(ttlMs),
  keepLeaseAlive: (id) => inner.keepLeaseAlive(id),
  revokeLease: (id) => inner.revokeLease(id),
  healthy: () => inner.healthy(),
  ...(inner.failed && { failed: inner.failed }),
  close: () => inner.close(),
  ...own,
});
