import { checkFieldSelector, type FieldSelector } from '../../api/machinery/field-selector.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { badRequest } from '../../api/machinery/status-error.ts';
import { nextTurn } from '../../std/next-turn.ts';
import { Pace } from '../../std/pauses.ts';
import type { RequestInfo } from '../contracts.ts';
import type { ListQuery } from '../request/query-options.ts';
import type { Keyspace } from '../store-access/keyspace.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import type { Trigger } from '../watch-cache/kind-cache.ts';

/** Which objects of a kind a list or watch is about. */
export interface Selection {
  readonly keyPrefix: string;
  /** The one name it is about. */
  readonly name?: string;
  readonly matches?: (object: CachedObject) => boolean;
  /** How long the selectors are: what one look at one object costs. */
  readonly selectorBytes?: number;
  readonly trigger?: Trigger;
}

/** What path and selectors choose. Throws 400 for fields that objects of the kind cannot be selected by. */
export function selectionOf(
  kind: KindDefinition,
  info: RequestInfo,
  { labels, fields, selectorBytes }: ListQuery,
  keyspace: Keyspace,
): Selection {
  const keyPrefix = keyspace.collectionPrefix(kind, info.namespace);
  if (fields) checkFieldSelector(kind, fields);
  const name = nameOf(info, fields);
  const useFields = fields && !fields.empty;
  const useLabels = labels && !labels.empty;
  if (!useFields && !useLabels && name === undefined) return { keyPrefix };
  const matches = (object: CachedObject): boolean =>
    (name === undefined || object.name === name) &&
    (!useLabels || labels.matches(object.labels)) &&
    (!useFields || fields.matches((field) => fieldOf(kind, object, field)));
  const trigger = triggerFor(kind, name, fields);
  return { keyPrefix, matches, selectorBytes, ...(name !== undefined && { name }), ...(trigger && { trigger }) };
}

/** So much is looked at between two turns for others: what nobody has asked for lately is parsed for it, some milliseconds. */
const PART_BYTES = 1024 * 1024;

/** Those of the objects that match. Each byte of a selector costs as much, for each object, as one of the object that is parsed. */
export async function matching(
  objects: readonly CachedObject[],
  matches: (object: CachedObject) => boolean,
  selectorBytes = 0,
): Promise<CachedObject[]> {
  const found: CachedObject[] = [];
  const pace = new Pace(PART_BYTES);
  for (const object of objects) {
    if (matches(object)) found.push(object);
    if (pace.due(object.sizeBytes + selectorBytes)) await nextTurn();
  }
  return found;
}

/**
 * Whether objects match, by memory of those that were looked at before: a selector of a megabyte takes a millisecond for each, and a watch
 * that begins looks at all that are there at once.
 */
export class KnownMatches {
  readonly #ask: (object: CachedObject) => boolean;
  #known: Map<CachedObject, boolean> | undefined = new Map();

  constructor(ask: (object: CachedObject) => boolean) {
    this.#ask = ask;
  }

  readonly matches = (object: CachedObject): boolean => {
    const known = this.#known?.get(object);
    if (known !== undefined) return known;
    const matches = this.#ask(object);
    this.#known?.set(object, matches);
    return matches;
  };

  /** From now on every object is looked at. */
  forget(): void {
    this.#known = undefined;
  }
}

/**
 * The one name that is asked for, by the selector or in the path (the old /watch/…/name). A request with a name was authorized for that
 * name alone, so a selector that leaves room for others is refused.
 */
function nameOf(info: RequestInfo, fields: FieldSelector | undefined): string | undefined {
  const selected = fields?.exact('metadata.name');
  if (info.name === '' || selected === info.name) return selected;
  if (fields && !fields.empty) throw badRequest("fieldSelector metadata.name doesn't match requested name");
  return info.name;
}

function fieldOf(kind: KindDefinition, object: CachedObject, field: string): string {
  if (field === 'metadata.name') return object.name;
  if (field === 'metadata.namespace') return object.namespace;
  return kind.selectableFields[field]!(object.object);
}

function triggerFor(kind: KindDefinition, name: string | undefined, fields: FieldSelector | undefined): Trigger | undefined {
  if (name !== undefined) return { field: 'metadata.name', value: name, valueOf: (object) => object.name };
  // The index holds objects in their stored form, which another version's fields cannot be read from.
  if (!fields || kind.storedAs) return undefined;
  for (const field of Object.keys(kind.selectableFields)) {
    const value = fields.exact(field);
    if (value !== undefined) return { field, value, valueOf: (object) => kind.selectableFields[field]!(object.object) };
  }
  return undefined;
}
