import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { CachedObject } from './cached-object.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** A change as one watcher sees it. `line` is encoded once, when first asked for, and the same buffer for all of them. */
export interface WatchItem {
  readonly type: EventType;
  readonly object: CachedObject;
  readonly line: Buffer;
}

const NEWLINE = Buffer.from('}\n');
const HEADS: Readonly<Record<EventType, Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};

/** A line of a watch's answer. */
export function encodeWatchLine(type: EventType, object: CachedObject): Buffer {
  return Buffer.concat([HEADS[type], object.bytes, NEWLINE]);
}

/** An item of the history: its line is kept, and the object's bytes are a part of it. */
class KeptItem implements WatchItem {
  readonly type: EventType;
  readonly object: CachedObject;
  #line: Buffer | undefined;

  constructor(type: EventType, object: CachedObject) {
    this.type = type;
    this.object = object;
  }

  get line(): Buffer {
    this.#line ??= this.object.embed(HEADS[this.type], NEWLINE);
    return this.#line;
  }
}

/** An object already there when a watch begins: thousands come at once, so its line is made when it is its turn. */
class InitialItem implements WatchItem {
  readonly type = 'ADDED';
  readonly object: CachedObject;

  constructor(object: CachedObject) {
    this.object = object;
  }

  get line(): Buffer {
    return encodeWatchLine(this.type, this.object);
  }
}

export const initialItem = (object: CachedObject): WatchItem => new InitialItem(object);

/** One change in the history of a kind. What watchers get of it is made when first needed and kept. */
export class CachedEvent {
  readonly revision: number;
  readonly timeMs: number;
  readonly current: CachedObject | undefined;
  readonly previous: CachedObject | undefined;
  /** Most events are shown in one way only. */
  #shown: { readonly id: string; readonly item: WatchItem } | undefined;
  #otherwise: Map<string, WatchItem> | undefined;

  constructor(revision: number, timeMs: number, current: CachedObject | undefined, previous: CachedObject | undefined) {
    this.revision = revision;
    this.timeMs = timeMs;
    this.current = current;
    this.previous = previous;
  }

  /** How much memory it keeps, about. */
  get sizeBytes(): number {
    return (this.current ?? this.previous)!.sizeBytes;
  }

  /**
   * What a watcher of `kind` sees: with a predicate, objects that begin to match are ADDED and those that cease to are DELETED, shown
   * as they last matched, at this event's revision. Undefined when it sees nothing.
   */
  itemFor(kind: KindDefinition, matches: ((object: CachedObject) => boolean) | undefined): WatchItem | undefined {
    const current = this.current?.as(kind);
    const previous = this.previous?.as(kind);
    const now = current !== undefined && (!matches || matches(current));
    const before = previous !== undefined && (!matches || matches(previous));
    if (now) return this.#item(kind, before ? 'MODIFIED' : 'ADDED', current);
    return before ? this.#item(kind, 'DELETED', previous) : undefined;
  }

  #item(kind: KindDefinition, type: EventType, object: CachedObject): WatchItem {
    const id = kind.storedAs ? `${type} ${kind.group}/${kind.version}` : type;
    const known = this.#shown?.id === id ? this.#shown.item : this.#otherwise?.get(id);
    if (known) return known;
    const item = new KeptItem(type, type === 'DELETED' ? object.at(this.revision) : object);
    if (this.#shown) {
      this.#otherwise ??= new Map();
      this.#otherwise.set(id, item);
    } else this.#shown = { id, item };
    return item;
  }
}
