import type { KubeList, KubeObject } from '../api/machinery/object.ts';
import type { Clock } from '../std/clock.ts';
import { deepFreeze } from '../std/deep-freeze.ts';
import type { WatchEvent } from './client.ts';
import { type ObjectReader, plainReader } from './object-reader.ts';

export interface SharedReaderOptions {
  readonly clock: Clock;
  /** Freezes what is shared, so that whoever changes it fails at once. For tests. Default false. */
  readonly freeze?: boolean;
}

/** The readers of a change get it within this time of each other, unless they are behind. */
const KEPT_MS = 5000;
/** More is not kept, however much changes at once. In characters. */
const MOST_KEPT = 4 * 1024 * 1024;
/** Longer ones would push out all others. */
const LONGEST_KEPT = MOST_KEPT / 2;

const EVENT = '{"type":"';
const OBJECT = '","object":';
const SHARED_TYPES: readonly string[] = ['ADDED', 'MODIFIED', 'DELETED'];

/**
 * A reader for the components of one process that watch the same API server: who is told of a change in the same bytes gets the very
 * same object, parsed once. Nobody may change it, as with all objects of informers. Objects come without `managedFields`, which no
 * component needs (upstream's informers drop them too) and which are a quarter of a pod.
 *
 *     scheduler   ◄─ {"type":"MODIFIED","object":{…}}  ─┐
 *     controllers ◄─ {"type":"MODIFIED","object":{…}}  ─┼─► by the text of {…} ─► one object
 *     kubelet     ◄─ {"type":"ADDED","object":{…}}     ─┘
 */
export function createSharedReader(options: SharedReaderOptions): ObjectReader {
  return new SharedReader(options);
}

class SharedReader implements ObjectReader {
  readonly #clock: Clock;
  readonly #freeze: boolean;
  /** By their text; what nobody asks for any more goes with its generation. */
  #young = new Map<string, KubeObject>();
  #old = new Map<string, KubeObject>();
  #youngSize = 0;
  #bornMs: number;

  constructor({ clock, freeze = false }: SharedReaderOptions) {
    this.#clock = clock;
    this.#freeze = freeze;
    this.#bornMs = clock.now();
  }

  event<T extends KubeObject>(line: string): WatchEvent<T> {
    const typeEnd = line.startsWith(EVENT) ? line.indexOf(OBJECT, EVENT.length) : -1;
    const type = line.slice(EVENT.length, Math.max(typeEnd, 0));
    if (!SHARED_TYPES.includes(type) || !line.endsWith('}}') || line.length > LONGEST_KEPT) {
      const event = plainReader.event<T>(line);
      return event.type === 'BOOKMARK' || event.type === 'ERROR'
        ? event
        : { ...event, object: withoutManagedFields(event.object) };
    }
    const text = line.slice(typeEnd + OBJECT.length, -1);
    return { type: type as 'ADDED', object: this.#object(text) as T };
  }

  list<T extends KubeObject>(text: string): KubeList<T> {
    const list = plainReader.list<T>(text);
    return list.items ? { ...list, items: list.items.map(withoutManagedFields) } : list;
  }

  #object(text: string): KubeObject {
    this.#turnOver();
    const known = this.#young.get(text) ?? this.#old.get(text);
    if (known) return known;
    const object = withoutManagedFields(JSON.parse(text) as KubeObject);
    if (this.#freeze) deepFreeze(object);
    this.#young.set(text, object);
    this.#youngSize += text.length;
    return object;
  }

  /** What is older than one generation is forgotten; after a long silence, everything. */
  #turnOver(): void {
    const ageMs = this.#clock.now() - this.#bornMs;
    if (ageMs < KEPT_MS && this.#youngSize < MOST_KEPT / 2) return;
    this.#old = ageMs < 2 * KEPT_MS ? this.#young : new Map();
    this.#young = new Map();
    this.#youngSize = 0;
    this.#bornMs = this.#clock.now();
  }
}

function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (!object.metadata?.managedFields) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  // In its place: a copy of the object itself would be work for nothing.
  object.metadata = metadata;
  return object;
}
