import type { V1Node } from '../../api/gen/types.ts';
import type { Family } from '../../api/machinery/ip.ts';
import { firstAddress } from './address-blocks.ts';
import { ANNOTATIONS, FAMILY_ANNOTATIONS } from './bgp-plan.ts';
import type { Pool } from './calico-objects.ts';
import { familyOf } from './plain-address.ts';
import type { CalicoSettings } from './settings.ts';
import { tunnelMac } from './vxlan-plan.ts';

export const FAMILIES: readonly Family[] = [4, 6];

/** What a node has of one family. */
export interface FamilyView {
  readonly family: Family;
  /** With the length of its network: `192.168.20.31/24`. */
  readonly address: string;
  /** This node's. */
  readonly blocks: readonly string[];
  readonly pools: readonly Pool[];
  readonly vxlanPools: readonly Pool[];
  /** Of the device that packets of those take. */
  readonly vxlanAddress: string | undefined;
}

/** Pure. */
export function viewOf(
  { family, address }: Pick<FamilyView, 'family' | 'address'>,
  pools: readonly Pool[],
  blocks: readonly string[],
): FamilyView {
  const own = pools.filter((pool) => pool.family === family);
  const vxlanPools = own.filter(({ vxlanMode }) => vxlanMode !== 'Never');
  const vxlanAddress = vxlanPools.length > 0 ? firstOf(blocks, family) : undefined;
  return { family, address, pools: own, vxlanPools, vxlanAddress, blocks: blocks.filter((block) => familyOf(block) === family) };
}

/** The node's own address in its first block of the family. */
export function firstOf(blocks: readonly string[], family: Family): string | undefined {
  const block = blocks.find((one) => familyOf(one) === family);
  return block === undefined ? undefined : firstAddress(block);
}

/** What the Node is to say, null where it is to say nothing. Pure. */
export function annotationsOf(nodeName: string, views: readonly FamilyView[]): Record<string, string | null> {
  const said = FAMILIES.map((family) => {
    const { address, vxlanAddress } = views.find((view) => view.family === family) ?? {};
    const names = FAMILY_ANNOTATIONS[family];
    return {
      [names.address]: address ?? null,
      [names.vxlanAddress]: vxlanAddress ?? null,
      [names.vxlanMac]: vxlanAddress === undefined ? null : tunnelMac(nodeName, family),
    };
  });
  return Object.assign({}, ...said);
}

/** All that a node of this network says of itself. */
export const ANNOTATION_NAMES: readonly string[] = [
  ...Object.values(ANNOTATIONS),
  ...FAMILIES.flatMap((family) => Object.values(FAMILY_ANNOTATIONS[family])),
];

export const annotationOf = ({ metadata }: V1Node, name: string): string | undefined => metadata?.annotations?.[name];

/** What fits through each tunnel that a pod's packet may take; undefined without one. Pure. */
export function tunnelMtu(
  views: readonly FamilyView[],
  { vxlan, ipipMtu }: Pick<CalicoSettings, 'vxlan' | 'ipipMtu'>,
  isIpip: boolean,
): number | undefined {
  const mtus = views.flatMap(({ family, vxlanAddress }) => (vxlanAddress === undefined ? [] : [vxlan[family].mtu]));
  if (isIpip) mtus.push(ipipMtu);
  return mtus.length > 0 ? Math.min(...mtus) : undefined;
}
