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
  /** `PREROUTING KUBE-SERVICES`: which chains lead where. */
  readonly jumps: ReadonlySet<string>;
}

export const TABLES: readonly TableName[] = ['filter', 'nat'];

/** Chains of single Services and endpoints: the name says that they are a proxy's, of whatever run. */
const PER_SERVICE = /^KUBE-(SVC|SVL|SEP|EXT|FW|XLB)-[A-Z2-7]{16}$/;

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
  'KUBE-PROXY-CANARY',
]);

const isOurs = (chain: string): boolean => OURS.has(chain) || PER_SERVICE.test(chain);

/** Reads a table from what iptables-save(8) prints. */
export function parseSave(text: string): TableInventory {
  const chains: string[] = [];
  const jumps = new Set<string>();
  for (const line of text.split('\n')) {
    if (line.startsWith(':')) chains.push(line.slice(1, line.indexOf(' ')));
    const [, from, to] = /^-A (\S+) .*-[jg] (\S+)/.exec(line) ?? [];
    if (from && to) jumps.add(`${from} ${to}`);
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
    const missing = ruleset.jumps.filter((jump) => jump.table === table && !known.jumps.has(`${jump.from} ${jump.to}`));
    // A chain of an older release may still be led to from one of the kernel's: it is emptied, and its name stays.
    const ledTo = new Set([...known.jumps].filter((jump) => !isOurs(jump.split(' ')[0]!)).map((jump) => jump.split(' ')[1]!));
    return {
      chains: [...wanted.keys(), ...stale],
      rules: [
        ...missing.map(({ from, to, match }) => `-I ${from} ${match} -j ${to}`),
        ...chainRules(wanted),
        ...stale.filter((chain) => !ledTo.has(chain)).map((chain) => `-X ${chain}`),
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

/** Takes the ways into our chains away, then the chains; empty when there is nothing of ours. */
export function cleanUpRestore(inventory: Readonly<Record<TableName, TableInventory>>, jumps: readonly Jump[]): string {
  return restoreText((table) => {
    const { chains, jumps: known } = inventory[table];
    const ours = chains.filter(isOurs);
    const leading = jumps.filter((jump) => jump.table === table && known.has(`${jump.from} ${jump.to}`));
    return {
      chains: ours,
      rules: [...leading.map(({ from, to, match }) => `-D ${from} ${match} -j ${to}`), ...ours.map((chain) => `-X ${chain}`)],
    };
  });
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
