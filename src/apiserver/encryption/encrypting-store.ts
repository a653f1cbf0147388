import type { KeyValue, ListResult, Store, StoreEvent, TransactionResult, Write } from '../../store/store.ts';
import type { ValueTransformer } from './value-transformer.ts';

/** What is known of the values in the store besides what they hold. */
export interface StoredForms {
  /** Whether the value under a key would be written in another form today: then an update that changes nothing is written all the same. */
  isStale(key: string): boolean;
  /** Why the value under a key cannot be read; undefined when it can. */
  problemOf(key: string): string | undefined;
  /** The first such key under a prefix. */
  problemUnder(prefix: string): { readonly key: string; readonly problem: string } | undefined;
  /** The way of storing has changed: what was written before is to be judged anew. */
  changed(): void;
}

export interface EncryptingStore {
  readonly store: Store;
  readonly forms: StoredForms;
}

/** How much of a value names its form: `k8s:enc:aescbc:v1:key1:`. */
const PREFIX = /^k8s:enc:[^:]*:v\d+:[^:]*:/;
const PREFIX_BYTES = 300;

/**
 * A store whose values are encrypted below it: everything above reads and writes plain ones.
 *
 * A value that cannot be read is not shown, and its key is remembered with the reason, so that whoever asks for it is told
 * rather than that it is not there.
 */
export function createEncryptingStore(
  inner: Store,
  transformerOf: (key: string) => ValueTransformer | undefined,
): EncryptingStore {
  /** The form of each value that is, or may be, encrypted. */
  const formOf = new Map<string, string>();
  const problems = new Map<string, string>();
  let written = new WeakMap<ValueTransformer, string>();

  /** What a key holds now. */
  const read = (entry: KeyValue | undefined): KeyValue | undefined => {
    if (!entry) return undefined;
    const { key, value } = entry;
    const transformer = transformerOf(key);
    if (!transformer) return entry;
    const stored = bytesOf(value);
    formOf.set(key, prefixOf(stored));
    try {
      const { data } = transformer.read(stored, key);
      problems.delete(key);
      return { ...entry, value: data };
    } catch (error) {
      problems.set(key, (error as Error).message);
      return undefined;
    }
  };
  /** What a key held once: says nothing of today. */
  const readPast = (entry: KeyValue | undefined): KeyValue | undefined => {
    const transformer = entry && transformerOf(entry.key);
    if (!transformer) return entry;
    try {
      return { ...entry, value: transformer.read(bytesOf(entry.value), entry.key).data };
    } catch {
      return undefined; // written with a key that is gone, and overwritten since
    }
  };
  const forget = (key: string) => {
    formOf.delete(key);
    problems.delete(key);
  };
  const write = (change: Write): Write => {
    if (change.type === 'delete') return change;
    const transformer = transformerOf(change.key);
    if (!transformer) return change;
    const { value } = change;
    return { ...change, value: transformer.write(bytesOf(value), change.key) };
  };
  const noteWritten = (changes: readonly Write[]) => {
    for (const change of changes) {
      if (change.type === 'delete') forget(change.key);
      else if (transformerOf(change.key)) {
        const { value, key } = change;
        formOf.set(key, prefixOf(bytesOf(value)));
        problems.delete(key);
      }
    }
  };
  /** What the first provider writes: seen by letting it write nothing. */
  const writtenForm = (transformer: ValueTransformer): string => {
    let form = written.get(transformer);
    if (form === undefined) {
      form = prefixOf(transformer.write(Buffer.alloc(0), ''));
      written.set(transformer, form);
    }
    return form;
  };
  const readEvent = (event: StoreEvent): StoreEvent => {
    const previous = readPast(event.previous);
    if (event.type === 'delete') {
      forget(event.key);
      return { ...event, previous };
    }
    const entry = read(event.entry);
    if (entry) return { ...event, entry, previous };
    return { type: 'delete', key: event.entry.key, revision: event.entry.modRevision, previous };
  };

  const store: Store = {
    async get(key) {
      const { entry, revision } = await inner.get(key);
      return { entry: read(entry), revision };
    },
    async list(prefix, options): Promise<ListResult> {
      const list = await inner.list(prefix, options);
      const shown = options?.revision === undefined ? read : readPast;
      return { ...list, entries: list.entries.flatMap((entry) => shown(entry) ?? []) };
    },
    count: (prefix) => inner.count(prefix),
    async transact(compares, writes): Promise<TransactionResult> {
      const encrypted = writes.map(write);
      const result = await inner.transact(compares, encrypted);
      if (result.succeeded) noteWritten(encrypted);
      return { ...result, current: result.current.map(read) };
    },
    watch: (prefix, fromRevision, sink) =>
      inner.watch(prefix, fromRevision, {
        ...(sink.withoutPrevious && { withoutPrevious: true }),
        events: (events, revision) => sink.events(events.map(readEvent), revision),
        closed: (error) => sink.closed(error),
      }),
    compact: (revision) => inner.compact(revision),
    revision: () => inner.revision(),
    grantLease: (ttlMs) => inner.grantLease(ttlMs),
    keepLeaseAlive: (id) => inner.keepLeaseAlive(id),
    revokeLease: (id) => inner.revokeLease(id),
    healthy: () => inner.healthy(),
    close: () => inner.close(),
  };
  return {
    store,
    forms: {
      isStale(key) {
        const transformer = transformerOf(key);
        const form = formOf.get(key);
        return transformer !== undefined && form !== undefined && form !== writtenForm(transformer);
      },
      problemOf: (key) => problems.get(key),
      problemUnder(prefix) {
        for (const [key, problem] of problems) if (key.startsWith(prefix)) return { key, problem };
        return undefined;
      },
      changed() {
        written = new WeakMap();
      },
    },
  };
}

const prefixOf = (value: Buffer): string => PREFIX.exec(value.toString('latin1', 0, PREFIX_BYTES))?.[0] ?? '';

const bytesOf = (value: Uint8Array): Buffer => Buffer.from(value.buffer, value.byteOffset, value.byteLength);
