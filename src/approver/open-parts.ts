import type { V1Node } from '../api/gen/types.ts';
import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import { transportFromContext } from '../client/kubeconfig-client.ts';
import { shakeHands } from '../client/peer-certificate.ts';
import { podContext } from '../client/pod-context.ts';
import { readFlagFile } from '../client/serving/component-flags.ts';
import { placeOf } from '../client/transport/tls-connect.ts';
import { type ResolvedContext, resolveContext } from '../pki/kubeconfig.ts';
import { readUsersKubeconfig } from '../pki/users-kubeconfig.ts';
import { CodedError } from '../std/coded-error.ts';
import type { CommandIo } from '../std/command.ts';
import type { FlagValues } from '../std/flags.ts';
import { findClusterNames } from './cluster-names.ts';
import type { ClusterNames } from './denied-names.ts';
import type { FactsContext } from './gather-facts.ts';
import { readServedCertificate } from './served-certificate.ts';
import { openSources, readClusterNameSettings, readLimits, readRanges } from './settings.ts';

const COMPONENT = 'muster-approver';
/** The quick way is quick or not at all. */
const HANDSHAKE_TIMEOUT_MS = 3000;

export interface OpenedParts {
  readonly client: Client;
  /** What decides, by the flags. */
  readonly parts: Pick<FactsContext, 'sources' | 'allowedPrefixes' | 'limits' | 'servedCertificate'>;
  readonly clusterNames: () => Promise<ClusterNames>;
  close(): Promise<void>;
}

/** The way to the cluster and the parts that decide, as DECISION_FLAGS, `--kubeconfig` and `--master` say. Rejects with what is wrong by name. */
export async function openParts(values: FlagValues, io: CommandIo): Promise<OpenedParts> {
  const { clock } = io;
  const limits = readLimits(values);
  const allowedPrefixes = readRanges(values, 'allowed-prefixes');
  const fromFile = await findContext(values, io);
  const context = { ...fromFile, server: values.string('master') || fromFile.server };
  const caFile = values.string('serving-ca-file');
  const caPem = caFile ? await readFlagFile('serving-ca-file', caFile) : (context.caPem ?? '');
  const names = readClusterNameSettings(values, context.server);
  const transport = transportFromContext(context, clock, io.env);
  const client = createClient({ transport, userAgent: COMPONENT });
  const sources = openSources(values, client, clock);
  const servedCertificate = (node: V1Node) =>
    readServedCertificate(node, { caPem, timeoutMs: HANDSHAKE_TIMEOUT_MS, nowMs: clock.now() });
  return {
    client,
    parts: { sources, allowedPrefixes, limits, servedCertificate },
    clusterNames: () => findClusterNames(client, { ...names, shownNames: () => namesOfServer(context) }),
    close: () => transport.close({ final: true }),
  };
}

/** What is named counts before what a pod is given, and that before the files of whoever runs it. */
async function findContext(values: FlagValues, io: CommandIo): Promise<ResolvedContext> {
  const isNamed = values.string('kubeconfig') !== '' || Boolean(io.env['KUBECONFIG']);
  const inPod = isNamed ? undefined : await podContext(io.env);
  if (inPod) return inPod;
  const kubeconfig = await readUsersKubeconfig(values.string('kubeconfig'), io.env);
  if (!kubeconfig)
    throw new CodedError('--kubeconfig is required: there is no API server to work with', { code: 'KUBECONFIG_REQUIRED' });
  return resolveContext(kubeconfig, undefined, { everyWay: true, environment: io.env });
}

/** Names in the certificate that the API server shows: virtual addresses and names that nothing in the cluster tells of. */
async function namesOfServer({ server, caPem, proxyUrl, tlsServerName }: ResolvedContext): Promise<readonly string[]> {
  const { certificate } = await shakeHands({
    ...placeOf(server),
    ...{ caPem, proxyUrl, serverName: tlsServerName, timeoutMs: HANDSHAKE_TIMEOUT_MS },
  });
  return [...certificate.dnsNames, ...certificate.ipAddresses];
}
