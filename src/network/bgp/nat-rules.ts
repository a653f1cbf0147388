import type { NftRuleset } from '../../host/nft-ruleset.ts';

/** The table's name. */
export const NAT_TABLE = 'muster-calico';

/** What pods of pools with `natOutgoing` send beyond all pools leaves with the node's address; between pods nothing is changed. */
export function natRules(pools: readonly { readonly cidr: string; readonly natOutgoing: boolean }[]): NftRuleset {
  const hidden = pools.filter(({ natOutgoing }) => natOutgoing).map(({ cidr }) => cidr);
  const all = pools.map(({ cidr }) => cidr);
  const rules =
    hidden.length > 0 ? [`ip saddr { ${hidden.join(', ')} } ip daddr != { ${all.join(', ')} } masquerade fully-random`] : [];
  return {
    family: 'ip',
    table: NAT_TABLE,
    chains: new Map([['postrouting', { hook: 'type nat hook postrouting priority 100', rules }]]),
    sets: new Map(),
  };
}
