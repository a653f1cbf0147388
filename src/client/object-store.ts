import type { KubeObject } from '../api/machinery/object.ts';

type Bucket<T> = Map<string, T>;

interface Index<T> {
  readonly keysOf: (object: T) => readonly string[];
  readonly buckets: Map<string, Bucket<T>>;
}

/**
 * Objects by namespace and name, and by whatever keys an index gives them. Every look-up costs what it returns.
 *
 *     namespaces: default ─► web ─► object        index "node": node-1 ─► default/web ─► object
 *                            db  ─► object
 */
export class ObjectStore<T extends KubeObject> {
  #namespaces = new Map<string, Bucket<T>>();
  #indexes = new Map<string, Index<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  *values(): Generator<T, void, undefined> {
    for (const bucket of this.#namespaces.values()) yield* bucket.values();
  }

  list(namespace?: string): T[] {
    return namespace === undefined ? [...this.values()] : [...(this.#namespaces.get(namespace)?.values() ?? [])];
  }

  /** Puts the object in and returns the one that it replaces. */
  set(object: T): T | undefined {
    const { namespace, name } = keyOf(object);
    let bucket = this.#namespaces.get(namespace);
    if (!bucket) {
      bucket = new Map();
      this.#namespaces.set(namespace, bucket);
    }
    const previous = bucket.get(name);
    bucket.set(name, object);
    if (!previous) this.#size++;
    for (const index of this.#indexes.values()) reindex(index, previous, object);
    return previous;
  }

  /** Takes the object of the same name out and returns it. */
  delete(object: KubeObject): T | undefined {
    const { namespace, name } = keyOf(object);
    const bucket = this.#namespaces.get(namespace);
    const previous = bucket?.get(name);
    if (!bucket || !previous) return undefined;
    bucket.delete(name);
    if (bucket.size === 0) this.#namespaces.delete(namespace);
    this.#size--;
    for (const index of this.#indexes.values()) unindex(index, previous);
    return previous;
  }

  addIndex(name: string, keysOf: (object: T) => readonly string[]): void {
    if (this.#indexes.has(name)) throw new TypeError(`index "${name}" exists already`);
    const index: Index<T> = { keysOf, buckets: new Map() };
    for (const object of this.values()) addToIndex(index, object);
    this.#indexes.set(name, index);
  }

  byIndex(name: string, key: string): T[] {
    const index = this.#indexes.get(name);
    if (!index) throw new TypeError(`index "${name}" does not exist`);
    return [...(index.buckets.get(key)?.values() ?? [])];
  }
}

function keyOf({ metadata }: KubeObject): { namespace: string; name: string } {
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
}

function indexedKey(object: KubeObject): string {
  const { namespace, name } = keyOf(object);
  return `${namespace}/${name}`;
}

/** An object that keeps its keys keeps its place, too, so that what is found by an index comes in one order whatever changes. */
function reindex<T extends KubeObject>(index: Index<T>, previous: T | undefined, object: T): void {
  const keys = index.keysOf(object);
  if (previous) {
    const before = index.keysOf(previous);
    if (before.length === keys.length && before.every((key, i) => key === keys[i])) {
      for (const key of keys) index.buckets.get(key)?.set(indexedKey(object), object);
      return;
    }
    unindex(index, previous);
  }
  addToIndex(index, object, keys);
}

function addToIndex<T extends KubeObject>(index: Index<T>, object: T, keys = index.keysOf(object)): void {
  for (const key of keys) {
    let bucket = index.buckets.get(key);
    if (!bucket) {
      bucket = new Map();
      index.buckets.set(key, bucket);
    }
    bucket.set(indexedKey(object), object);
  }
}

function unindex<T extends KubeObject>(index: Index<T>, object: T): void {
  for (const key of index.keysOf(object)) {
    const bucket = index.buckets.get(key);
    bucket?.delete(indexedKey(object));
    if (bucket?.size === 0) index.buckets.delete(key);
  }
}
