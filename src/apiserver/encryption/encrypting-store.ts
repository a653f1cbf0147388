import type { KeyValue, ListResult, Store, StoreEvent, TransactionResult, Write } from '../../store/store.ts';
import { wrapStore } from '../../store/wrap-store.ts';
import { watchInOrder } from '../store-access/watch-in-order.ts';
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
    formOf.set(key, formOfStored(stored, transformer));
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
      else {
        const { value, key } = change;
        const transformer = transformerOf(key);
        if (!transformer) continue;
        formOf.set(key, formOfStored(bytesOf(value), transformer));
        problems.delete(key);
      }
    }
  };
  /** What the first provider writes: seen by letting it write nothing. */
  const writtenForm = (transformer: ValueTransformer): string | undefined => {
    const known = written.get(transformer);
    if (known !== undefined) return known;
    try {
      const form = formOfStored(transformer.write(Buffer.alloc(0), ''), transformer);
      written.set(transformer, form);
      return form;
    } catch {
      // Nothing can be written now: whoever writes is told why.
      return undefined;
    }
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

  /** Gets the keys that reading these entries takes; undefined when all are there. */
  const prepare = (entries: readonly (KeyValue | undefined)[]): Promise<unknown> | undefined => {
    const waiting = entries.flatMap((entry) => {
      const missing = entry && transformerOf(entry.key)?.prepare?.(bytesOf(entry.value));
      return missing ? [missing] : [];
    });
    return waiting.length ? Promise.all(waiting) : undefined;
  };

  const store = wrapStore(inner, {
    async get(key) {
      const { entry, revision } = await inner.get(key);
      await prepare([entry]);
      return { entry: read(entry), revision };
    },
    async list(prefix, options): Promise<ListResult> {
      const list = await inner.list(prefix, options);
      await prepare(list.entries);
      const shown = options?.revision === undefined ? read : readPast;
      return { ...list, entries: list.entries.flatMap((entry) => shown(entry) ?? []) };
    },
    async transact(compares, writes): Promise<TransactionResult> {
      const encrypted = writes.map(write);
      const result = await inner.transact(compares, encrypted);
      if (result.succeeded) noteWritten(encrypted);
      await prepare(result.current);
      return { ...result, current: result.current.map(read) };
    },
    watch: (prefix, fromRevision, sink) =>
      watchInOrder(
        inner,
        { prefix, fromRevision, sink },
        {
          prepare: (events) =>
            prepare(events.flatMap((event) => [event.type === 'put' ? event.entry : undefined, event.previous])),
          readEvent,
        },
      ),
  });
  return {
    store,
    forms: {
      isStale(key) {
        const transformer = transformerOf(key);
        const form = formOf.get(key);
        if (transformer === undefined || form === undefined) return false;
        const now = writtenForm(transformer);
        return now !== undefined && form !== now;
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

function formOfStored(value: Buffer, transformer: ValueTransformer): string {
  const prefix = PREFIX.exec(value.toString('latin1', 0, PREFIX_BYTES))?.[0] ?? '';
  return `${prefix}${transformer.formOf?.(value) ?? ''}`;
}

const bytesOf = (value: Uint8Array): Buffer => Buffer.from(value.buffer, value.byteOffset, value.byteLength);
