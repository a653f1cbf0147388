import type { NftChain, NftRuleset } from '../../host/nft-ruleset.ts';

/** Flannel's own name, so that its documentation is ours. */
export const MASQUERADE_TABLE = 'flannel-ipv4';

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
  network,
  subnet,
  random,
}: {
  readonly network: string;
  readonly subnet: string;
  readonly random: boolean;
}): NftRuleset {
  const masquerade = `masquerade${random ? ' fully-random' : ''}`;
  const postrouting: NftChain = {
    // Before kube-proxy's and others', which see what is left.
    hook: 'type nat hook postrouting priority srcnat - 1',
    rules: [
      `meta mark and ${PROXY_MARK} == ${PROXY_MARK} return`,
      `ip saddr ${network} ip daddr ${network} return`,
      `ip saddr ${network} ip daddr != 224.0.0.0/4 counter ${masquerade}`,
      // What comes from outside keeps its address when the pod is here.
      `ip saddr != ${network} ip daddr ${subnet} return`,
      // Sent on to another node, the answer must come back by this one.
      `ip saddr != ${network} ip daddr ${network} counter ${masquerade}`,
    ],
  };
  return { family: 'ip', table: MASQUERADE_TABLE, chains: new Map([['postrouting', postrouting]]), sets: new Map() };
}
