import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import { beginningIn, type EtcdBeginning, memberData } from '../desired/etcd.ts';
import { UNIT_DIRECTORY } from '../desired/files.ts';
import type { HostFacts } from '../facts/facts.ts';

const UNIT = `${UNIT_DIRECTORY}/etcd.service`;

/** What a host's member of etcd is, as its files tell. */
export interface MemberFacts {
  /** It has its data. */
  readonly hasBegun: boolean;
  /** With what it began; undefined when that is what the inventory says, for then its unit is not shown. */
  readonly beginning: EtcdBeginning | undefined;
}

/** Reads it out of what a survey saw. */
export function memberOf(inventory: Inventory, host: InventoryHost, { files }: Pick<HostFacts, 'files'>): MemberFacts {
  const unit = files.get(UNIT);
  const hasBegun = files.has(memberData(inventory, host));
  const text = unit?.type === 'file' ? unit.content : undefined;
  return { hasBegun, beginning: hasBegun && text !== undefined ? beginningIn(text) : undefined };
}
