/** Follows packets through rules as the kernel would, for the matches that our two back ends write. For tests only. */
import type { NftRuleset } from '../host/nft-ruleset.ts';
import type { IptablesRuleset } from './iptables/ruleset.ts';
import { cidrHolds } from './plan/service-port.ts';

export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  /** Default tcp. */
  readonly protocol?: string;
  /** By which interface it comes in; none for the node's own. */
  readonly from?: string;
}

/** The addresses of the node that the packet is at; its own packets have one of them as their source. */
export type NodeAddresses = readonly string[];

/** Choices among endpoints that are tried. */
const CHOICES = 12;

interface State {
  readonly packet: Packet;
  readonly node: NodeAddresses;
  readonly choice: number;
  /** Where it goes by now. */
  destination: string;
  port: number;
  masqueraded: boolean;
  /** How many rules with a chance this chain has had. */
  chances: number;
  of: number;
}

/** `endpoint, endpoint` sorted, with `masqueraded` behind; `DROP`, `REJECT`, or nothing where no rule is for the packet. */
function outcome(run: (state: State) => 'DROP' | 'REJECT' | undefined, packet: Packet, node: NodeAddresses): string {
  const found = new Set<string>();
  for (let choice = 0; choice < CHOICES; choice++) {
    const { destination, port } = packet;
    const state = { packet, node, choice, destination, port, masqueraded: false, chances: 0, of: 0 };
    const verdict = run(state);
    if (verdict) found.add(verdict);
    else if (state.destination !== destination || state.port !== port)
      found.add(`${joined(state.destination, state.port)}${state.masqueraded ? ' masqueraded' : ''}`);
    else found.add('');
  }
  const texts = [...found].sort();
  return texts.every((text) => text.endsWith(' masqueraded'))
    ? `${texts.map((text) => text.split(' ')[0]).join(', ')} masqueraded`
    : texts.join(', ');
}

const joined = (ip: string, port: number) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

function redirect(state: State, to: string): void {
  const at = to.lastIndexOf(':');
  state.destination = to.slice(0, at).replace(/^\[|\]$/g, '');
  state.port = Number(to.slice(at + 1));
}

const addressOf = (side: string, { packet, destination }: State) => (side === 's' ? packet.source : destination);
/** Whether an address is one, or in a range. */
const within = (range: string, address: string) => range === address || cidrHolds(range, address);
const protocolOf = ({ packet: { protocol = 'tcp' } }: State) => protocol;

type Verdict = 'drop' | 'reject' | 'accept' | 'return' | undefined;

/** Where a packet comes out of a table of nftables. */
export function traceNft({ chains, sets }: NftRuleset, packet: Packet, node: NodeAddresses): string {
  const call = (name: string, state: State): Verdict => {
    const chain = chains.get(name);
    if (!chain) throw new Error(`no chain ${name}`);
    for (const rule of chain.rules) {
      const verdict = follow(rule, state);
      if (verdict === 'return') return undefined;
      if (verdict) return verdict;
    }
    return undefined;
  };
  /** A verdict of a map, or at the end of a rule; a packet that was sent elsewhere comes not back to the rule. */
  const decide = (verdict: string, state: State): Verdict => {
    const [, how, name] = /^(goto|jump) (\S+)/.exec(verdict) ?? [];
    if (how === 'goto') return call(name!, state) ?? 'return';
    if (how === 'jump') return call(name!, state);
    if (verdict.startsWith('drop')) return 'drop';
    if (verdict.startsWith('reject')) return 'reject';
    const [, target] = /^dnat to (\S+)/.exec(verdict) ?? [];
    if (!target) throw new Error(`no verdict: ${verdict}`);
    redirect(state, target);
    return 'accept';
  };
  /** What stands before the verdict of a rule; each says whether the packet is meant. */
  const matches: readonly (readonly [RegExp, (found: RegExpExecArray, state: State) => boolean])[] = [
    [/^ct state new /, () => true],
    [/^fib (s|d)addr type local /, ([, side], state) => node.includes(addressOf(side!, state))],
    [
      /^ip6? (s|d)addr @(\S+) /,
      ([, side, name], state) => [...sets.get(name!)!.elements.keys()].some((key) => within(key, addressOf(side!, state))),
    ],
    [
      /^ip6? saddr != \{ ([^}]*) \} /,
      ([, ranges], { packet: { source } }) => !ranges!.split(', ').some((range) => within(range, source)),
    ],
    [
      /^ip6? (s|d)addr (!= )?((?!\. )[^@{ ]\S*) /,
      ([, side, not, range], state) => within(range!, addressOf(side!, state)) !== Boolean(not),
    ],
    [
      /^iifname (!= )?"([^"*]+)(\*?)" /,
      ([, not, name, star], { packet: { from = '' } }) => (star ? from.startsWith(name!) : from === name) !== Boolean(not),
    ],
    [/^(tcp|udp|sctp) dport (\d+) /, ([, name, port], state) => name === protocolOf(state) && state.port === Number(port)],
    [/^meta l4proto (tcp|udp|sctp) /, ([, name], state) => name === protocolOf(state)],
  ];
  const follow = (rule: string, state: State): Verdict => {
    let rest = rule.replace(/ comment "[^"]*"$/, '');
    for (let i = 0; i < matches.length; i++) {
      const [pattern, holds] = matches[i]!;
      const found = pattern.exec(rest);
      if (!found) continue;
      if (!holds(found, state)) return undefined;
      rest = rest.slice(found[0].length);
      i = -1;
    }
    const [, address, map] = /^(ip6? daddr \. )?meta l4proto \. th dport vmap @(\S+)/.exec(rest) ?? [];
    if (map) {
      const verdict = sets
        .get(map)!
        .elements.get(`${address ? `${state.destination} . ` : ''}${protocolOf(state)} . ${state.port}`);
      return verdict === undefined ? undefined : decide(verdict, state);
    }
    const [, number, choices] = /^numgen random mod (\d+) vmap \{ (.*) \}$/.exec(rest) ?? [];
    if (choices) return decide(choices.split(', ')[state.choice % Number(number)]!.replace(/^\d+ : /, ''), state);
    if (rest.startsWith('update @')) return undefined;
    if (rest !== 'jump mark-for-masquerade') return decide(rest, state);
    state.masqueraded = true;
    return undefined;
  };
  return outcome(
    (state) => {
      const own = node.includes(packet.source);
      const first = own ? ['filter-output', 'nat-output', 'filter-output-post-dnat'] : ['filter-prerouting', 'nat-prerouting'];
      const pass = (name: string) => {
        const verdict = call(name, state);
        return verdict === 'drop' ? 'DROP' : verdict === 'reject' ? 'REJECT' : undefined;
      };
      for (const name of first) {
        const refused = pass(name);
        if (refused) return refused;
      }
      if (own && !node.includes(state.destination)) return undefined;
      return pass(node.includes(state.destination) ? 'filter-input' : 'filter-forward');
    },
    packet,
    node,
  );
}

