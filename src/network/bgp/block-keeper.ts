import type { V1Node } from '../../api/gen/types.ts';
import type { Family } from '../../api/machinery/ip.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import { type BlockPool, blockName, blocksHaveRoom, freeBlock } from './address-blocks.ts';
import { type BlockAffinity, blockAffinityKind } from './calico-kinds.ts';
import { plainCidr, plainCidrOfAny } from './plain-address.ts';

export interface BlockKeeperOptions {
  /** May list, create, update and delete blockaffinities. */
  readonly client: Client;
  readonly logger: Logger;
}

export interface WantedBlocks {
  readonly node: V1Node;
  /** Blocks of the other are left alone. */
  readonly family: Family;
  /** All BlockAffinities, as a copy has them that may be a little old. */
  readonly known: readonly BlockAffinity[];
  /** Where new blocks may come from, the first with room; all of the family. */
  readonly pools: readonly BlockPool[];
  /** Addresses that pods of this node have. */
  readonly usedAddresses: readonly string[];
  /** Whether having none is a failure; it is when not said otherwise. */
  readonly isNeeded?: boolean;
}

/** So many addresses are to be free before a pod asks. */
const SPARE_ADDRESSES = 16;
/** Others that claim at the same time may be first so often. */
const MOST_ATTEMPTS = 100;

/**
 * Sees to it that a node has blocks with room for more pods, and answers them in the order of their names. A block is its node's from
 * the moment that its BlockAffinity is created, and the API server creates one of a name only once. It belongs to the Node object:
 * with that, the garbage collector removes it.
 *
 * @throws CodedError BLOCKS_EXHAUSTED when the node has none and no pool has any left
 */
export async function keepBlocks({ client, logger }: BlockKeeperOptions, wanted: WantedBlocks): Promise<readonly string[]> {
  const { node, family, pools, known, isNeeded = true } = wanted;
  const name = node.metadata?.name ?? '';
  const isOwn = ({ spec }: BlockAffinity) => spec?.node === name && plainCidr(spec.cidr, family) !== undefined;
  const seen = known.filter(isOwn);
  if (!isNeeded && pools.length === 0 && seen.length === 0) return [];
  if (seen.every((affinity) => isOwnedBy(affinity, node)) && hasRoom(cidrsOf(seen), wanted)) return cidrsOf(seen).sort();
  const affinities = client.resource<BlockAffinity>(blockAffinityKind);
  // The copy may not have yet what this node claimed a moment ago.
  const all = (await affinities.list()).items;
  const own = all.filter(isOwn);
  for (const affinity of own) if (!isOwnedBy(affinity, node)) await affinities.update(ownedBy(affinity, node));
  const blocks = cidrsOf(own);
  const taken = cidrsOf(all);
  if (!hasRoom(blocks, wanted)) {
    const claimed = await claim();
    if (claimed !== undefined) {
      blocks.push(claimed);
      logger.info('Took a block of addresses', { node: name, block: claimed });
    } else if (blocks.length === 0 && isNeeded)
      throw new CodedError(`no pool has a block of addresses of IPv${family} left for node ${JSON.stringify(name)}`, {
        code: 'BLOCKS_EXHAUSTED',
      });
    else if (blocks.length > 0)
      logger.warn('No pool has a block of addresses left; soon there is none for new pods', { node: name, family });
  }
  return blocks.sort();

  async function claim(): Promise<string | undefined> {
    for (const pool of pools) {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        const block = freeBlock(pool, taken, name);
        if (block === undefined) break;
        try {
          await affinities.create(
            ownedBy(
              { metadata: { name: blockName(block) }, spec: { state: 'confirmed', node: name, cidr: block, deleted: 'false' } },
              node,
            ),
          );
          return block;
        } catch (error) {
          if (!isStatus(error, 'AlreadyExists')) throw error;
          taken.push(block);
        }
      }
    }
    return undefined;
  }
}

/** Gives all of a node's blocks back, for whoever wants them. */
export async function releaseBlocks({ client }: Pick<BlockKeeperOptions, 'client'>, nodeName: string): Promise<void> {
  const affinities = client.resource<BlockAffinity>(blockAffinityKind);
  for (const { metadata, spec } of (await affinities.list()).items)
    if (spec?.node === nodeName) await affinities.delete(metadata?.name ?? '').catch(unlessNotFound);
}

/** Gives one back that no pod has an address of. A copy that is a little old may ask for it again, which does no harm. */
export async function releaseBlock({ client, logger }: BlockKeeperOptions, nodeName: string, block: string): Promise<void> {
  const affinities = client.resource<BlockAffinity>(blockAffinityKind);
  const own = (await affinities.list()).items.find(({ spec }) => spec?.node === nodeName && plainCidrOfAny(spec.cidr) === block);
  if (!own) return;
  const { name = '', uid } = own.metadata ?? {};
  await affinities.delete(name, { ...(uid && { preconditions: { uid } }) }).catch(unlessNotFound);
  logger.info('Gave an empty block of addresses back', { node: nodeName, block });
}

const cidrsOf = (affinities: readonly BlockAffinity[]): string[] =>
  affinities.flatMap(({ spec }) => plainCidrOfAny(spec?.cidr) ?? []);

const hasRoom = (blocks: readonly string[], { usedAddresses }: Pick<WantedBlocks, 'usedAddresses'>): boolean =>
  blocksHaveRoom(blocks, usedAddresses, SPARE_ADDRESSES);

const unlessNotFound = (error: unknown) => {
  if (!isStatus(error, 'NotFound')) throw error;
};

const isOwnedBy = ({ metadata }: BlockAffinity, node: V1Node) =>
  metadata?.ownerReferences?.some(({ uid }) => uid === node.metadata?.uid) ?? false;

const ownedBy = (affinity: BlockAffinity, { metadata }: V1Node): BlockAffinity => ({
  apiVersion: 'crd.projectcalico.org/v1',
  kind: 'BlockAffinity',
  ...affinity,
  metadata: {
    ...affinity.metadata,
    ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: metadata?.name ?? '', uid: metadata?.uid ?? '' }],
  },
});
