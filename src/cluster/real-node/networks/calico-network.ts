import { rm } from 'node:fs/promises';
import { createClient } from '../../../client/create-client.ts';
import { createNftTable } from '../../../host/nft-table.ts';
import type { RunProgram } from '../../../host/run-program.ts';
import { createBirdDaemon } from '../../../network/bgp/bird-daemon.ts';
import { type CalicoNode, createCalicoNode } from '../../../network/bgp/calico-node.ts';
import { cleanUpCalico } from '../../../network/bgp/clean-up.ts';
import { POOL_TABLE } from '../../../network/bgp/pool-rules.ts';
import { readCalicoSettings } from '../../../network/bgp/settings.ts';
import type { Clock } from '../../../std/clock.ts';
import { type Logger, silentLogger } from '../../../std/logger.ts';
import type { RealNodeRecord } from '../../data-directory.ts';
import { CLUSTER_CIDR } from '../../options.ts';
import { realNodePaths } from '../real-node-plan.ts';
import { createRestartedPart } from '../restarted-part.ts';
import type { NodeNetwork, NodeNetworkOptions } from './node-network.ts';

/** Calico's way, without a tunnel: `muster calico-node` in this process. Each pod is at the end of a link of its own. */
export function createCalicoNetwork(options: NodeNetworkOptions): NodeNetwork {
  const { real, nodeName, address, nodeDirectory, config, controlPlane, onPodCidrs: onBlocks, logger, run } = options;
  const { clock, random } = config;
  const client = createClient({ transport: controlPlane.adminTransport, userAgent: 'calico-node' });
  const settings = readCalicoSettings({ CALICO_IPV4POOL_CIDR: real.network.podRange ?? CLUSTER_CIDR, IP: address });
  const parts = partsOf(real, nodeDirectory, { run, clock, logger });
  let current: CalicoNode | undefined;
  const part = createRestartedPart({
    ...{ what: 'calico-node', clock, logger, random },
    async run(life) {
      const node = createCalicoNode({ ...parts, client, nodeName, settings, run, clock, logger, random, onBlocks });
      current = node;
      if (await life.start(node)) await life.work(node);
    },
  });
  return {
    hasBridge: false,
    isOurs: true,
    morePodCidrs: () => current?.blocks ?? [],
    prepare: async () => undefined,
    start: part.start,
    stop: part.stop,
  };
}

/** Takes away what it has left; its blocks go with the cluster. */
export async function removeCalicoNetwork(
  real: RealNodeRecord,
  nodeDirectory: string,
  run: RunProgram,
  clock: Clock,
): Promise<void> {
  const { bird, rules, cni } = partsOf(real, nodeDirectory, { run, clock, logger: silentLogger });
  await cleanUpCalico({ bird, tables: Object.values(rules), cni, run });
  await rm(birdDirectory(real), { recursive: true, force: true });
}

function partsOf(
  real: RealNodeRecord,
  nodeDirectory: string,
  { run, clock, logger }: { readonly run: RunProgram; readonly clock: Clock; readonly logger: Logger },
) {
  const { configurationDirectory } = real.network;
  return {
    bird: createBirdDaemon({ directory: birdDirectory(real), run, clock, logger }),
    rules: {
      4: createNftTable({ family: 'ip', table: POOL_TABLE, run, logger }),
      6: createNftTable({ family: 'ip6', table: POOL_TABLE, run, logger }),
    },
    cni: { configurationDirectory, addressDirectory: realNodePaths(nodeDirectory).addresses },
  };
}

/** The name of its socket must be short, which a path below the cluster's directory need not be. */
const birdDirectory = ({ network }: RealNodeRecord) => `/run/${network.bridge}`;
