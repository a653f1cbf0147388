import type { Family } from '../../api/machinery/ip.ts';
import type { NftChain, NftRuleset } from '../../host/nft-ruleset.ts';

/** Flannel's own names, so that its documentation is ours. */
const TABLES = { 4: { family: 'ip', table: 'flannel-ipv4' }, 6: { family: 'ip6', table: 'flannel-ipv6' } } as const;
const MULTICAST = { 4: '224.0.0.0/4', 6: 'ff00::/8' } as const;

/** The table of masquerading rules of a family, as nft(8) knows it. */
export const masqueradeTable = (family: Family): (typeof TABLES)[Family] => TABLES[family];

/** kube-proxy's: such packets are masqueraded by its own rules. */
const PROXY_MARK = '0x00004000';

/**
 * Hides pods behind their node when they speak to what is outside of the pod network, and nobody else. Pure.
 *
 * @param network of all pods
 * @param subnet of this node's
 * @param random whether ports are chosen at random, so that two that begin at once do not choose the same
 */
export function masqueradeRules({
  family,
  network,
  subnet,
  random,
}: {
  readonly family: Family;
  readonly network: string;
  readonly subnet: string;
  readonly random: boolean;
}): NftRuleset {
  const { family: ip } = TABLES[family];
  const masquerade = `masquerade${random ? ' fully-random' : ''}`;
  const postrouting: NftChain = {
    // Before kube-proxy's and others', which see what is left.
    hook: 'type nat hook postrouting priority srcnat - 1',
    rules: [
      `meta mark and ${PROXY_MARK} == ${PROXY_MARK} return`,
      `${ip} saddr ${network} ${ip} daddr ${network} return`,
      `${ip} saddr ${network} ${ip} daddr != ${MULTICAST[family]} counter ${masquerade}`,
      // What comes from outside keeps its address when the pod is here.
      `${ip} saddr != ${network} ${ip} daddr ${subnet} return`,
      // Sent on to another node, the answer must come back by this one.
      `${ip} saddr != ${network} ${ip} daddr ${network} counter ${masquerade}`,
    ],
  };
  return { ...TABLES[family], chains: new Map([['postrouting', postrouting]]), sets: new Map() };
}
