import { configMapKind } from '../../api/core/v1/config-map.ts';
import type { V1ConfigMap } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { createClient } from '../../client/create-client.ts';
import { createInformer } from '../../client/informer.ts';
import { type CorefileSource, createDnsServer } from '../../dns/server/dns-server.ts';
import type { RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { ClusterConfig } from '../options.ts';
import { addClusterAddress } from './cluster-addresses.ts';
import { COREFILE_CONFIG_MAP, createClusterDnsObjects, DNS_ACCOUNT, DNS_NAMESPACE } from './cluster-dns-objects.ts';
import { createRestartedPart, type RestartedPart } from './restarted-part.ts';

const DNS_PORT = 53;

export interface ClusterDnsOptions {
  readonly address: string;
  readonly config: ClusterConfig;
  readonly controlPlane: Pick<ControlPlane, 'adminTransport' | 'clientAs'>;
  readonly logger: Logger;
  readonly run: RunProgram;
}

/** The cluster's DNS server in this process, with the Corefile of the ConfigMap `coredns`. */
export function createClusterDns({ address, config, controlPlane, logger, run }: ClusterDnsOptions): RestartedPart {
  const { clock, random } = config;
  const client = controlPlane.clientAs(
    'coredns',
    DNS_ACCOUNT,
    'system:serviceaccounts',
    `system:serviceaccounts:${DNS_NAMESPACE}`,
  );
  const admin = createClient({ transport: controlPlane.adminTransport, userAgent: 'muster' });
  return createRestartedPart({
    what: 'the cluster DNS server',
    clock,
    logger,
    random,
    async run(life) {
      await addClusterAddress(address, run);
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
          if (kubeconfig)
            throw new CodedError('the Corefile of the cluster may name no kubeconfig', { code: 'COREFILE_INVALID' });
          return client;
        },
        clock,
        logger,
        random,
      });
      if (!((await life.start(corefile.informer)) && (await life.start(server)))) return;
      logger.info('The cluster DNS server listens', { address });
      await life.work(server);
    },
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
