import type { Clock } from '../std/clock.ts';
import type { GrpcTls } from '../std/grpc/grpc-channel.ts';
import type { Logger } from '../std/logger.ts';
import { forgetOldHistory } from './forget-old-history.ts';
import type { Store } from './store.ts';

/** What `--store` may say. */
export type StoreSpec = 'memory' | 'sqlite' | `etcd=${string}`;

export interface OpenStoreOptions {
  /** Where a driver with files keeps them; made when it is not there. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
  /** For `etcd=…`. */
  readonly etcd?: EtcdAccess;
}

/** How an etcd is spoken to. */
export interface EtcdAccess {
  /** For https members; asked again after failures, so that renewed files come into use. */
  readonly tls?: () => GrpcTls;
  /** How often history is forgotten. 0: never by this process. Default 5 minutes, as upstream. */
  readonly compactionIntervalMs?: number;
  /** How long a health check may take. Default 2 s. */
  readonly healthTimeoutMs?: number;
}

const COMPACTION_INTERVAL_MS = 300_000;

/** The members that a spec names; undefined for the other drivers. */
export function etcdServersOf(spec: string): string | undefined {
  return spec.startsWith('etcd=') ? spec.slice('etcd='.length) : undefined;
}

/**
 * Opens the store that `spec` names. Drivers are loaded when they are used. An etcd is not asked anything yet.
 * @throws RangeError for a spec that names no driver, or etcd members by what is no URL; StoreError `locked`, `incompatible`, `corrupt` or `no-space`
 */
export async function openStore(spec: StoreSpec, options: OpenStoreOptions): Promise<Store> {
  const { directory, clock, logger, random = Math.random } = options;
  const forgetting = (store: Store) => forgetOldHistory(store, { clock, logger, ageMs: COMPACTION_INTERVAL_MS });
  if (spec === 'memory') return forgetting((await import('./memory/memory-store.ts')).createMemoryStore({ clock, logger }));
  if (spec === 'sqlite')
    return forgetting(await (await import('./sqlite/sqlite-store.ts')).openSqliteStore({ directory, clock, logger }));
  const servers = etcdServersOf(spec);
  if (servers === undefined)
    throw new RangeError(
      `there is no driver ${JSON.stringify(spec)}: use --store sqlite (kept on disk), --store memory (gone when the process ends) or --store etcd=https://HOST:2379,…`,
    );
  const { createEtcdStore } = await import('./etcd/etcd-store.ts');
  return createEtcdStore({ servers, clock, logger, random, compactionIntervalMs: COMPACTION_INTERVAL_MS, ...options.etcd });
}
