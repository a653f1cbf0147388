import type { V1Node } from '../../api/gen/types.ts';
import { canonicalName } from './name-table.ts';

const HOST_NAME = 'kubernetes.io/hostname';

/** Names that a node says are its own: from its status, which it writes itself. */
export function claimsOf(node: V1Node): string[] {
  const claims = (node.status?.addresses ?? []).map(({ address }) => canonicalName(address ?? ''));
  const hostName = node.metadata?.labels?.[HOST_NAME];
  return [...new Set([...claims, ...(hostName ? [hostName] : []), node.metadata?.name ?? ''])].filter((claim) => claim !== '');
}
