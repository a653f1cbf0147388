import { createHash } from 'node:crypto';
import type { Family } from '../../api/machinery/ip.ts';
import type { NftChain, NftRuleset, NftSet } from '../../host/nft-ruleset.ts';
import { formatRange, isEveryAddress } from './address-ranges.ts';
import type { Direction, DirectionPlan, PlannedRule, PolicyPlan } from './policy-plan.ts';
import { formatPorts } from './port-ranges.ts';

/** The table's name. */
export const POLICY_TABLE = 'muster-network-policy';
/** Of Muster's own network and of flannel's. */
export const POD_BRIDGES: readonly string[] = ['mstr-*', 'cni0'];

const FAMILIES = [4, 6] as const;
const WORD = { 4: 'ip', 6: 'ip6' } as const;
const TYPE = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;
const DIRECTIONS = ['egress', 'ingress'] as const;
/** Neighbours have to find each other on a bridge whatever policies say (RFC 4861); no router passes these on. */
const NEIGHBOUR_DISCOVERY =
  'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept';

const setName = {
  isolated: (direction: Direction, family: Family) => `${direction}-${WORD[family]}`,
  peers: (id: string, family: Family) => `peers-${id}-${WORD[family]}`,
  ports: (id: string, family: Family) => `ports-${id}-${WORD[family]}`,
  self: (family: Family) => `self-${WORD[family]}`,
  known: (family: Family) => `known-${WORD[family]}`,
};

export interface RenderOptions {
  /** Another table than `POLICY_TABLE`, where several clusters share a machine. */
  readonly tableName?: string;
  /**
   * Bridges that pods are on, `*` at the end for any that begin so. Pods on one have addresses of the link that no policy knows of;
   * nothing but neighbour discovery passes by them as soon as a pod is isolated.
   */
  readonly podBridges: readonly string[];
}

/**
 * The plan as a table of both families. A packet has to pass two chains at the same hook, first what the sender's policies say, then
 * what the receiver's say: `accept` ends one of them only. What answers, what a pod says to itself and what the node itself sends or
 * receives is never in question.
 */
export function renderPolicies(plan: PolicyPlan, { podBridges, tableName = POLICY_TABLE }: RenderOptions): NftRuleset {
  const chains = new Map<string, NftChain>();
  const sets = new Map<string, NftSet>();
  for (const direction of DIRECTIONS) {
    chains.set(direction, baseChain(direction, plan, podBridges));
    renderDirection(direction, plan[direction], chains);
    for (const family of FAMILIES) sets.set(setName.isolated(direction, family), isolatedMap(direction, plan[direction], family));
  }
  for (const family of FAMILIES) {
    const addresses = (list: readonly { readonly family: Family; readonly address: string }[]) =>
      list.filter((one) => one.family === family).map(({ address }) => address);
    for (const [id, peers] of plan.peerSets) sets.set(setName.peers(id, family), setOf(TYPE[family], addresses(peers)));
    for (const [id, ports] of plan.portSets) {
      const pairs = ports.filter((port) => port.family === family).map(({ address, port }) => `${address} . ${port}`);
      sets.set(setName.ports(id, family), setOf(`${TYPE[family]} . inet_service`, pairs));
    }
    const known = addresses(plan.known);
    const isolated = known.filter((address) => plan.ingress.isolated.has(address) || plan.egress.isolated.has(address));
    const toSelf = isolated.map((address) => `${address} . ${address}`);
    sets.set(setName.self(family), setOf(`${TYPE[family]} . ${TYPE[family]}`, toSelf));
    sets.set(setName.known(family), setOf(TYPE[family], known));
  }
  return { family: 'inet', table: tableName, chains, sets };
}

