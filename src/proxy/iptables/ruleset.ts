export type TableName = 'filter' | 'nat';

/** A rule in one of the kernel's own chains that leads to ours. */
export interface Jump {
  readonly table: TableName;
  readonly from: string;
  readonly to: string;
  /** What stands before `-j`. */
  readonly match: string;
}

/** All our chains in both tables; rules without `-A CHAIN`. */
export interface IptablesRuleset {
  readonly jumps: readonly Jump[];
  readonly tables: Readonly<Record<TableName, ReadonlyMap<string, readonly string[]>>>;
}

/** What iptables-save told of a table. */
export interface TableInventory {
  /** Of all chains. */
  readonly chains: readonly string[];
  /** `PREROUTING KUBE-SERVICES`: which chains that are not ours lead where, with the rules that do, as `-A` and `-D` take them. */
  readonly jumps: ReadonlyMap<string, readonly string[]>;
}

export const TABLES: readonly TableName[] = ['filter', 'nat'];

/** Chains of single Services and endpoints: the name says that they are a proxy's, of whatever run. */
const PER_SERVICE = /^KUBE-(SVC|SVL|SEP|EXT|FW|XLB)-[A-Z2-7]{16}$/;

/** Stands nowhere in the way of packets: when it has gone, somebody has flushed the table. */
export const CANARY = 'KUBE-PROXY-CANARY';

/** The chains whose names upstream's proxy alone uses, now or in older releases. */
const OURS: ReadonlySet<string> = new Set([
  'KUBE-SERVICES',
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-NODEPORTS',
  'KUBE-FORWARD',
  'KUBE-PROXY-FIREWALL',
  'KUBE-POSTROUTING',
  'KUBE-MARK-MASQ',
  'KUBE-LOAD-BALANCER',
  'KUBE-NODE-PORT',
  'KUBE-SOURCE-RANGES-FIREWALL',
  'KUBE-IPVS-FILTER',
  'KUBE-IPVS-OUT-FILTER',
  CANARY,
]);

/** The kernel's own: rules in them that lead to a chain of ours are ours as well. */
const BUILT_IN: ReadonlySet<string> = new Set(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']);

const isOurs = (chain: string): boolean => OURS.has(chain) || PER_SERVICE.test(chain);

/** Reads a table from what iptables-save(8) prints. */
export function parseSave(text: string): TableInventory {
  const chains: string[] = [];
  const jumps = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    if (line.startsWith(':')) chains.push(line.slice(1, line.indexOf(' ')));
    const [, rule, from, to] = /^-A ((\S+) .*-[jg] (\S+).*)$/.exec(line) ?? [];
    if (rule && from && to && !isOurs(from)) jumps.set(`${from} ${to}`, [...(jumps.get(`${from} ${to}`) ?? []), rule]);
  }
  return { chains, jumps };
}

/**
 * For `iptables-restore --noflush`: every chain of ours anew, those of earlier runs gone, and the ways into them where they are
 * missing. Rules of others are not named in it.
 */
export function fullRestore(ruleset: IptablesRuleset, inventory: Readonly<Record<TableName, TableInventory>>): string {
  return restoreText((table) => {
    const wanted = ruleset.tables[table];
    const known = inventory[table];
    const stale = known.chains.filter((chain) => isOurs(chain) && !wanted.has(chain));
    const jumps = ruleset.jumps.filter((jump) => jump.table === table);
    const wantedWays = new Set(jumps.map(keyOfJump));
    const missing = jumps.filter((jump) => !known.jumps.has(keyOfJump(jump)));
    return {
      chains: [...wanted.keys(), ...stale],
      rules: [
        ...waysIn(known, (way) => !wantedWays.has(way)).map((rule) => `-D ${rule}`),
        ...missing.map(({ from, to, match }) => `-I ${from} ${match} -j ${to}`),
        ...chainRules(wanted),
        ...withoutGuests(stale, known).map((chain) => `-X ${chain}`),
      ],
    };
  });
}

/** The way from one ruleset, which the kernel has, to the next. Empty when they are the same. */
export function partialRestore(previous: IptablesRuleset, next: IptablesRuleset): string {
  return restoreText((table) => {
    const before = previous.tables[table];
    const changed = new Map([...next.tables[table]].filter(([name, rules]) => !isSame(before.get(name), rules)));
    const stale = [...before.keys()].filter((name) => !next.tables[table].has(name));
    return { chains: [...changed.keys(), ...stale], rules: [...chainRules(changed), ...stale.map((chain) => `-X ${chain}`)] };
  });
}

/** Takes the ways into our chains away, of whatever release and mode, then the chains; empty when there is nothing of ours. */
export function cleanUpRestore(inventory: Readonly<Record<TableName, TableInventory>>): string {
  return restoreText((table) => {
    const known = inventory[table];
    const ours = known.chains.filter(isOurs);
    return {
      chains: ours,
      rules: [
        ...waysIn(known, () => true).map((rule) => `-D ${rule}`),
        ...withoutGuests(ours, known).map((chain) => `-X ${chain}`),
      ],
    };
  });
}

const keyOfJump = ({ from, to }: Pick<Jump, 'from' | 'to'>): string => `${from} ${to}`;

/** The rules of the kernel's own chains that lead into ours, as they stand there. */
function waysIn({ jumps }: TableInventory, isMeant: (way: string) => boolean): string[] {
  return [...jumps].flatMap(([way, rules]) => {
    const [from = '', to = ''] = way.split(' ');
    return BUILT_IN.has(from) && isOurs(to) && isMeant(way) ? rules : [];
  });
}

/** A chain that somebody else's chain leads to can be emptied; its name stays. */
function withoutGuests(chains: readonly string[], { jumps }: TableInventory): string[] {
  const ledTo = new Set(
    [...jumps.keys()].map((way) => way.split(' ')).flatMap(([from = '', to = '']) => (BUILT_IN.has(from) ? [] : to)),
  );
  return chains.filter((chain) => !ledTo.has(chain));
}

/** A chain that is named with `:` is made when it is not there, and emptied when it is. */
function restoreText(partOf: (table: TableName) => { chains: readonly string[]; rules: readonly string[] }): string {
  return TABLES.map((table) => {
    const { chains, rules } = partOf(table);
    if (chains.length + rules.length === 0) return '';
    return `${[`*${table}`, ...chains.map((chain) => `:${chain} - [0:0]`), ...rules, 'COMMIT'].join('\n')}\n`;
  }).join('');
}

const chainRules = (chains: ReadonlyMap<string, readonly string[]>): string[] =>
  [...chains].flatMap(([name, rules]) => rules.map((rule) => `-A ${name} ${rule}`));

const isSame = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a !== undefined && a.length === b.length && a.every((rule, i) => rule === b[i]);
