import type { KindDefinition, ResourceKind } from '../../src/api/machinery/kind.ts';
import type { DynamicObject } from '../../src/api/machinery/object.ts';
import { alreadyExists, notFound } from '../../src/api/machinery/status-error.ts';
import type { ObjectReader, ObjectWriter } from '../../src/apiserver/contracts.ts';

type Listener = Parameters<ObjectReader['subscribe']>[1];

const placeOf = ({ metadata }: DynamicObject) => ({ namespace: metadata.namespace ?? '', name: metadata.name! });

/** The API server's reader and writer over a map, for tests of what reads and writes objects. Objects come out frozen. */
export class MemoryObjects implements ObjectReader, ObjectWriter {
  #objects = new Map<string, Map<string, DynamicObject>>();
  #listeners = new Map<string, Set<Listener>>();
  #revision = 0;
  /** How often each was written, in order: `create clusterroles/admin`. */
  readonly writes: string[] = [];
  freshReads = 0;

  /** Puts an object there, as somebody else's write. `object` needs no apiVersion or kind. */
  put(kind: KindDefinition, object: Partial<DynamicObject>): DynamicObject {
    const whole = freeze({
      apiVersion: kind.group ? `${kind.group}/${kind.version}` : kind.version,
      kind: kind.kind,
      ...structuredClone(object),
      metadata: {
        uid: `uid-${object.metadata?.name}`,
        ...structuredClone(object.metadata),
        resourceVersion: String(++this.#revision),
      },
    }) as DynamicObject;
    const key = keyOf(whole.metadata.namespace, whole.metadata.name!);
    const table = this.#table(kind);
    const previous = table.get(key);
    table.set(key, whole);
    this.#tell(kind, { ...placeOf(whole), object: whole, ...(previous && { previous }) });
    return whole;
  }

  remove(kind: KindDefinition, name: string, namespace?: string): void {
    const previous = this.#table(kind).get(keyOf(namespace, name));
    if (!previous) throw notFound(kind, name);
    this.#table(kind).delete(keyOf(namespace, name));
    this.#tell(kind, { ...placeOf(previous), previous });
  }

  get(kind: KindDefinition, namespace: string, name: string): DynamicObject | undefined {
    return this.#table(kind).get(keyOf(namespace, name));
  }

  list(kind: KindDefinition, namespace?: string): readonly DynamicObject[] {
    const all = [...this.#table(kind).values()];
    return namespace ? all.filter((object) => object.metadata.namespace === namespace) : all;
  }

  async waitFresh(): Promise<void> {
    this.freshReads++;
  }

  subscribe(kind: KindDefinition, listener: Listener): () => void {
    const listeners = this.#listeners.get(idOf(kind)) ?? new Set();
    this.#listeners.set(idOf(kind), listeners.add(listener));
    return () => listeners.delete(listener);
  }

  async create(kind: KindDefinition, object: DynamicObject): Promise<DynamicObject> {
    if (this.get(kind, object.metadata.namespace ?? '', object.metadata.name!)) throw alreadyExists(kind, object.metadata.name!);
    this.writes.push(`create ${kind.resource}/${object.metadata.name}`);
    return this.put(kind, object);
  }

  async modify(
    kind: KindDefinition,
    namespace: string,
    name: string,
    change: (existing: DynamicObject) => DynamicObject | undefined,
  ): Promise<DynamicObject> {
    const existing = this.get(kind, namespace, name);
    if (!existing) throw notFound(kind, name);
    const changed = change(existing);
    if (!changed) return existing;
    this.writes.push(`update ${kind.resource}/${name}`);
    return this.put(kind, changed);
  }

  async delete(kind: KindDefinition, namespace: string, name: string): Promise<void> {
    this.writes.push(`delete ${kind.resource}/${name}`);
    this.remove(kind, name, namespace);
  }

  #table(kind: KindDefinition): Map<string, DynamicObject> {
    const table = this.#objects.get(idOf(kind)) ?? new Map<string, DynamicObject>();
    this.#objects.set(idOf(kind), table);
    return table;
  }

  #tell(kind: KindDefinition, change: Parameters<Listener>[0]): void {
    for (const listener of this.#listeners.get(idOf(kind)) ?? []) listener(change);
  }
}

const idOf = (kind: ResourceKind) => `${kind.group}/${kind.resource}`;
const keyOf = (namespace: string | undefined, name: string) => `${namespace ?? ''}/${name}`;

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}
