import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../std/logger.ts';
import type { DriverUnderTest } from '../contract/driver.ts';
import type { SqliteStoreOptions } from './sqlite-store.ts';
import { openSqliteStore } from './sqlite-store.ts';

/** The sqlite store, each in a directory of its own, for the suites that run over all drivers. */
export function sqliteDriver(options: Partial<SqliteStoreOptions> = {}): DriverUnderTest {
  return {
    name: 'sqlite',
    async create(clock) {
      const directory = await mkdtemp(join(tmpdir(), 'muster-store-'));
      const open = () => openSqliteStore({ directory, clock, logger: silentLogger, ...options });
      let store = await open();
      return {
        store,
        async reopen() {
          await store.close();
          store = await open();
          return store;
        },
        async dispose() {
          await store.close();
          await rm(directory, { recursive: true });
        },
      };
    },
  };
}
