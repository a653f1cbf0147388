import { formatIp, parseIp } from '../../api/machinery/ip.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { AskedName, SourceAnswer } from './name-source.ts';

/** Which names and addresses each node has, as an operator wrote it down. */
export interface NameTable {
  readonly nodes: ReadonlySet<string>;
  /** Name or canonical address → nodes that it was written beside. */
  readonly owners: ReadonlyMap<string, ReadonlySet<string>>;
}

const MOST_NODES = 20_000;

/**
 * Reads `node → names`, each a list or a text with commas or white space between. The node's own name need not be written.
 *
 * @throws CodedError NAME_TABLE_INVALID that names the node
 */
export function readNameTable(document: unknown): NameTable {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw refusal('it must map node names to names');
  const entries = Object.entries(document);
  if (entries.length > MOST_NODES) throw refusal(`it names more than ${MOST_NODES} nodes`);
  const owners = new Map<string, Set<string>>();
  for (const [written, value] of entries) {
    // Names of nodes are in lower case; how an inventory writes them must not make a node a stranger to itself.
    const node = written.toLowerCase();
    for (const name of [node, ...namesOf(node, value)]) {
      const key = canonicalName(name);
      const nodes = owners.get(key) ?? new Set();
      owners.set(key, nodes.add(node));
    }
  }
  return { nodes: new Set(entries.map(([node]) => node.toLowerCase())), owners };
}

function namesOf(node: string, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (typeof value === 'string') return value.split(/[\s,]+/).filter((name) => name !== '');
  if (!Array.isArray(value) || !value.every((name) => typeof name === 'string'))
    throw refusal(`${JSON.stringify(node)} must have a list of names or a text with commas`);
  return value;
}

/** Addresses in the one spelling, names in lower case. */
export function canonicalName(name: string): string {
  const address = parseIp(name);
  return address ? formatIp(address) : name.toLowerCase();
}

/** What the table says; a name that is written beside two nodes is nobody's. */
export function lookUp(table: NameTable, nodeName: string, names: readonly AskedName[]): SourceAnswer[] {
  return names.map(({ value }) => {
    const owners = table.owners.get(canonicalName(value));
    if (!owners) return 'unknown';
    if (owners.size > 1) return 'contested';
    const [owner] = owners;
    return owner === nodeName ? 'own' : { owner: owner! };
  });
}

const refusal = (message: string) => new CodedError(`names of nodes: ${message}`, { code: 'NAME_TABLE_INVALID' });
