import type { Family } from '../../../api/machinery/ip.ts';
import { createClient } from '../../../client/create-client.ts';
import { createNftTable } from '../../../host/nft-table.ts';
import type { RunProgram } from '../../../host/run-program.ts';
import { cleanUpFlannel } from '../../../network/flannel/clean-up.ts';
import { DEFAULT_CNI_CONF } from '../../../network/flannel/cni-conf.ts';
import { createFlannelAgent } from '../../../network/flannel/flannel-agent.ts';
import { DEFAULT_ANNOTATION_PREFIX } from '../../../network/flannel/lease.ts';
import { masqueradeTable } from '../../../network/flannel/masquerade.ts';
import { parseNetConf } from '../../../network/flannel/net-conf.ts';
import type { NetworkPaths } from '../../../network/flannel/network-files.ts';
import { type Logger, silentLogger } from '../../../std/logger.ts';
import type { RealNodeRecord } from '../../data-directory.ts';
import { CLUSTER_CIDR } from '../../options.ts';
import { preparePodBridge } from '../pod-bridge.ts';
import { realNodePaths } from '../real-node-plan.ts';
import { createRestartedPart } from '../restarted-part.ts';
import type { NodeNetwork, NodeNetworkOptions } from './node-network.ts';

const RESYNC_MS = 10_000;

/** Flannel's way, with the backend vxlan: `muster flanneld` in this process. Pods are on the cluster's own bridge. */
export function createFlannelNetwork(options: NodeNetworkOptions): NodeNetwork {
  const { real, nodeName, address, nodeDirectory, config, controlPlane, logger, run } = options;
  const { clock, random } = config;
  const { bridge, podRange = CLUSTER_CIDR } = real.network;
  const client = createClient({ transport: controlPlane.adminTransport, userAgent: 'flanneld' });
  const part = createRestartedPart({
    ...{ what: 'flanneld', clock, logger, random },
    async run(life) {
      const agent = createFlannelAgent({
        ...{ client, nodeName, run, clock, logger, random },
        conf: parseNetConf(JSON.stringify({ Network: podRange, Backend: { Type: 'vxlan' } })),
        cniConf: { ...DEFAULT_CNI_CONF, delegate: { ...DEFAULT_CNI_CONF.delegate, bridge } },
        wish: { interfaces: [address], patterns: [], publicIp: { 4: undefined, 6: undefined } },
        reach: undefined,
        paths: pathsOf(real, nodeDirectory),
        masquerade: { tables: tablesOf(run, logger), random: true },
        forwardRules: true,
        annotationPrefix: DEFAULT_ANNOTATION_PREFIX,
        setNodeCondition: true,
        resyncMs: RESYNC_MS,
      });
      if (await life.start(agent)) await life.work(agent);
    },
  });
  return {
    hasBridge: true,
    isOurs: true,
    morePodCidrs: () => [],
    prepare: () => preparePodBridge(bridge, run, logger),
    start: part.start,
    stop: part.stop,
  };
}

/** Takes away what it has left, but for the bridge. */
export const removeFlannelNetwork = (real: RealNodeRecord, nodeDirectory: string, run: RunProgram): Promise<void> =>
  cleanUpFlannel({
    ...{ run, tables: Object.values(tablesOf(run, silentLogger)), paths: pathsOf(real, nodeDirectory), logger: silentLogger },
    bridge: real.network.bridge,
  });

function pathsOf({ network }: RealNodeRecord, nodeDirectory: string): NetworkPaths {
  const { subnetFile, addresses } = realNodePaths(nodeDirectory);
  return { subnetFile, cniConfigurationDirectory: network.configurationDirectory, addressDirectory: addresses };
}

function tablesOf(run: RunProgram, logger: Logger) {
  const of = (family: Family) => createNftTable({ ...masqueradeTable(family), run, logger });
  return { 4: of(4), 6: of(6) };
}
