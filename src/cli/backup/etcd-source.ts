import { readFileSync } from 'node:fs';
import type { CommandIo } from '../../std/command.ts';
import { type FlagDefinition, FlagError, type FlagValues } from '../../std/flags.ts';
import type { GrpcTls } from '../../std/grpc/grpc-channel.ts';
import { saveEtcdSnapshot } from '../../store/etcd/save-snapshot.ts';
import { parseServerUrls, type ServerUrl } from '../../store/etcd/server-url.ts';

/** Flags that name an etcd, as kube-apiserver's. */
export const ETCD_FLAGS: readonly FlagDefinition[] = [
  { name: 'etcd-servers', type: 'strings', description: 'members of an etcd, as kube-apiserver has them: https://HOST:PORT,…' },
  { name: 'etcd-cafile', type: 'string', description: "authorities that etcd's certificates are checked against" },
  { name: 'etcd-certfile', type: 'string', description: 'client certificate for etcd' },
  { name: 'etcd-keyfile', type: 'string', description: 'client key for etcd' },
];

export interface EtcdSource {
  readonly servers: readonly ServerUrl[];
  readonly tls: GrpcTls | undefined;
}

/** The etcd that the flags name; undefined when they name none. @throws FlagError */
export function readEtcdSource(values: FlagValues): EtcdSource | undefined {
  const names = values.strings('etcd-servers');
  if (names.length === 0) return undefined;
  let servers: ServerUrl[];
  try {
    servers = parseServerUrls(names.join(','));
  } catch (error) {
    throw new FlagError('--etcd-servers', `--etcd-servers: ${(error as Error).message}`);
  }
  const read = (flag: string): string | undefined => {
    const path = values.string(flag);
    if (path === '') return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw new FlagError(`--${flag}`, `--${flag}: ${(error as Error).message}`);
    }
  };
  const [caPem, certificatePem, privateKeyPem] = [read('etcd-cafile'), read('etcd-certfile'), read('etcd-keyfile')];
  if ((certificatePem === undefined) !== (privateKeyPem === undefined)) {
    const missing = certificatePem === undefined ? '--etcd-certfile' : '--etcd-keyfile';
    throw new FlagError(missing, `${missing} is missing: --etcd-certfile and --etcd-keyfile go together`);
  }
  if (!servers.some(({ secure }) => secure)) return { servers, tls: undefined };
  return {
    servers,
    tls: {
      ...(caPem !== undefined && { caPem }),
      ...(certificatePem !== undefined && privateKeyPem !== undefined && { client: { certificatePem, privateKeyPem } }),
    },
  };
}

/** Saves a snapshot of the first member that gives one; answers that member. Rejects with the last one's failure. */
export async function saveFromAny(
  { servers, tls }: EtcdSource,
  target: string,
  io: Pick<CommandIo, 'stderr'>,
): Promise<ServerUrl> {
  for (const [i, server] of servers.entries()) {
    try {
      await saveEtcdSnapshot(server, tls, target);
      return server;
    } catch (error) {
      if (i === servers.length - 1) throw error;
      io.stderr(`${(error as Error).message}; asking the next member\n`);
    }
  }
  throw new Error('no member is named');
}
