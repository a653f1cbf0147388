import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../std/coded-error.ts';
import type { GrpcTls } from '../std/grpc/grpc-channel.ts';
import { etcdServersOf, openStore } from '../store/open-store.ts';
import { type Store, StoreError } from '../store/store.ts';
import type { ClusterConfig, EtcdFiles } from './options.ts';

/** Where objects lie, as upstream's tools look for them. */
const PREFIX = '/registry/';

/**
 * Opens the store of a cluster. A new cluster wants an etcd without one: objects that other keys have signed are of no use to it.
 *
 * @throws CodedError STORE_UNREACHABLE, STORE_NOT_EMPTY; StoreError as `openStore`
 */
export async function openClusterStore(config: ClusterConfig, directory: string): Promise<Store> {
  const { clock, logger, random, etcdFiles } = config;
  const servers = etcdServersOf(config.store);
  const tls = servers === undefined ? undefined : readTls(etcdFiles);
  const store = await openStore(config.store, {
    directory: join(directory, 'store'),
    clock,
    logger: logger.child({ part: 'store' }),
    random,
    ...(tls && { etcd: { tls } }),
  });
  if (servers === undefined) return store;
  try {
    if (config.isNew && (await store.count(PREFIX)) > 0)
      throw new CodedError(
        `the etcd at ${servers} holds a cluster already, and this one is new; start that one from its data directory, or empty the etcd: etcdctl del ${PREFIX} --prefix`,
        { code: 'STORE_NOT_EMPTY' },
      );
    return store;
  } catch (error) {
    await store.close();
    if (!(error instanceof StoreError)) throw error;
    throw new CodedError(`the etcd at ${servers} cannot be used: ${error.message}`, { code: 'STORE_UNREACHABLE', cause: error });
  }
}

/** Read now, so that a file that is missing is told at once, and again whenever a connection is made anew. */
function readTls(files: EtcdFiles): () => GrpcTls {
  const read = (): GrpcTls => ({
    ...(files.ca !== undefined && { caPem: readFileSync(files.ca, 'utf8') }),
    ...(files.certificate !== undefined &&
      files.key !== undefined && {
        client: { certificatePem: readFileSync(files.certificate, 'utf8'), privateKeyPem: readFileSync(files.key, 'utf8') },
      }),
  });
  read();
  return read;
}
