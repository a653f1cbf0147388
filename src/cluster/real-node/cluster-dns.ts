import { createHash } from 'node:crypto';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import type { V1ConfigMap } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { createClient } from '../../client/create-client.ts';
import { createInformer } from '../../client/informer.ts';
import { type CorefileSource, createDnsServer } from '../../dns/server/dns-server.ts';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { Backoff } from '../../std/backoff.ts';
import { CodedError } from '../../std/coded-error.ts';
import { ComponentGroup } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { ClusterConfig } from '../options.ts';
import { COREFILE_CONFIG_MAP, createClusterDnsObjects, DNS_ACCOUNT, DNS_NAMESPACE } from './cluster-dns-objects.ts';

const DNS_PORT = 53;
const DEVICE = 'lo';

/**
 * Where a cluster's DNS server listens: an address of the loopback device, so that pods of this machine reach it however their network is
 * made, and others only when they send what is for it here on purpose. Of a range that no network uses (198.18.0.0/15, RFC 2544), another one
 * for each cluster.
 *
 * @param bridge of the cluster's pods, which no other cluster on this machine has
 */
export function clusterDnsAddress(bridge: string): string {
  const [a = 0, b = 0, c = 0] = createHash('sha256').update(`dns ${bridge}`).digest();
  return `198.${18 + (a % 2)}.${b}.${1 + (c % 254)}`;
}

/** Gives the machine the address. There already is no failure. */
export async function addClusterDnsAddress(address: string, run: RunProgram): Promise<void> {
  await run('ip', ['address', 'replace', `${address}/32`, 'dev', DEVICE, 'scope', 'host']);
}

/** Takes it away. Not there is no failure. @throws CodedError DNS_ADDRESS_REMAINS */
export async function removeClusterDnsAddress(address: string, run: RunProgram): Promise<void> {
  try {
    await run('ip', ['address', 'delete', `${address}/32`, 'dev', DEVICE]);
  } catch (cause) {
    if (cause instanceof ProgramError && /Cannot assign requested address|Address not found/.test(cause.stderr)) return;
    throw new CodedError(`cannot remove the address ${address} of the cluster's DNS server: ${(cause as Error).message}`, {
      code: 'DNS_ADDRESS_REMAINS',
      cause,
    });
  }
}

export interface ClusterDnsOptions {
  readonly address: string;
  readonly config: ClusterConfig;
  readonly controlPlane: Pick<ControlPlane, 'adminTransport' | 'clientAs'>;
  readonly logger: Logger;
  readonly run: RunProgram;
}

export interface ClusterDns {
  /** Resolves when the server answers, or has failed for the first time; it is tried again until `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The cluster's DNS server in this process, with the Corefile of the ConfigMap `coredns`; started again when it fails, as a pod would be. */
export function createClusterDns({ address, config, controlPlane, logger, run }: ClusterDnsOptions): ClusterDns {
  const { clock, random } = config;
  const life = new AbortController();
  const client = controlPlane.clientAs(
    'coredns',
    DNS_ACCOUNT,
    'system:serviceaccounts',
    `system:serviceaccounts:${DNS_NAMESPACE}`,
  );
  const admin = createClient({ transport: controlPlane.adminTransport, userAgent: 'muster' });
  const backoff = new Backoff({ initialMs: 1000, maxMs: 60_000, random });
  const started = Promise.withResolvers<void>();
  let ended: Promise<void> = Promise.resolve();

  const serve = async (parts: ComponentGroup): Promise<void> => {
    await addClusterDnsAddress(address, run);
    await createClusterDnsObjects(admin, address);
    const corefile = corefileOfConfigMap(admin, { config, logger });
    const server = createDnsServer({
      corefile: corefile.source,
      port: DNS_PORT,
      environment: {},
      // The server is root; whoever may write the ConfigMap need not be.
      readableFiles: new Set(['/etc/resolv.conf', '/etc/hosts']),
      listenAddresses: [address],
      localAddresses: [address],
      client: async (kubeconfig) => {
        if (kubeconfig) throw new CodedError('the Corefile of the cluster may name no kubeconfig', { code: 'COREFILE_INVALID' });
        return client;
      },
      clock,
      logger,
      random,
    });
    const stopped = aborted(life.signal);
    for (const part of [corefile.informer, server]) {
      await Promise.race([parts.start(part), stopped]);
      if (life.signal.aborted) return;
    }
    logger.info('The cluster DNS server listens', { address });
    started.resolve();
    backoff.reset();
    await Promise.race([server.done, stopped]);
  };
  const attempt = async (): Promise<void> => {
    const parts = new ComponentGroup();
    let failure: unknown;
    try {
      await serve(parts);
    } catch (error) {
      failure = error;
    }
    await parts.stop().catch((error: unknown) => {
      failure ??= error; // that of a part that failed is known already
    });
    if (failure !== undefined) throw failure;
  };
  const keepUp = async (): Promise<void> => {
    while (!life.signal.aborted) {
      try {
        await attempt();
      } catch (error) {
        if (life.signal.aborted) return;
        logger.error('The cluster DNS server failed and will be started again', { error });
        started.resolve();
        await clock.sleep(backoff.next(), life.signal).catch(() => undefined); // stopped meanwhile
      }
    }
  };
  return {
    start() {
      ended = keepUp();
      return started.promise;
    },
    async stop() {
      life.abort(new DOMException('the cluster DNS server is stopped', 'AbortError'));
      started.resolve();
      await ended;
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Deleted, it stays as it was until there is another. */
function corefileOfConfigMap(client: Client, { config, logger }: Pick<ClusterDnsOptions, 'config' | 'logger'>) {
  const informer = createInformer<V1ConfigMap>({
    client,
    kind: configMapKind,
    namespace: DNS_NAMESPACE,
    fieldSelector: `metadata.name=${COREFILE_CONFIG_MAP}`,
    clock: config.clock,
    logger,
    random: config.random,
  });
  const source: CorefileSource = {
    path: 'Corefile',
    async read() {
      const text = informer.get(COREFILE_CONFIG_MAP)?.data?.['Corefile'];
      if (text === undefined)
        throw new CodedError(`ConfigMap "${DNS_NAMESPACE}/${COREFILE_CONFIG_MAP}" has no Corefile`, {
          code: 'COREFILE_UNREADABLE',
        });
      return text;
    },
    onChange: (listener) => informer.onChange(({ type }) => type !== 'deleted' && listener()),
  };
  return { informer, source };
}