function baseChain(direction: Direction, plan: PolicyPlan, podBridges: readonly string[]): NftChain {
  const { isolated, awaited } = plan[direction];
  const rules = ['ct state established,related accept', NEIGHBOUR_DISCOVERY];
  const side = direction === 'ingress' ? 'daddr' : 'saddr';
  for (const family of FAMILIES) {
    const ip = WORD[family];
    rules.push(`${ip} saddr . ${ip} daddr @${setName.self(family)} accept`);
    rules.push(`${ip} ${side} vmap @${setName.isolated(direction, family)}`);
    const ranges = plan.podRanges[family].map((range) => formatRange(range, family));
    if (awaited && ranges.length > 0)
      rules.push(`${ip} ${side} { ${ranges.join(', ')} } ${ip} ${side} != @${setName.known(family)} drop`);
  }
  if (isolated.size > 0 || awaited)
    for (const bridge of podBridges) rules.push(`iifname "${bridge}" oifname "${bridge}" ip6 ${side} fe80::/10 drop`);
  // Egress first: a packet that may not leave is none that may come in.
  return { hook: `type filter hook forward priority ${direction === 'egress' ? 0 : 1}`, rules };
}

function renderDirection(direction: Direction, { groups, policies }: DirectionPlan, chains: Map<string, NftChain>): void {
  for (const [key, rules] of policies)
    chains.set(policyChain(direction, key), { rules: rules.flatMap((rule) => renderRule(direction, rule)) });
  for (const [group, keys] of groups)
    chains.set(groupChain(direction, group), { rules: [...keys.map((key) => `jump ${policyChain(direction, key)}`), 'drop'] });
}

const groupChain = (direction: Direction, group: string) => `${direction}-pods-${group}`;

/** With the names in it for those who read the rules; the hash keeps apart what is cut off. */
function policyChain(direction: Direction, key: string): string {
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 16);
  const readable = key.replace(/[^a-z0-9.-]/g, '_').slice(0, 60);
  return `${direction}-policy-${hash}-${readable}`;
}

function isolatedMap(direction: Direction, { isolated }: DirectionPlan, family: Family): NftSet {
  const own = [...isolated].filter(([, one]) => one.family === family);
  return {
    kind: 'map',
    definition: `type ${TYPE[family]} : verdict ;`,
    elements: new Map(own.map(([address, { group }]) => [address, `goto ${groupChain(direction, group)}`])),
  };
}

const setOf = (type: string, elements: readonly string[]): NftSet => ({
  kind: 'set',
  definition: `type ${type} ;`,
  elements: new Map(elements.map((element) => [element, undefined])),
});

function renderRule(direction: Direction, rule: PlannedRule): string[] {
  const peers = peerMatches(direction, rule);
  return peers.flatMap((peer) =>
    portMatches(rule, peer.family).map((port) => [peer.match, port, 'accept'].filter(Boolean).join(' ')),
  );
}

/** One match for each way of being a peer; `any` with no family when the family does not matter. */
function peerMatches(
  direction: Direction,
  { peers, ports }: PlannedRule,
): { readonly family?: Family; readonly match: string }[] {
  const side = direction === 'ingress' ? 'saddr' : 'daddr';
  if (peers === 'any') {
    const named = ports !== 'any' && ports.some(({ nameSets }) => nameSets.length > 0);
    return named ? FAMILIES.map((family) => ({ family, match: '' })) : [{ match: '' }];
  }
  return FAMILIES.flatMap((family) => {
    const ip = WORD[family];
    const matches = peers.set ? [`${ip} ${side} @${setName.peers(peers.set, family)}`] : [];
    const ranges = peers.ranges[family];
    if (isEveryAddress(ranges, family)) matches.push(`meta nfproto ipv${family}`);
    else if (ranges.length > 0) matches.push(`${ip} ${side} { ${ranges.map((range) => formatRange(range, family)).join(', ')} }`);
    return matches.map((match) => ({ family, match }));
  });
}

function portMatches({ ports }: PlannedRule, family: Family | undefined): string[] {
  if (ports === 'any') return [''];
  return ports.flatMap(({ protocol, numbers, nameSets }) => {
    const word = protocol.toLowerCase();
    if (numbers === 'any') return [`meta l4proto ${word}`];
    const matches = numbers.length > 0 ? [`${word} dport { ${numbers.map(formatPorts).join(', ')} }`] : [];
    if (family) {
      const ip = WORD[family];
      matches.push(...nameSets.map((id) => `${ip} daddr . ${word} dport @${setName.ports(id, family)}`));
    }
    return matches;
  });
}
