/** How several API servers agree on the addresses of the Service `kubernetes` (`--endpoint-reconciler-type`). */
export type EndpointReconcilerType = 'lease' | 'master-count' | 'none';

/** What is stored of them now: one group of addresses behind one port, or something else. */
export interface StoredEndpoints {
  /** Undefined: not of the form that API servers give it, so that it is to be made anew. */
  readonly addresses: readonly string[] | undefined;
}

/** Addresses as they stand in Endpoints: each once, in the order of their texts. */
export const inOrder = (addresses: Iterable<string>): string[] => [...new Set(addresses)].sort();

/**
 * What the addresses are to be when each of at most `count` servers only adds its own (upstream's master-count reconciler). Others
 * are never known to be gone; when there are too many, those behind one's own make place, so that servers that are there come back.
 */
export function planByCount(stored: StoredEndpoints, own: string, count: number): string[] {
  const addresses = inOrder([...(stored.addresses ?? []), own]);
  while (addresses.length > Math.max(1, count)) addresses.splice((addresses.indexOf(own) + 1) % addresses.length, 1);
  return addresses;
}

/** What is left when a server goes. */
export function planWithout(stored: StoredEndpoints, own: string): string[] {
  return inOrder(stored.addresses ?? []).filter((address) => address !== own);
}