/** Where a packet comes out of the tables of iptables. */
export function traceIptables({ tables, jumps }: IptablesRuleset, packet: Packet, node: NodeAddresses): string {
  const call = (table: 'filter' | 'nat', name: string, state: State): Verdict => {
    const rules = tables[table].get(name);
    if (!rules) throw new Error(`no chain ${name}`);
    state.chances = 0;
    for (const rule of rules) {
      const verdict = follow(table, rule, state);
      if (verdict === 'return') return undefined;
      if (verdict) return verdict;
    }
    return undefined;
  };
  const follow = (table: 'filter' | 'nat', rule: string, state: State): Verdict => {
    const { source, protocol = 'tcp', from = '' } = state.packet;
    const words = [...rule.replace(/-m comment --comment "[^"]*" ?/, '').matchAll(/\S+/g)].map(([word]) => word);
    for (let i = 0; i < words.length; i++) {
      const not = words[i] === '!';
      if (not) i++;
      const option = words[i]!;
      const value = words[++i]!;
      const check = (holds: boolean) => holds !== not;
      if (option === '-m') continue;
      if (option === '-j') {
        switch (value) {
          case 'DROP':
            return 'drop';
          case 'REJECT':
            return 'reject';
          case 'ACCEPT':
            return 'accept';
          case 'RETURN':
            return 'return';
          case 'KUBE-MARK-MASQ':
            state.masqueraded = true;
            return undefined;
          case 'DNAT':
            redirect(state, words[i + 2]!);
            return 'accept';
          default:
            return call(table, value, state);
        }
      }
      let holds: boolean;
      if (option === '-p') holds = check(value === protocol);
      else if (option === '-s') holds = check(within(value, source));
      else if (option === '-d') holds = check(within(value, state.destination));
      else if (option === '-i') holds = check(value.endsWith('+') ? from.startsWith(value.slice(0, -1)) : from === value);
      else if (option === '--dport') holds = check(Number(value) === state.port);
      else if (option === '--src-type') holds = check(node.includes(source));
      else if (option === '--dst-type') holds = check(node.includes(state.destination));
      else if (option === '--ctstate')
        holds = check(
          value.split(',').some((one) => one === 'NEW' || (one === 'DNAT' && state.destination !== packet.destination)),
        );
      else if (option === '--probability') {
        if (state.chances++ === 0) state.of = Math.round(1 / Number(value));
        holds = state.choice % state.of === state.chances - 1;
      } else if (option === '--mode') holds = true;
      else if (option === '--name') {
        // Nobody is bound yet: what looks for a bond finds none, what makes one lets go on.
        holds = words[i + 1] === '--set';
        i++;
      } else if (option === '--mark') holds = check(false);
      else throw new Error(`${rule}: ${option} is not known`);
      if (!holds) return undefined;
    }
    return undefined;
  };
  return outcome(
    (state) => {
      const own = node.includes(packet.source);
      const hook = (table: 'filter' | 'nat', name: string): Verdict => {
        for (const { to } of jumps.filter((jump) => jump.from === name && jump.table === table)) {
          const verdict = call(table, to, state);
          if (verdict) return verdict;
        }
        return undefined;
      };
      const refused = (verdict: Verdict) => (verdict === 'drop' ? 'DROP' : verdict === 'reject' ? 'REJECT' : undefined);
      hook('nat', own ? 'OUTPUT' : 'PREROUTING');
      const outgoing = own ? refused(hook('filter', 'OUTPUT')) : undefined;
      if (outgoing || (own && !node.includes(state.destination))) return outgoing;
      return refused(hook('filter', node.includes(state.destination) ? 'INPUT' : 'FORWARD'));
    },
    packet,
    node,
  );
}
