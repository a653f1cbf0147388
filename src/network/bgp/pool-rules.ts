import type { Family } from '../../api/machinery/ip.ts';
import type { NftRuleset } from '../../host/nft-ruleset.ts';

/** The table's name. */
export const POOL_TABLE = 'muster-calico';
/** What the plugin `ptp` calls the node's end of a pod's link. */
const POD_LINKS = 'veth*';

/**
 * Rules for addresses of the pools: what pods of pools with `natOutgoing` send beyond all pools leaves with the node's address, and
 * between pods nothing is changed; and no pod sends with the address of another, for policies go by addresses.
 *
 * @param pools all of the family
 */
export function poolRules(
  pools: readonly { readonly cidr: string; readonly natOutgoing: boolean }[],
  family: Family = 4,
): NftRuleset {
  const ip = family === 4 ? 'ip' : 'ip6';
  const hidden = pools.filter(({ natOutgoing }) => natOutgoing).map(({ cidr }) => cidr);
  const all = pools.map(({ cidr }) => cidr).join(', ');
  const forged = `iifname "${POD_LINKS}" ${ip} saddr { ${all} } fib saddr . iif oif missing counter drop`;
  const masquerade = `${ip} saddr { ${hidden.join(', ')} } ${ip} daddr != { ${all} } masquerade fully-random`;
  return {
    family: ip,
    table: POOL_TABLE,
    chains: new Map([
      ['prerouting', { hook: 'type filter hook prerouting priority -300', rules: pools.length > 0 ? [forged] : [] }],
      ['postrouting', { hook: 'type nat hook postrouting priority 100', rules: hidden.length > 0 ? [masquerade] : [] }],
    ]),
    sets: new Map(),
  };
}
