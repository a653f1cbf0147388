import type { KindDefinition } from '../../api/machinery/kind.ts';

/**
 * The kinds that are served now. Built-in ones are there from the start; CustomResourceDefinitions add theirs and take them away.
 * A record is never changed: what is new about a kind is a new record, so that a request goes on with the one it began with.
 */
export interface KindRegistry {
  /** In the order of discovery: built-in kinds first. The same array until something changes. */
  all(): readonly KindDefinition[];
  byResource(group: string, version: string, resource: string): KindDefinition | undefined;
  byKind(group: string, version: string, kind: string): KindDefinition | undefined;
  /** Calls back after each change; returns the way to end it. */
  onChange(listener: () => void): () => void;
}

/** The registry as those see it who add kinds. */
export class ChangingKinds implements KindRegistry {
  readonly #builtIn: readonly KindDefinition[];
  readonly #added = new Map<string, readonly KindDefinition[]>();
  readonly #listeners = new Set<() => void>();
  #all: readonly KindDefinition[];
  #byResource: ReadonlyMap<string, KindDefinition>;
  /** Made when first asked for. */
  #byKind: ReadonlyMap<string, KindDefinition> | undefined;

  constructor(builtIn: readonly KindDefinition[]) {
    this.#builtIn = builtIn;
    this.#all = builtIn;
    this.#byResource = indexBy(builtIn, 'resource');
  }

  all(): readonly KindDefinition[] {
    return this.#all;
  }

  byResource(group: string, version: string, resource: string): KindDefinition | undefined {
    return this.#byResource.get(`${group}/${version}/${resource}`);
  }

  byKind(group: string, version: string, kind: string): KindDefinition | undefined {
    this.#byKind ??= indexBy(this.#all, 'kind');
    return this.#byKind.get(`${group}/${version}/${kind}`);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What an owner (a CustomResourceDefinition, by name) adds from now on; nothing takes it away. Built-in kinds win over added ones. */
  replace(owner: string, kinds: readonly KindDefinition[]): void {
    if (kinds.length) this.#added.set(owner, kinds);
    else if (!this.#added.delete(owner)) return;
    const owners = [...this.#added.keys()].sort();
    const added = owners.flatMap((name) => this.#added.get(name)!);
    this.#all = added.length ? [...this.#builtIn, ...added] : this.#builtIn;
    this.#byResource = indexBy(this.#all, 'resource');
    this.#byKind = undefined;
    for (const listener of [...this.#listeners]) listener();
  }
}

function indexBy(kinds: readonly KindDefinition[], name: 'kind' | 'resource'): Map<string, KindDefinition> {
  const index = new Map<string, KindDefinition>();
  for (const kind of kinds) {
    const id = `${kind.group}/${kind.version}/${kind[name]}`;
    if (!index.has(id)) index.set(id, kind);
  }
  return index;
}

/**
 * Something made of the kinds, made anew when it is asked for after they changed. Asking costs one comparison.
 */
export function derivedFrom<T>(kinds: Pick<KindRegistry, 'all'>, make: (all: readonly KindDefinition[]) => T): () => T {
  let madeOf: readonly KindDefinition[] | undefined;
  let made: T;
  return () => {
    const all = kinds.all();
    if (all !== madeOf) {
      made = make(all);
      madeOf = all;
    }
    return made;
  };
}
