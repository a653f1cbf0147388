import type { DynamicObject } from '../../api/machinery/object.ts';

/**
 * Something that only one object may hold: an address, a port. A claim is a key of the store that is written and deleted in the same
 * transaction as its object, so that no two objects ever hold the same, whichever API server wrote them, and none is left behind.
 */
export interface Claim {
  readonly key: string;
  /** What the store keeps under the key: for people who look. */
  readonly value: () => Uint8Array;
}

/** What an object holds. A pure function of the object, without repetitions. */
export type ClaimsOf = (object: DynamicObject) => readonly Claim[];

/** Another object holds what was to be claimed; nothing was written. */
export class ClaimsTaken extends Error {
  readonly keys: ReadonlySet<string>;

  constructor(keys: ReadonlySet<string>) {
    super(`already claimed: ${[...keys].join(', ')}`);
    this.name = 'ClaimsTaken';
    this.keys = keys;
  }
}

/** What a write adds to what its object held before, and what it gives back. */
export function compareClaims(
  before: readonly Claim[],
  after: readonly Claim[],
): { readonly added: readonly Claim[]; readonly removed: readonly Claim[] } {
  const [held, wanted] = [new Set(before.map(({ key }) => key)), new Set(after.map(({ key }) => key))];
  return { added: after.filter(({ key }) => !held.has(key)), removed: before.filter(({ key }) => !wanted.has(key)) };
}
