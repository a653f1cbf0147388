import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import { familyOf, plainIp } from './plain-address.ts';

/** Calico's names of the network and of its file. */
const NETWORK_NAME = 'k8s-pod-network';
const FILE = '10-calico.conflist';

export interface CniPlaces {
  /** Where the runtime looks for networks: `/etc/cni/net.d`. */
  readonly configurationDirectory: string;
  /** Where host-local keeps which addresses are taken. */
  readonly addressDirectory: string;
}

/**
 * A CNI configuration list: each pod at the end of a link of its own, so that all that it sends is routed and comes by the packet
 * filter, with an address of one of the node's blocks of each family that there are any of, and host ports mapped.
 */
export function calicoConflist(
  blocks: readonly string[],
  { addressDirectory, mtu }: { readonly addressDirectory: string; readonly mtu: number | undefined },
): object {
  const families = ([4, 6] as const)
    .map((family) => ({
      everything: family === 4 ? '0.0.0.0/0' : '::/0',
      blocks: blocks.filter((block) => familyOf(block) === family),
    }))
    .filter((one) => one.blocks.length > 0);
  return {
    cniVersion: '1.0.0',
    name: NETWORK_NAME,
    plugins: [
      {
        type: 'ptp',
        // Pods keep their addresses up to the edge of the pools: see pool-rules.ts.
        ipMasq: false,
        ...(mtu !== undefined && { mtu }),
        ipam: {
          type: 'host-local',
          dataDir: addressDirectory,
          // One set for each family: an address from whichever block has one.
          ranges: families.map((one) => one.blocks.map((subnet) => ({ subnet }))),
          routes: families.map(({ everything }) => ({ dst: everything })),
        },
      },
      { type: 'portmap', snat: true, capabilities: { portMappings: true } },
    ],
  };
}

/** Writes it unless it says so already. The runtime reads it again when it changes. */
export async function writeConflist(
  { configurationDirectory, addressDirectory }: CniPlaces,
  blocks: readonly string[],
  mtu: number | undefined,
): Promise<void> {
  const path = join(configurationDirectory, FILE);
  const text = `${JSON.stringify(calicoConflist(blocks, { addressDirectory, mtu }), null, 2)}\n`;
  if ((await readFile(path, 'utf8').catch(unlessMissing)) !== text) await writeFileAtomic(path, text, { mode: 0o644 });
}

/** Other networks in the directory whose names come first: the runtime uses those. */
export async function networksBefore({ configurationDirectory }: Pick<CniPlaces, 'configurationDirectory'>): Promise<string[]> {
  const entries = (await readdir(configurationDirectory).catch(unlessMissing)) ?? [];
  return entries.filter((entry) => /\.(conf|conflist|json)$/.test(entry) && entry < FILE).sort();
}

/** Addresses that pods of this node have, as host-local keeps them: a file each. */
export async function addressesInUse({ addressDirectory }: Pick<CniPlaces, 'addressDirectory'>): Promise<string[]> {
  const entries = (await readdir(join(addressDirectory, NETWORK_NAME)).catch(unlessMissing)) ?? [];
  return entries.flatMap((entry) => plainIp(entry, 4) ?? plainIp(entry, 6) ?? []);
}

export async function removeCniFiles({ configurationDirectory, addressDirectory }: CniPlaces): Promise<void> {
  await rm(join(configurationDirectory, FILE), { force: true });
  await rm(join(addressDirectory, NETWORK_NAME), { recursive: true, force: true });
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
