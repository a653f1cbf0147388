import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { ApiServerConfig } from '../configuration.ts';
import { kindOfKeys } from '../encryption/kind-of-keys.ts';
import type { Encryption } from '../encryption/open-encryption.ts';
import { measureStore, StoreMetrics } from '../metrics/measured-store.ts';
import { Keyspace } from './keyspace.ts';
import { readUpstreamValues } from './upstream-values.ts';

/** Where objects lie: the store as it was given, measured, encrypted where that is configured, and read where upstream wrote it. */
export async function openStorage(config: ApiServerConfig, builtIn: readonly KindDefinition[]) {
  const { clock, logger, random } = config;
  const keyspace = new Keyspace(
    config.storagePrefix ?? '/registry',
    builtIn.filter((kind) => kind.storage === 'stored'),
  );
  // Custom resources lie under their group and plural, which say what they are.
  const kindOf = kindOfKeys(keyspace, builtIn);
  const storeMetrics = new StoreMetrics();
  const measured = measureStore(config.store, storeMetrics, kindOf);
  let encryption: Encryption | undefined;
  if (config.encryption) {
    const { openEncryption } = await import('../encryption/open-encryption.ts');
    encryption = await openEncryption(config.encryption, { store: measured, kindOf, clock, logger, random });
  }
  const store = readUpstreamValues(encryption?.store ?? measured, async () => {
    const { createUpstreamReader } = await import('./read-upstream-value.ts');
    logger.info('the store holds values that Kubernetes wrote: they are read, and written anew when they change');
    return createUpstreamReader(keyspace);
  });
  return { keyspace, storeMetrics, encryption, store };
}
