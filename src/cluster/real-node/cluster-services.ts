import { createEventRecorder } from '../../client/events.ts';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { BRIDGE_PREFIX } from '../../network/cni/conflist.ts';
import { completeConfiguration } from '../../proxy/configuration/kube-proxy-configuration.ts';
import { createNftablesBackend } from '../../proxy/nftables/backend.ts';
import type { TrafficScope } from '../../proxy/nftables/traffic-scope.ts';
import { createProxy } from '../../proxy/proxy.ts';
import { createProxyMetrics } from '../../proxy/proxy-metrics.ts';
import { createProxyServers } from '../../proxy/proxy-servers.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type Logger, silentLogger } from '../../std/logger.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { ClusterConfig } from '../options.ts';
import { claimMachine, type MachineClaim, releaseMachine } from './machine-claim.ts';
import { servicesTable } from './real-node-plan.ts';
import { createRestartedPart, type RestartedPart } from './restarted-part.ts';

export interface ClusterServicesOptions {
  readonly nodeName: string;
  /** Of the node. */
  readonly address: string;
  /** Of the cluster's pods, which no other cluster on this machine has. */
  readonly bridge: string;
  /** Whether pods are on that bridge, and not on somebody else's network. */
  readonly hasBridge: boolean;
  /** What pods' packets come from where they are on no bridge of ours; undefined: nobody knows. */
  readonly podRange?: string | undefined;
  readonly config: ClusterConfig;
  readonly controlPlane: Pick<ControlPlane, 'clientAs'>;
  readonly logger: Logger;
  readonly run: RunProgram;
}

/**
 * Fails when this machine cannot have rules that lead to Services.
 *
 * @throws CodedError PACKET_FILTER_MISSING
 */
export async function requirePacketFilter(run: RunProgram): Promise<void> {
  try {
    await run('nft', ['list', 'tables']);
  } catch (cause) {
    if (!(cause instanceof ProgramError)) throw cause;
    const missing = cause.code === 'PROGRAM_MISSING';
    const what = missing ? 'nft is not installed (Debian’s package nftables)' : `the kernel refuses: ${cause.message}`;
    throw new CodedError(`Services of real pods need nftables: ${what}`, { code: 'PACKET_FILTER_MISSING', cause });
  }
}

/** The node's kube-proxy in this process, with a table of nftables of the cluster's own. Its rules stay when it stops, as the pods do. */
export function createClusterServices(options: ClusterServicesOptions): RestartedPart {
  const { nodeName, address, bridge, hasBridge, podRange, config, controlPlane, logger, run } = options;
  const { clock, random } = config;
  const client = controlPlane.clientAs('kube-proxy', 'system:kube-proxy');
  const events = createEventRecorder({ client, component: 'kube-proxy', host: nodeName, clock, logger });
  const table = servicesTable(bridge);
  const configuration = completeConfiguration({
    mode: 'nftables',
    hostnameOverride: nodeName,
    ...(hasBridge && { detectLocalMode: 'BridgeInterface', detectLocal: { bridgeInterface: bridge } }),
    ...(!hasBridge && podRange !== undefined && { clusterCIDR: podRange }),
    healthzBindAddress: `${address.includes(':') ? `[${address}]` : address}:10256`,
    // The machine is not only the cluster's: its connection tracking stays as it is.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  });
  return createRestartedPart({
    what: 'kube-proxy',
    clock,
    logger,
    random,
    async run(life) {
      const scope = planScope(table, { bridge, hasBridge, claim: await claimMachine(table, run) }, logger);
      const metrics = createProxyMetrics('nftables');
      // Services of such a cluster have IPv4 addresses only.
      const backends = [{ family: 4 as const, backend: createNftablesBackend({ family: 4, run, logger, scope }) }];
      const proxy = createProxy({ client, nodeName, configuration, backends, metrics, events, clock, logger, random, run });
      const servers = createProxyServers({
        configuration,
        mode: 'nftables',
        health: proxy.health,
        metrics,
        clock,
        logger,
        without: [],
      });
      if (!((await life.start(proxy)) && (await life.start(servers)))) return;
      logger.info('Services are reachable', { table, machine: scope.machine });
      await life.work(proxy, servers);
    },
  });
}

/**
 * Whose packets the cluster leads.
 *
 * @throws CodedError SERVICES_TAKEN where it cannot tell its own pods and the rest is another's
 */
export function planScope(
  table: string,
  { bridge, hasBridge, claim }: { readonly bridge: string; readonly hasBridge: boolean; readonly claim: MachineClaim },
  logger: Logger,
): TrafficScope {
  const scope = { table, machine: claim.held, ...(hasBridge && { pods: bridge }), goesFirst: true };
  if (claim.held) return { ...scope, foreignPods: BRIDGE_PREFIX };
  if (!hasBridge)
    throw new CodedError(
      `Services cannot be made reachable: ${claim.by} leads this machine's traffic to those of another cluster, and pods use a network that is not this cluster's own`,
      { code: 'SERVICES_TAKEN' },
    );
  logger.warn(
    'Services are reachable from pods only: those of another cluster are reached from this machine and at its node ports',
    {
      by: claim.by,
    },
  );
  return scope;
}

/** Takes the rules away, whoever wrote them for this cluster; there being none is no failure. */
export async function removeClusterServices(bridge: string, run: RunProgram): Promise<void> {
  const table = servicesTable(bridge);
  const scope = { table, machine: false };
  try {
    await createNftablesBackend({ family: 4, run, logger: silentLogger, scope }).cleanUp();
    await releaseMachine(table, run);
  } catch (error) {
    // A cluster whose node came never so far needed no nft.
    if (!(error instanceof ProgramError && error.code === 'PROGRAM_MISSING')) throw error;
  }
}
