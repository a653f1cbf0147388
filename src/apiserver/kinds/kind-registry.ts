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
  onChange(listener: KindsListener): () => void;
}

/** Is told of one owner's kinds, as they were and as they are. */
export type KindsListener = (before: readonly KindDefinition[], after: readonly KindDefinition[]) => void;

/** The registry as those see it who add kinds. */
export class ChangingKinds implements KindRegistry {
  readonly #builtIn: readonly KindDefinition[];
  readonly #added = new Map<string, readonly KindDefinition[]>();
  readonly #listeners = new Set<KindsListener>();
  /** Made when asked for: ten thousand definitions change it one by one. */
  #all: readonly KindDefinition[] | undefined;
  #byResource: Map<string, KindDefinition>;
  #byKind: Map<string, KindDefinition>;
  /** Whether one name is that of several: which of them counts is decided by all of them. */
  #hasRepeated = false;

  constructor(builtIn: readonly KindDefinition[]) {
    this.#builtIn = builtIn;
    this.#byResource = indexBy(builtIn, 'resource');
    this.#byKind = indexBy(builtIn, 'kind');
  }

  all(): readonly KindDefinition[] {
    this.#all ??= this.#made();
    return this.#all;
  }

  byResource(group: string, version: string, resource: string): KindDefinition | undefined {
    return this.#byResource.get(`${group}/${version}/${resource}`);
  }

  byKind(group: string, version: string, kind: string): KindDefinition | undefined {
    return this.#byKind.get(`${group}/${version}/${kind}`);
  }

  onChange(listener: KindsListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What an owner (a CustomResourceDefinition, by name) adds from now on; nothing takes it away. Built-in kinds win over added ones. */
  replace(owner: string, kinds: readonly KindDefinition[]): void {
    const before = this.#added.get(owner) ?? [];
    if (kinds.length) this.#added.set(owner, kinds);
    else if (!this.#added.delete(owner)) return;
    this.#all = undefined;
    const isPlain = !this.#hasRepeated;
    const isDone = isPlain && move(this.#byResource, 'resource', before, kinds) && move(this.#byKind, 'kind', before, kinds);
    if (!isDone) this.#index();
    for (const listener of [...this.#listeners]) listener(before, kinds);
  }

  #index(): void {
    const all = this.all();
    this.#byResource = indexBy(all, 'resource');
    this.#byKind = indexBy(all, 'kind');
    this.#hasRepeated = this.#byResource.size < all.length || this.#byKind.size < all.length;
  }

  #made(): readonly KindDefinition[] {
    const owners = [...this.#added.keys()].sort();
    return owners.length ? [...this.#builtIn, ...owners.flatMap((name) => this.#added.get(name)!)] : this.#builtIn;
  }
}

type Indexed = 'kind' | 'resource';

const idOf = (kind: KindDefinition, name: Indexed) => `${kind.group}/${kind.version}/${kind[name]}`;

/** Puts kinds of one owner in the place of others. False, and not done, where one of the names is another's. */
function move(
  index: Map<string, KindDefinition>,
  name: Indexed,
  before: readonly KindDefinition[],
  after: readonly KindDefinition[],
): boolean {
  for (const kind of before) {
    const id = idOf(kind, name);
    if (index.get(id) !== kind) return false;
    index.delete(id);
  }
  for (const kind of after) {
    const id = idOf(kind, name);
    if (index.has(id)) return false;
    index.set(id, kind);
  }
  return true;
}

function indexBy(kinds: readonly KindDefinition[], name: Indexed): Map<string, KindDefinition> {
  const index = new Map<string, KindDefinition>();
  for (const kind of kinds) {
    const id = idOf(kind, name);
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
