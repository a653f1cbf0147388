import type { KubeList, KubeObject } from '../api/machinery/object.ts';
import type { Clock } from '../std/clock.ts';
import { deepFreeze } from '../std/deep-freeze.ts';
import { parseInSteps } from '../std/json-in-steps.ts';
import { Pace, type Steps } from '../std/pauses.ts';
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

/** So many objects of a list lose what components do not need between two pauses: some milliseconds. */
const ITEMS = 2_000;

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
    const shared = sharedPart(line);
    if (!shared) return forComponents(plainReader.event<T>(line));
    const { type, text } = shared;
    return { type, object: (this.#known(text) ?? this.#keep(text, JSON.parse(text) as KubeObject)) as T };
  }

  *eventInSteps<T extends KubeObject>(line: string): Steps<WatchEvent<T>> {
    const shared = sharedPart(line);
    if (!shared) return forComponents(yield* plainReader.eventInSteps<T>(line));
    const { type, text } = shared;
    const known = this.#known(text);
    if (known) return { type, object: known as T };
    const parsed = (yield* parseInSteps(text, { parse: JSON.parse })) as KubeObject;
    // Somebody else may have read it meanwhile.
    return { type, object: (this.#known(text) ?? this.#keep(text, parsed)) as T };
  }

  list<T extends KubeObject>(text: string): KubeList<T> {
    const list = plainReader.list<T>(text);
    return list.items ? { ...list, items: list.items.map(withoutManagedFields) } : list;
  }

  *listInSteps<T extends KubeObject>(text: string): Steps<KubeList<T>> {
    const list = yield* plainReader.listInSteps<T>(text);
    const pace = new Pace(ITEMS);
    for (const item of list.items ?? []) {
      withoutManagedFields(item);
      if (pace.due(1)) yield;
    }
    return list;
  }

  #known(text: string): KubeObject | undefined {
    this.#turnOver();
    return this.#young.get(text) ?? this.#old.get(text);
  }

  #keep(text: string, parsed: KubeObject): KubeObject {
    const object = withoutManagedFields(parsed);
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

/** The text of the object of an event that is told as this server tells it; undefined of others, and of those that are too long to be kept. */
function sharedPart(line: string): { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly text: string } | undefined {
  const typeEnd = line.startsWith(EVENT) ? line.indexOf(OBJECT, EVENT.length) : -1;
  const type = line.slice(EVENT.length, Math.max(typeEnd, 0));
  if (!SHARED_TYPES.includes(type) || !line.endsWith('}}') || line.length > LONGEST_KEPT) return undefined;
  return { type: type as 'ADDED', text: line.slice(typeEnd + OBJECT.length, -1) };
}

function forComponents<T extends KubeObject>(event: WatchEvent<T>): WatchEvent<T> {
  return event.type === 'BOOKMARK' || event.type === 'ERROR' ? event : { ...event, object: withoutManagedFields(event.object) };
}

function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (!object.metadata?.managedFields) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  // In its place: a copy of the object itself would be work for nothing.
  object.metadata = metadata;
  return object;
}
