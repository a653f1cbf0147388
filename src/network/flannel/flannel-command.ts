import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { type Family, parseIp } from '../../api/machinery/ip.ts';
import type { Client } from '../../client/client.ts';
import { createClient } from '../../client/create-client.ts';
import { transportFromContext } from '../../client/kubeconfig-client.ts';
import { createNftTable } from '../../host/nft-table.ts';
import { type RunProgram, runProgram } from '../../host/run-program.ts';
import { readKubeconfig, resolveContext } from '../../pki/kubeconfig.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { createKlogLogger, type Logger } from '../../std/logger.ts';
import { runComponents } from '../../std/run-components.ts';
import { KUBERNETES_VERSION } from '../../std/version.ts';
import { createNetworkPages } from '../network-pages.ts';
import { requireNft } from '../require-nft.ts';
import { cleanUpFlannel } from './clean-up.ts';
import { DEFAULT_CNI_CONF, parseCniConf } from './cni-conf.ts';
import { createFlannelAgent, type FlannelAgent } from './flannel-agent.ts';
import { FLANNEL_FLAGS, NAME, readPatterns, refuseUnsupported, withEnvironment } from './flannel-flags.ts';
import { masqueradeTable } from './masquerade.ts';
import { parseNetConf } from './net-conf.ts';
import { findNetworkDocuments, type NetworkDocuments } from './network-configuration.ts';

/** `muster flanneld`: a node's part of flannel's pod network. */
export const flannelCommand: ComponentCommand = {
  name: NAME,
  summary: "lead packets to other nodes' pods, as flannel does",
  flags: FLANNEL_FLAGS,
  run: runFlannel,
};

const CONFIGURATION_POLL_MS = 2000;

async function runFlannel(given: ParsedFlags, io: CommandIo): Promise<number> {
  const flags = withEnvironment(given, io.env);
  const { values } = flags;
  if (values.bool('version')) {
    io.stdout(`${KUBERNETES_VERSION}\n`);
    return 0;
  }
  refuseUnsupported(flags);
  const { clock } = io;
  const logger = createKlogLogger({ component: NAME, verbosity: values.int('v'), now: () => clock.now(), write: io.stderr });
  for (const warning of flags.warnings) logger.warn(warning);
  const run: RunProgram = runProgram;
  await requireNft(run);
  const tableOf = (family: Family) => createNftTable({ ...masqueradeTable(family), run, logger });
  const tables = { 4: tableOf(4), 6: tableOf(6) };
  const paths = {
    subnetFile: resolve(io.cwd, values.string('subnet-file')),
    cniConfigurationDirectory: resolve(io.cwd, values.string('cni-conf-dir')),
    addressDirectory: values.string('cni-data-dir') ? resolve(io.cwd, values.string('cni-data-dir')) : undefined,
  };
  if (values.bool('cleanup')) {
    await cleanUpFlannel({ run, tables: Object.values(tables), paths, logger });
    return 0;
  }
  const client = await openClient(flags, io);
  try {
    const documents = await waitForDocuments(resolve(io.cwd, values.string('net-config-path')), client, logger, io);
    if (!documents) return 0;
    const conf = parseNetConf(documents.netConf);
    for (const warning of conf.warnings) logger.warn(warning);
    logger.info('Read the network configuration', {
      source: documents.source,
      networks: conf.networks.map(({ cidr }) => cidr),
      backend: conf.backend,
    });
    const agent = createFlannelAgent({
      ...{ client, conf, paths, run, clock, logger, random: io.random },
      nodeName: nodeName(flags, io),
      cniConf: documents.cniConf === undefined ? DEFAULT_CNI_CONF : parseCniConf(documents.cniConf),
      wish: {
        interfaces: values.strings('iface'),
        patterns: readPatterns(values.strings('iface-regex')),
        publicIp: { 4: addressFlag('public-ip', flags, 4), 6: addressFlag('public-ipv6', flags, 6) },
      },
      reach: addressFlag('iface-can-reach', flags),
      masquerade: values.bool('ip-masq') ? { tables, random: !values.bool('ip-masq-fully-random-disable') } : undefined,
      forwardRules: values.bool('iptables-forward-rules'),
      annotationPrefix: values.string('kube-annotation-prefix'),
      setNodeCondition: values.bool('set-node-network-unavailable'),
      resyncMs: resyncMs(values.int('iptables-resync')),
    });
    for (const table of values.bool('ip-masq') ? [] : Object.values(tables)) await table.remove();
    return await runComponents([healthPages(flags, agent), agent], io);
  } finally {
    await client.transport.close({ final: true });
  }
}

/** The interface's way to the cluster. */
async function openClient(flags: ParsedFlags, io: CommandIo): Promise<Client> {
  const { values } = flags;
  const file = values.string('kubeconfig-file') || values.string('kubeconfig');
  if (!file)
    throw new FlagError('--kubeconfig-file', '--kubeconfig-file is required: the file that says how to reach the API server');
  const context = await resolveContext(await readKubeconfig(resolve(io.cwd, file)));
  const server = values.string('kube-api-url') || context.server;
  return createClient({ transport: transportFromContext({ ...context, server }, io.clock), userAgent: NAME });
}

/** However long it takes until somebody has written them; undefined when told to stop. */
async function waitForDocuments(
  path: string,
  client: Client,
  logger: Logger,
  { clock, signal }: CommandIo,
): Promise<NetworkDocuments | undefined> {
  let said = '';
  while (!signal.aborted) {
    try {
      return await findNetworkDocuments(path, client, signal);
    } catch (error) {
      if (signal.aborted) break;
      // A server that is away comes back, too.
      const retryable = error instanceof CodedError && (error.code === 'NET_CONF_MISSING' || error.retryable);
      if (!retryable) throw error;
      if (error.message !== said) logger.warn(`waiting: ${error.message}`);
      said = error.message;
    }
    await clock.sleep(CONFIGURATION_POLL_MS, signal).catch(() => undefined); // stopped meanwhile
  }
  return undefined;
}

function nodeName({ values }: ParsedFlags, { env }: CommandIo): string {
  return (values.string('hostname-override') || env['NODE_NAME'] || hostname()).trim().toLowerCase();
}

/** @param family undefined: of any */
function addressFlag(name: string, { values }: ParsedFlags, family?: Family): string | undefined {
  const text = values.string(name);
  if (text === '') return undefined;
  const address = parseIp(text);
  if (!address || (family ?? address.family) !== address.family)
    throw new FlagError(`--${name}`, `--${name}: ${JSON.stringify(text)} is no ${family ? `IPv${family}` : 'IP'} address`);
  return text;
}

function resyncMs(seconds: number): number {
  if (seconds < 1 || seconds > 86_400)
    throw new FlagError('--iptables-resync', `--iptables-resync must be from 1 to 86400 seconds, not ${seconds}`);
  return seconds * 1000;
}

function healthPages({ values }: ParsedFlags, agent: FlannelAgent) {
  const [host, port] = [values.string('healthz-ip'), values.int('healthz-port')];
  if (!parseIp(host)) throw new FlagError('--healthz-ip', `--healthz-ip: ${JSON.stringify(host)} is no IP address`);
  return createNetworkPages({
    listen: port === 0 ? undefined : { host, port },
    isHealthy: () => agent.isHealthy,
    render: () => '',
  });
}
