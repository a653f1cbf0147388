import type { KindDefinition } from '../../api/machinery/kind.ts';

/** Where an object is kept. */
export interface ObjectKey {
  /** `pods`, `services/specs`. */
  readonly storagePath: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

type Stored = Pick<KindDefinition, 'storagePath' | 'namespaced'>;

/**
 * The one place that knows the store's keys: `{prefix}/{storagePath}/[{namespace}/]{name}`, as upstream lays them out in etcd.
 * Names and namespaces never hold a slash.
 */
export class Keyspace {
  readonly prefix: string;
  readonly #namespaced = new Map<string, boolean>();
  /** First segments of storage paths that have a second one, with how many there are. */
  readonly #deep = new Map<string, number>();

  constructor(prefix: string, kinds: readonly Stored[]) {
    this.prefix = `/${prefix.replace(/^\/+|\/+$/g, '')}`;
    for (const kind of kinds) this.add(kind);
  }

  /** From now on keys below the kind's storage path are its. */
  add({ storagePath, namespaced }: Stored): void {
    if (this.#namespaced.has(storagePath)) return;
    this.#namespaced.set(storagePath, namespaced);
    const slash = storagePath.indexOf('/');
    if (slash > 0) this.#deep.set(storagePath.slice(0, slash), (this.#deep.get(storagePath.slice(0, slash)) ?? 0) + 1);
  }

  /** From now on keys below the path belong to no kind. */
  remove(storagePath: string): void {
    if (!this.#namespaced.delete(storagePath)) return;
    const slash = storagePath.indexOf('/');
    if (slash < 0) return;
    const first = storagePath.slice(0, slash);
    const left = this.#deep.get(first)! - 1;
    if (left) this.#deep.set(first, left);
    else this.#deep.delete(first);
  }

  /** What every key begins with. */
  get root(): string {
    return `${this.prefix}/`;
  }

  objectKey(kind: Stored, namespace: string, name: string): string {
    return kind.namespaced
      ? `${this.prefix}/${kind.storagePath}/${namespace}/${name}`
      : `${this.prefix}/${kind.storagePath}/${name}`;
  }

  /** The prefix of all objects of a kind, or of those in one namespace. */
  collectionPrefix(kind: Stored, namespace?: string): string {
    return kind.namespaced && namespace
      ? `${this.prefix}/${kind.storagePath}/${namespace}/`
      : `${this.prefix}/${kind.storagePath}/`;
  }

  /** The key's parts; undefined for keys that belong to no kind. */
  parse(key: string): ObjectKey | undefined {
    const start = this.prefix.length + 1;
    if (!key.startsWith(this.prefix) || key.charCodeAt(start - 1) !== 47) return undefined;
    let end = key.indexOf('/', start);
    if (end < 0) return undefined;
    if (this.#deep.has(key.slice(start, end))) {
      const second = key.indexOf('/', end + 1);
      if (second > 0 && this.#namespaced.has(key.slice(start, second))) end = second;
    }
    const storagePath = key.slice(start, end);
    const namespaced = this.#namespaced.get(storagePath);
    if (namespaced === undefined) return undefined;
    if (!namespaced) {
      const name = key.slice(end + 1);
      return name && !name.includes('/') ? { storagePath, namespace: '', name } : undefined;
    }
    const slash = key.indexOf('/', end + 1);
    if (slash < 0) return undefined;
    const name = key.slice(slash + 1);
    return name && !name.includes('/') ? { storagePath, namespace: key.slice(end + 1, slash), name } : undefined;
  }
}
