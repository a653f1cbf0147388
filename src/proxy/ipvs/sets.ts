import type { Family } from '../../api/machinery/ip.ts';

/*
 * Which addresses and ports are Services' stands in sets of ipset(8), so that the rules of iptables are the same however many there
 * are. Names, types and parameters are upstream's (pkg/proxy/ipvs/ipset.go): its kube-proxy takes these over, and this one takes over
 * upstream's. They are also the record of what is ours in the kernel's tables.
 */

const HASH = { address: 'hash:ip', service: 'hash:ip,port', source: 'hash:ip,port,ip', range: 'hash:ip,port,net' } as const;
const PORTS = 'bitmap:port';

/** Every set by its name for IPv4, with its type. */
export const SET_TYPES = {
  'KUBE-LOOP-BACK': HASH.source,
  'KUBE-CLUSTER-IP': HASH.service,
  'KUBE-EXTERNAL-IP': HASH.service,
  'KUBE-EXTERNAL-IP-LOCAL': HASH.service,
  'KUBE-LOAD-BALANCER': HASH.service,
  'KUBE-LOAD-BALANCER-LOCAL': HASH.service,
  'KUBE-LOAD-BALANCER-FW': HASH.service,
  'KUBE-LOAD-BALANCER-SOURCE-IP': HASH.source,
  'KUBE-LOAD-BALANCER-SOURCE-CIDR': HASH.range,
  'KUBE-NODE-PORT-TCP': PORTS,
  'KUBE-NODE-PORT-LOCAL-TCP': PORTS,
  'KUBE-NODE-PORT-UDP': PORTS,
  'KUBE-NODE-PORT-LOCAL-UDP': PORTS,
  'KUBE-NODE-PORT-SCTP-HASH': HASH.service,
  'KUBE-NODE-PORT-LOCAL-SCTP-HASH': HASH.service,
  'KUBE-HEALTH-CHECK-NODE-PORT': PORTS,
  'KUBE-IPVS-IPS': HASH.address,
} as const;

export type SetName = keyof typeof SET_TYPES;
export const SET_NAMES = Object.keys(SET_TYPES) as SetName[];

/** How many entries a set has room for, as upstream makes them; more would be refused, and all that is written with them. */
export const MOST_ENTRIES = 65_536;
/** The kernel's limit of a set's name. */
const LONGEST_NAME = 31;

/** What the kernel knows a set of a family by: upstream's are cut off at the end too. */
export const kernelName = (name: SetName, family: Family): string =>
  family === 4 ? name : name.replace('KUBE-', 'KUBE-6-').slice(0, LONGEST_NAME);

/** The entries of each set. */
export type SetEntries = ReadonlyMap<SetName, ReadonlySet<string>>;

/** `10.96.0.1,tcp:80`. */
export const serviceEntry = (ip: string, protocol: string, port: number): string => `${ip},${protocol}:${port}`;

/** As ipset prints a range: one address stands without its length. */
export const rangeText = (cidr: string): string => cidr.replace(/(?<=^[^:]+)\/32$|(?<=:.*)\/128$/, '');

/** What `ipset save` told of our sets of a family; a set that there is not is not in it. */
export function parseSets(text: string, family: Family): Map<SetName, Set<string>> {
  const byKernelName = new Map(SET_NAMES.map((name) => [kernelName(name, family), name]));
  const sets = new Map<SetName, Set<string>>();
  for (const line of text.split('\n')) {
    const [verb, kernel = '', entry = ''] = line.split(' ');
    const name = byKernelName.get(kernel);
    if (name === undefined) continue;
    if (verb === 'create') sets.set(name, new Set());
    else if (verb === 'add') sets.get(name)?.add(entry);
  }
  return sets;
}

/** For `ipset restore -exist`: makes the sets that are missing, and adds the entries that are. */
export function additionsText(current: SetEntries, next: SetEntries, family: Family): string {
  return linesText(
    SET_NAMES.flatMap((name) => {
      const known = current.get(name);
      const added = [...(next.get(name) ?? [])].filter((entry) => !known?.has(entry));
      const set = kernelName(name, family);
      return [...(known ? [] : [createLine(name, family)]), ...added.map((entry) => `add ${set} ${entry}`)];
    }),
  );
}

/** For `ipset restore -exist`: takes out the entries that are not wanted any more. */
export function removalsText(current: SetEntries, next: SetEntries, family: Family): string {
  return linesText(
    [...current].flatMap(([name, entries]) => {
      const set = kernelName(name, family);
      return [...entries].filter((entry) => !next.get(name)?.has(entry)).map((entry) => `del ${set} ${entry}`);
    }),
  );
}

/** For `ipset restore`: takes sets away that no rule uses any more. */
export const destructionText = (names: Iterable<SetName>, family: Family): string =>
  linesText([...names].map((name) => `destroy ${kernelName(name, family)}`));

function createLine(name: SetName, family: Family): string {
  const type = SET_TYPES[name];
  const parameters =
    type === PORTS ? 'range 0-65535' : `family ${family === 4 ? 'inet' : 'inet6'} hashsize 1024 maxelem ${MOST_ENTRIES}`;
  return `create ${kernelName(name, family)} ${type} ${parameters}`;
}

const linesText = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
