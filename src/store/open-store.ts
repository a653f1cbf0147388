import type { Clock } from '../std/clock.ts';
import type { Logger } from '../std/logger.ts';
import type { Store } from './store.ts';

/** What `--store` may say. */
export type StoreSpec = 'memory' | 'sqlite' | `etcd=${string}`;

export interface OpenStoreOptions {
  /** Where a driver with files keeps them; made when it is not there. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Opens the store that `spec` names. Drivers are loaded when they are used.
 * @throws RangeError for a spec that names no driver of this version; StoreError `locked`, `incompatible`, `corrupt` or `no-space`
 */
export async function openStore(spec: StoreSpec, { directory, clock, logger }: OpenStoreOptions): Promise<Store> {
  if (spec === 'memory') return (await import('./memory/memory-store.ts')).createMemoryStore({ clock, logger });
  if (spec === 'sqlite') return (await import('./sqlite/sqlite-store.ts')).openSqliteStore({ directory, clock, logger });
  const what = spec.startsWith('etcd=') ? 'this version has no etcd driver yet' : `there is no driver ${JSON.stringify(spec)}`;
  throw new RangeError(`${what}: use --store sqlite (kept on disk) or --store memory (gone when the process ends)`);
}
