import type { V1Node } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { BlockPool } from './address-blocks.ts';
import { CALICO_KINDS, definitionOf, type IpPool, ipPoolKind } from './calico-kinds.ts';
import { parseNodeSelector } from './node-selector.ts';
import { plainCidr } from './plain-address.ts';
import type { CalicoSettings, EncapsulationMode } from './settings.ts';

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

/** Makes a pool of what the environment says where there is no pool at all, as calico-node does: later the object counts. */
export async function ensureDefaultPool(client: Client, pool: CalicoSettings['defaultPool'], logger: Logger): Promise<void> {
  const pools = client.resource<IpPool>(ipPoolKind);
  const { items } = await pools.list();
  if (pool && items.length === 0) {
    try {
      await pools.create({
        apiVersion: 'crd.projectcalico.org/v1',
        kind: 'IPPool',
        metadata: { name: 'default-ipv4-ippool' },
        spec: pool,
      });
      logger.info('Made the pool of addresses', { ...pool });
    } catch (error) {
      // Another node was first.
      if (!isStatus(error, 'AlreadyExists')) throw error;
    }
    return;
  }
  const found = items.find(({ spec }) => plainCidr(spec?.cidr) === plainCidr(pool?.cidr));
  if (!pool || items.length === 0) return;
  if (!found)
    logger.warn('CALICO_IPV4POOL_CIDR counts only where there is no IPPool yet; those that are there are used', {
      CALICO_IPV4POOL_CIDR: pool.cidr,
      pools: items.map(({ spec }) => spec?.cidr).join(', '),
    });
  else
    for (const [variable, mode] of [
      ['CALICO_IPV4POOL_IPIP', 'ipipMode'],
      ['CALICO_IPV4POOL_VXLAN', 'vxlanMode'],
    ] as const)
      if ((found.spec?.[mode] ?? 'Never') !== pool[mode])
        logger.warn(`${variable} counts only where there is no IPPool yet; change ${mode} of the IPPool`, {
          pool: found.metadata?.name,
          [mode]: found.spec?.[mode],
        });
}

export interface Pool extends BlockPool {
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
    const cidr = plainCidr(spec.cidr);
    const { blockSize = 26, ipipMode = 'Never', vxlanMode = 'Never', natOutgoing = false } = spec;
    if (cidr === undefined) complain(`spec.cidr ${JSON.stringify(spec.cidr)} is no CIDR of IPv4`);
    else if (!MODES.includes(vxlanMode)) complain(`spec.vxlanMode ${JSON.stringify(vxlanMode)} is not supported`);
    else if (!MODES.includes(ipipMode)) complain(`spec.ipipMode ${JSON.stringify(ipipMode)} is not supported`);
    else if (ipipMode !== 'Never' && vxlanMode !== 'Never') complain('spec.ipipMode and spec.vxlanMode are not both to be set');
    else if (!(blockSize >= 20 && blockSize <= 32 && blockSize >= Number(cidr.split('/')[1])))
      complain(`spec.blockSize ${JSON.stringify(blockSize)} is not from 20 to 32, or larger than the pool`);
    else {
      try {
        const isSelected = parseNodeSelector(spec.nodeSelector ?? '')(node.metadata?.labels ?? {});
        pools.push({ cidr, blockSize, ipipMode, vxlanMode, natOutgoing, forNode: isSelected && spec.disabled !== true });
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        complain(error.message);
      }
    }
  }
  return { pools, problems };
}

const byName = (a: IpPool, b: IpPool) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1);
