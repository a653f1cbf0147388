import type { V1Node } from '../../api/gen/types.ts';
import type { Family } from '../../api/machinery/ip.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { BlockPool } from './address-blocks.ts';
import { CALICO_KINDS, definitionOf, type IpPool, ipPoolKind } from './calico-kinds.ts';
import { parseNodeSelector } from './node-selector.ts';
import { familyOf, plainCidr, plainCidrOfAny } from './plain-address.ts';
import { type CalicoSettings, type EncapsulationMode, POOL_SETTINGS } from './settings.ts';

const DEFINITION: ResourceKind = {
  ...{ group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', resource: 'customresourcedefinitions' },
  namespaced: false,
};
const POLL_MS = 200;

/** Makes the kinds where there are none, those of Calico's own manifests stay, and waits until they are served. */
export async function ensureKinds(client: Client, clock: Clock, signal: AbortSignal): Promise<void> {
  const definitions = client.resource(DEFINITION);
  for (const kind of CALICO_KINDS) {
    try {
      await client.resource(kind).list({ limit: 1, signal });
      continue;
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
    try {
      await definitions.create(definitionOf(kind) as never, { signal });
    } catch (error) {
      if (!isStatus(error, 'AlreadyExists')) throw error;
    }
  }
  for (const kind of CALICO_KINDS) {
    for (;;) {
      try {
        await client.resource(kind).list({ limit: 1, signal });
        break;
      } catch (error) {
        if (!isStatus(error, 'NotFound')) throw error;
      }
      await clock.sleep(POLL_MS, signal);
    }
  }
}

/**
 * Makes a pool of what the environment says for each family that there is no pool of, as calico-node does: later the objects count.
 *
 * @param random numbers in [0, 1)
 */
export async function ensureDefaultPools(
  client: Client,
  { defaultPool, defaultPool6 }: Pick<CalicoSettings, 'defaultPool' | 'defaultPool6'>,
  { logger, random }: { readonly logger: Logger; readonly random: () => number },
): Promise<void> {
  const pools = client.resource<IpPool>(ipPoolKind);
  const { items } = await pools.list();
  for (const [family, pool] of [
    [4, defaultPool],
    [6, defaultPool6],
  ] as const) {
    if (!pool) continue;
    const present = items.filter(({ spec }) => plainCidr(spec?.cidr, family) !== undefined);
    if (present.length > 0) {
      warnOfOtherPools(present, pool, family, logger);
      continue;
    }
    const spec = { ...pool, cidr: pool.cidr ?? uniqueRange(random) };
    try {
      await pools.create({
        apiVersion: 'crd.projectcalico.org/v1',
        kind: 'IPPool',
        metadata: { name: POOL_SETTINGS[family].name },
        spec,
      });
      logger.info('Made the pool of addresses', { ...spec });
    } catch (error) {
      // Another node was first.
      if (!isStatus(error, 'AlreadyExists')) throw error;
    }
  }
}

function warnOfOtherPools(
  present: readonly IpPool[],
  pool: NonNullable<CalicoSettings['defaultPool6']>,
  family: Family,
  logger: Logger,
): void {
  if (pool.cidr === undefined) return;
  const { prefix } = POOL_SETTINGS[family];
  const found = present.find(({ spec }) => plainCidr(spec?.cidr, family) === plainCidr(pool.cidr, family));
  if (!found) {
    logger.warn(`${prefix}_CIDR counts only where there is no IPPool yet; those that are there are used`, {
      [`${prefix}_CIDR`]: pool.cidr,
      pools: present.map(({ spec }) => spec?.cidr).join(', '),
    });
    return;
  }
  for (const [variable, mode] of [
    [`${prefix}_IPIP`, 'ipipMode'],
    [`${prefix}_VXLAN`, 'vxlanMode'],
  ] as const)
    if ((found.spec?.[mode] ?? 'Never') !== pool[mode])
      logger.warn(`${variable} counts only where there is no IPPool yet; change ${mode} of the IPPool`, {
        pool: found.metadata?.name,
        [mode]: found.spec?.[mode],
      });
}

/** A /48 that no other network has, as far as chance goes (RFC 4193). */
function uniqueRange(random: () => number): string {
  const [a, b, c, d, e] = Array.from({ length: 5 }, () =>
    Math.floor(random() * 256)
      .toString(16)
      .padStart(2, '0'),
  );
  return plainCidr(`fd${a}:${b}${c}:${d}${e}::/48`, 6)!;
}

export interface Pool extends BlockPool {
  readonly family: Family;
  readonly ipipMode: EncapsulationMode;
  readonly vxlanMode: EncapsulationMode;
  readonly natOutgoing: boolean;
  /** Whether new blocks of this node may be of it. */
  readonly forNode: boolean;
}

export interface ReadPools {
  readonly pools: readonly Pool[];
  /** What could not be used, and why. */
  readonly problems: readonly string[];
}

const MODES: readonly string[] = ['Always', 'CrossSubnet', 'Never'] satisfies readonly EncapsulationMode[];

/** Pure. */
export function readPools(objects: readonly IpPool[], node: V1Node): ReadPools {
  const pools: Pool[] = [];
  const problems: string[] = [];
  for (const { metadata, spec = {} } of [...objects].sort(byName)) {
    const complain = (why: string) => problems.push(`IPPool ${JSON.stringify(metadata?.name)}: ${why}`);
    const cidr = plainCidrOfAny(spec.cidr);
    const family = familyOf(cidr ?? '');
    const { blockSize: usualSize, sizes } = POOL_SETTINGS[family];
    const { blockSize = usualSize, ipipMode = 'Never', vxlanMode = 'Never', natOutgoing = false } = spec;
    if (cidr === undefined) complain(`spec.cidr ${JSON.stringify(spec.cidr)} is no CIDR`);
    else if (!MODES.includes(vxlanMode)) complain(`spec.vxlanMode ${JSON.stringify(vxlanMode)} is not supported`);
    else if (!MODES.includes(ipipMode)) complain(`spec.ipipMode ${JSON.stringify(ipipMode)} is not supported`);
    else if (ipipMode !== 'Never' && vxlanMode !== 'Never') complain('spec.ipipMode and spec.vxlanMode are not both to be set');
    else if (family === 6 && ipipMode !== 'Never')
      complain('spec.ipipMode is of IPv4 only: between addresses of IPv6 there is vxlanMode');
    // In a smaller one no address would be left for a pod.
    else if (!(blockSize >= sizes.least && blockSize <= sizes.most && blockSize >= Number(cidr.split('/')[1])))
      complain(
        `spec.blockSize ${JSON.stringify(blockSize)} is not from ${sizes.least} to ${sizes.most}, or larger than the pool`,
      );
    else {
      try {
        const isSelected = parseNodeSelector(spec.nodeSelector ?? '')(node.metadata?.labels ?? {});
        pools.push({ cidr, family, blockSize, ipipMode, vxlanMode, natOutgoing, forNode: isSelected && spec.disabled !== true });
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        complain(error.message);
      }
    }
  }
  return { pools, problems };
}

const byName = (a: IpPool, b: IpPool) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1);
