import { hostname } from 'node:os';
import { type FlagDefinition, FlagError, type FlagValues } from '../std/flags.ts';
import type { GrpcTls } from '../std/grpc/grpc-channel.ts';
import { parseServerUrls } from '../store/etcd/server-url.ts';
import type { EtcdAccess } from '../store/open-store.ts';
import type { PeersConfig } from './peers/presence.ts';

type ReadFile = (flag: string, path: string) => string;

/** Flags of an etcd, and of servers that share one. */
export const etcdFlags: readonly FlagDefinition[] = [
  { name: 'etcd-servers', type: 'strings', description: 'Members of the etcd that objects are kept in: https://HOST:PORT,…' },
  { name: 'etcd-servers-overrides', type: 'strings', description: 'Other etcds for some kinds; not offered.' },
  { name: 'etcd-cafile', type: 'string', description: 'File with the authorities that etcd’s certificates are checked against.' },
  { name: 'etcd-certfile', type: 'string', description: 'File with the client certificate for etcd.' },
  { name: 'etcd-keyfile', type: 'string', description: 'File with the client key for etcd.' },
  {
    name: 'etcd-compaction-interval',
    type: 'duration',
    description: 'How old history of etcd must be to be forgotten; 0 leaves it to others.',
    default: '5m0s',
  },
  {
    name: 'etcd-healthcheck-timeout',
    type: 'duration',
    description: 'How long etcd may take to answer a health check.',
    default: '2s',
  },
  {
    name: 'etcd-db-metric-poll-interval',
    type: 'duration',
    description: 'How often the size of etcd’s database is asked for; 0 is never.',
    default: '30s',
  },
  {
    name: 'endpoint-reconciler-type',
    type: 'string',
    description: 'How servers that share an etcd keep the addresses of the Service kubernetes: lease, master-count or none.',
    default: 'lease',
  },
  { name: 'apiserver-count', type: 'int', description: 'Servers that there are, for master-count.', default: 1 },
];

/** What the flags say of etcd; undefined when none is named. */
export interface EtcdFlags {
  readonly servers: string;
  readonly access: EtcdAccess;
  readonly dbMetricIntervalMs: number;
  readonly peers: PeersConfig;
}

const RECONCILERS = ['lease', 'master-count', 'none'] as const;

/**
 * Reads the flags, and the files once, to find out whether they can be read; they are read again when a connection must be made anew.
 *
 * @throws FlagError naming the flag
 */
export function readEtcdFlags(values: FlagValues, readFile: ReadFile): EtcdFlags | undefined {
  const names = values.strings('etcd-servers');
  if (names.length === 0) return undefined;
  if (values.strings('etcd-servers-overrides').length > 0)
    throw new FlagError(
      '--etcd-servers-overrides',
      '--etcd-servers-overrides is not offered: all objects are kept in the etcd of --etcd-servers',
    );
  const servers = names.join(',');
  let secure: boolean;
  try {
    secure = parseServerUrls(servers).some((server) => server.secure);
  } catch (error) {
    throw new FlagError('--etcd-servers', `--etcd-servers: ${(error as Error).message}`);
  }
  const type = RECONCILERS.find((known) => known === values.string('endpoint-reconciler-type'));
  if (!type)
    throw new FlagError(
      '--endpoint-reconciler-type',
      `--endpoint-reconciler-type=${values.string('endpoint-reconciler-type')}: use ${RECONCILERS.join(', ')}`,
    );
  const apiserverCount = values.int('apiserver-count');
  if (apiserverCount < 1)
    throw new FlagError('--apiserver-count', `--apiserver-count=${apiserverCount} must be a positive number`);
  const tls = secure ? readTls(values, readFile) : undefined;
  return {
    servers,
    access: {
      ...(tls && { tls }),
      compactionIntervalMs: values.durationMs('etcd-compaction-interval'),
      healthTimeoutMs: values.durationMs('etcd-healthcheck-timeout'),
    },
    dbMetricIntervalMs: values.durationMs('etcd-db-metric-poll-interval'),
    peers: { endpointReconciler: type, apiserverCount, hostname: hostname() },
  };
}

function readTls(values: FlagValues, readFile: ReadFile): () => GrpcTls {
  const [ca, certificate, key] = [values.string('etcd-cafile'), values.string('etcd-certfile'), values.string('etcd-keyfile')];
  if ((certificate === '') !== (key === '')) {
    const missing = certificate === '' ? '--etcd-certfile' : '--etcd-keyfile';
    throw new FlagError(missing, `${missing} is missing: --etcd-certfile and --etcd-keyfile go together`);
  }
  const read = (): GrpcTls => ({
    ...(ca && { caPem: readFile('etcd-cafile', ca) }),
    ...(certificate && {
      client: { certificatePem: readFile('etcd-certfile', certificate), privateKeyPem: readFile('etcd-keyfile', key) },
    }),
  });
  read();
  return read;
}
