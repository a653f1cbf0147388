/** A chain: rules only, or one that the kernel calls at a hook. */
export interface NftChain {
  /** `type nat hook prerouting priority -100`; nothing for a chain that others go to. */
  readonly hook?: string;
  readonly rules: readonly string[];
}

/** A set, or a map when its elements have values. */
export interface NftSet {
  readonly kind: 'set' | 'map';
  /** `type ipv4_addr ;` and what else is between its braces, but the elements. */
  readonly definition: string;
  /** By key; the value of a map's element, and undefined for a set's. Packets fill a set that has the flag `dynamic`. */
  readonly elements: ReadonlyMap<string, string | undefined>;
}

/** All that is in a table that nobody else writes. */
export interface NftRuleset {
  readonly family: 'ip' | 'ip6' | 'inet';
  /** The table's name. */
  readonly table: string;
  readonly chains: ReadonlyMap<string, NftChain>;
  readonly sets: ReadonlyMap<string, NftSet>;
}

/** What the kernel has in the table, by name. */
export interface NftInventory {
  readonly chains: readonly string[];
  readonly sets: readonly { readonly name: string; readonly kind: 'set' | 'map' }[];
}

/** Elements in one command: nft reads them faster than one by one. */
const ELEMENTS_A_COMMAND = 500;

/** The commands of one transaction, in the order in which the kernel can take them; empty when nothing changes. */
class Transaction {
  readonly #table: string;
  readonly #first: string[] = [];
  readonly #rules: string[] = [];
  readonly #last: string[] = [];

  constructor({ family, table }: NftRuleset) {
    this.#table = `${family} ${table}`;
  }

  addChain(name: string, { hook }: NftChain): void {
    this.#first.push(`add chain ${this.#table} ${name}${hook ? ` { ${hook} ; }` : ''}`);
  }

  flushChain(name: string): void {
    this.#first.push(`flush chain ${this.#table} ${name}`);
  }

  addRules(name: string, { rules }: NftChain): void {
    for (const rule of rules) this.#rules.push(`add rule ${this.#table} ${name} ${rule}`);
  }

  deleteChain(name: string): void {
    this.flushChain(name);
    this.#last.push(`delete chain ${this.#table} ${name}`);
  }

  addSet(name: string, { kind, definition }: NftSet): void {
    this.#first.push(`add ${kind} ${this.#table} ${name} { ${definition} }`);
  }

  flushSet(name: string, kind: NftSet['kind']): void {
    this.#first.push(`flush ${kind} ${this.#table} ${name}`);
  }

  deleteSet(name: string, kind: NftSet['kind'], when: 'before' | 'after'): void {
    (when === 'before' ? this.#first : this.#last).push(`delete ${kind} ${this.#table} ${name}`);
  }

  deleteElements(name: string, keys: readonly string[]): void {
    this.#elements('delete', name, keys, this.#first);
  }

  addElements(name: string, elements: Iterable<readonly [string, string | undefined]>): void {
    const texts = [...elements].map(([key, value]) => (value === undefined ? key : `${key} : ${value}`));
    this.#elements('add', name, texts, this.#rules);
  }

  #elements(command: string, name: string, texts: readonly string[], to: string[]): void {
    for (let at = 0; at < texts.length; at += ELEMENTS_A_COMMAND) {
      const some = texts.slice(at, at + ELEMENTS_A_COMMAND).join(', ');
      to.push(`${command} element ${this.#table} ${name} { ${some} }`);
    }
  }

  /** For `nft -f -`. */
  text(...before: string[]): string {
    const lines = [...before, ...this.#first, ...this.#rules, ...this.#last];
    return lines.length > before.length ? `${lines.join('\n')}\n` : '';
  }
}

const NAMED_SET = /@(\S+)/g;
const keepsOwnElements = ({ definition }: NftSet) => definition.includes('dynamic');

/**
 * Everything anew over what an earlier run left in the table. What packets wrote into sets (who is bound to which endpoint) stays.
 */
export function fullTransaction(ruleset: NftRuleset, inventory: NftInventory): string {
  const transaction = new Transaction(ruleset);
  for (const [name, chain] of ruleset.chains) transaction.addChain(name, chain);
  for (const name of ruleset.chains.keys()) transaction.flushChain(name);
  for (const name of inventory.chains) if (!ruleset.chains.has(name)) transaction.deleteChain(name);
  for (const { name, kind } of inventory.sets) {
    if (ruleset.sets.has(name)) continue;
    transaction.flushSet(name, kind);
    transaction.deleteSet(name, kind, 'after');
  }
  for (const [name, set] of ruleset.sets) {
    transaction.addSet(name, set);
    if (!keepsOwnElements(set)) transaction.flushSet(name, set.kind);
    transaction.addElements(name, set.elements);
  }
  for (const [name, chain] of ruleset.chains) transaction.addRules(name, chain);
  return transaction.text(`add table ${ruleset.family} ${ruleset.table}`);
}

/** For a table that holds what cannot be changed into ours, of another version: it goes, and comes anew, at once. */
export function replacingTransaction(ruleset: NftRuleset): string {
  const table = `${ruleset.family} ${ruleset.table}`;
  return `add table ${table}\ndelete table ${table}\n${fullTransaction(ruleset, { chains: [], sets: [] })}`;
}

/** The way from one ruleset, which the kernel has, to the next. Empty when they are the same. */
export function partialTransaction(previous: NftRuleset, next: NftRuleset): string {
  const transaction = new Transaction(next);
  const remade = new Set(
    [...next.sets].flatMap(([name, set]) => {
      const known = previous.sets.get(name);
      return known && known.definition !== set.definition ? [name] : [];
    }),
  );
  const namesRemade = ({ rules }: NftChain) =>
    remade.size > 0 && rules.some((rule) => [...rule.matchAll(NAMED_SET)].some(([, name]) => remade.has(name!)));
  for (const [name, chain] of next.chains) {
    const known = previous.chains.get(name);
    if (!known) transaction.addChain(name, chain);
    else if (known === chain || (sameRules(known, chain) && !namesRemade(chain))) continue;
    else transaction.flushChain(name);
    transaction.addRules(name, chain);
  }
  for (const name of previous.chains.keys()) if (!next.chains.has(name)) transaction.deleteChain(name);
  for (const [name, set] of next.sets) {
    const known = previous.sets.get(name);
    if (known === set) continue;
    const fresh = !known || known.definition !== set.definition;
    if (known && fresh) transaction.deleteSet(name, known.kind, 'before');
    if (fresh) transaction.addSet(name, set);
    const gone = fresh ? [] : [...known.elements].filter(([key, value]) => !has(set, key, value)).map(([key]) => key);
    if (gone.length > 0) transaction.deleteElements(name, gone);
    transaction.addElements(name, fresh ? set.elements : [...set.elements].filter(([key, value]) => !has(known, key, value)));
  }
  for (const [name, { kind }] of previous.sets) if (!next.sets.has(name)) transaction.deleteSet(name, kind, 'after');
  return transaction.text();
}

const has = ({ elements }: NftSet, key: string, value: string | undefined) => elements.has(key) && elements.get(key) === value;

const sameRules = (a: NftChain, b: NftChain) =>
  a.rules.length === b.rules.length && a.rules.every((rule, i) => rule === b.rules[i]);
