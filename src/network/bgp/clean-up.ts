import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { NftTable } from '../../host/nft-table.ts';
import type { RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import { CALICO_FORWARD, removeForwardRules } from '../forward-rules.ts';
import { ANNOTATIONS, FAMILY_ANNOTATIONS } from './bgp-plan.ts';
import { birdConfiguration } from './bird-configuration.ts';
import type { BirdDaemon } from './bird-daemon.ts';
import { releaseBlocks } from './block-keeper.ts';
import { type CniPlaces, removeCniFiles } from './cni-files.ts';
import { closeTunnel } from './tunnel-device.ts';
import { closeVxlan } from './vxlan-network.ts';

export interface CleanUpOptions {
  readonly bird: BirdDaemon;
  readonly tables: readonly NftTable[];
  readonly cni: CniPlaces;
  readonly run: RunProgram;
  /** Without it the node's blocks stay its own in the API. */
  readonly api?: { readonly client: Client; readonly nodeName: string };
}

/** Without sessions, blocks and `persist`: BIRD takes its routes out of the kernel when it reads this. */
const NOTHING = (logFile: string): string =>
  birdConfiguration({
    ...{ routerId: '127.0.0.1', keepRoutes: false, logFile, logSeverity: 'info' },
    families: ([4, 6] as const).map((family) => ({
      ...{ family, address: family === 4 ? '127.0.0.1/32' : '::1/128', blocks: [], pools: [] },
      plan: { asNumber: 1, peers: [], otherAddresses: [], problems: [] },
    })),
  });

/**
 * Takes down all that runs of calico-node have left on this machine, for when no pod is left on it: routes, BIRD, rules, the tunnel,
 * the CNI configuration; and gives the node's blocks back. A second time does no harm.
 */
export async function cleanUpCalico({ bird, tables, cni, run, api }: CleanUpOptions): Promise<void> {
  await removeCniFiles(cni);
  try {
    await bird.ensure(NOTHING(bird.logFile));
    await bird.stop();
  } catch (error) {
    // Where it is not installed it has left nothing.
    if (!(error instanceof CodedError && error.code === 'BIRD_MISSING')) throw error;
  }
  await closeTunnel(run);
  for (const family of [4, 6] as const) {
    await closeVxlan(run, family);
    await removeForwardRules(run, CALICO_FORWARD, family);
  }
  for (const table of tables) await table.remove();
  if (!api) return;
  await releaseBlocks(api, api.nodeName);
  const names = [ANNOTATIONS.tunnelAddress, ...Object.values(FAMILY_ANNOTATIONS).flatMap((family) => Object.values(family))];
  const annotations = Object.fromEntries(names.map((name) => [name, null]));
  try {
    await api.client
      .resource<V1Node>(nodeKind)
      .patch(api.nodeName, { metadata: { annotations } }, { type: 'strategic', subresource: 'status' });
  } catch (error) {
    if (!isStatus(error, 'NotFound')) throw error;
  }
}
