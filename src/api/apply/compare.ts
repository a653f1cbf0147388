/** What is different between two versions of an object, as sets of fields (structured-merge-diff's typed/compare.go). */
import { equalJson, isJsonMap, type JsonMap } from '../machinery/clone.ts';
import { EMPTY, type FieldSet, LEAF } from './field-set.ts';
import { itemsByElement } from './item-key.ts';
import type { KnownItems } from './known-items.ts';
import {
  isAtomic,
  type ListType,
  type MapType,
  type ObjectType,
  type StructureField,
  type StructureType,
} from './object-type.ts';
import { fieldElement } from './path-element.ts';

export interface Difference {
  /** Added or given another value. */
  readonly changed: FieldSet;
  /** What is gone, without what was in it. */
  readonly removed: FieldSet;
}

export const SAME: Difference = Object.freeze({ changed: EMPTY, removed: EMPTY });

const NO_ITEMS: readonly unknown[] = [];
const NOTHING: JsonMap = Object.freeze({});

type Building = Record<string, FieldSet>;
/** Undefined: no difference. Either set may be missing. */
type Found = { changed?: FieldSet; removed?: FieldSet } | undefined;

/** Compares two objects; top-level fields named in `except` are taken for the same. */
export function compareObjects(
  type: StructureType,
  old: object,
  now: object,
  except: readonly string[] = [],
  known?: KnownItems,
): Difference {
  const found = compareMaps(type, old as JsonMap, now as JsonMap, known, except);
  return found ? { changed: found.changed ?? EMPTY, removed: found.removed ?? EMPTY } : SAME;
}

function compareValues(type: ObjectType, old: unknown, now: unknown, known: KnownItems | undefined): Found {
  if (isAtomic(type)) return equalJson(old, now) ? undefined : { changed: LEAF };
  // Null is as good as empty, unless that is the whole difference.
  if (type.form === 'list') {
    const [before, after] = [old ?? NO_ITEMS, now ?? NO_ITEMS];
    if (Array.isArray(before) && Array.isArray(after) && (before.length || after.length))
      return compareLists(type, before, after, known);
  } else if (type.form !== 'scalar') {
    const [before, after] = [old ?? NOTHING, now ?? NOTHING];
    if (isJsonMap(before) && isJsonMap(after)) {
      const found = compareMaps(type, before, after, known);
      // Asked last: of a large map that takes as long as to walk through it.
      if (found || !(isEmptyMap(before) && isEmptyMap(after))) return found;
    }
  }
  return equalJson(old, now) ? undefined : { changed: allOf(type, now, known) };
}

function isEmptyMap(map: JsonMap): boolean {
  for (const _ in map) return false;
  return true;
}

function compareMaps(
  type: StructureType | MapType,
  old: JsonMap,
  now: JsonMap,
  known: KnownItems | undefined,
  except?: readonly string[],
): Found {
  let changed: Building | undefined;
  let removed: Building | undefined;
  const note = (element: string, found: Found) => {
    if (found?.changed) {
      changed ??= {};
      changed[element] = found.changed;
    }
    if (found?.removed) {
      removed ??= {};
      removed[element] = found.removed;
    }
  };
  for (const key in now) {
    const after = now[key];
    if (after === undefined || except?.includes(key)) continue;
    const field = type.form === 'structure' ? type.fields.get(key) : undefined;
    if (field?.ignored) continue;
    const given = Object.hasOwn(old, key) ? old[key] : undefined;
    const before = given === undefined && after !== null ? (field?.absent ?? field?.zero) : given;
    if (before === after) continue;
    const inner = type.form === 'map' ? type.element() : innerOf(type, field);
    const found = before === undefined ? { changed: allOf(inner, after, known) } : compareValues(inner, before, after, known);
    if (found) note(field?.element ?? fieldElement(key), found);
  }
  for (const key in old) {
    const before = old[key];
    if (before === undefined || (Object.hasOwn(now, key) && now[key] !== undefined) || except?.includes(key)) continue;
    const field = type.form === 'structure' ? type.fields.get(key) : undefined;
    if (field?.ignored || before === field?.zero) continue;
    const inner = type.form === 'map' ? type.element() : innerOf(type, field);
    const after = field?.absent;
    const found = after === undefined ? { removed: LEAF } : compareValues(inner, before, after, known);
    if (found) note(field?.element ?? fieldElement(key), found);
  }
  return changed || removed ? { ...(changed && { changed }), ...(removed && { removed }) } : undefined;
}

const UNKNOWN: ObjectType = { form: 'scalar', name: 'any' };

const innerOf = (type: StructureType, field: StructureField | undefined): ObjectType => field?.type() ?? type.rest?.() ?? UNKNOWN;

function compareLists(type: ListType, old: readonly unknown[], now: readonly unknown[], known: KnownItems | undefined): Found {
  if (old.length === now.length && equalJson(old, now)) return undefined;
  const before = itemsByElement(type, old, known);
  const after = itemsByElement(type, now, known);
  if (!before || !after) return { changed: LEAF };
  const inner = type.element();
  let changed: Building | undefined;
  let removed: Building | undefined;
  const note = (element: string, found: Found) => {
    if (found?.changed) {
      changed ??= {};
      changed[element] = found.changed;
    }
    if (found?.removed) {
      removed ??= {};
      removed[element] = found.removed;
    }
  };
  for (const [element, items] of after) note(element, compareItems(inner, before.get(element) ?? NO_ITEMS, items, known));
  for (const element of before.keys()) if (!after.has(element)) note(element, { removed: LEAF });
  return changed || removed ? { ...(changed && { changed }), ...(removed && { removed }) } : undefined;
}

/** What is there under one element. Items that are there twice are one thing together, with nothing in it that anybody owns. */
function compareItems(inner: ObjectType, old: readonly unknown[], now: readonly unknown[], known: KnownItems | undefined): Found {
  if (now.length > 1)
    return old.length > 1 && equalJson(old, now) ? undefined : { changed: LEAF, ...(old.length === 1 && { removed: LEAF }) };
  if (old.length === 1) return compareValues(inner, old[0], now[0], known);
  return { changed: allOf(inner, now[0], known), ...(old.length && { removed: LEAF }) };
}

/** A field that was not there before, or is not any more, and all that is in it. */
export function allOf(type: ObjectType, value: unknown, known?: KnownItems): FieldSet {
  if (isAtomic(type) || typeof value !== 'object' || value === null) return LEAF;
  let node: Building | undefined;
  if (type.form === 'list') {
    if (!Array.isArray(value)) return LEAF;
    const inner = type.element();
    const items = itemsByElement(type, value, known);
    if (!items) return LEAF; // they cannot be told apart: it is owned as a whole
    for (const [element, same] of items) {
      node ??= { '.': LEAF };
      node[element] = same.length > 1 ? LEAF : allOf(inner, same[0], known);
    }
    return node ?? LEAF;
  }
  if (!isJsonMap(value)) return LEAF;
  for (const key in value) {
    const given = value[key];
    if (given === undefined) continue;
    const field = type.form === 'structure' ? type.fields.get(key) : undefined;
    const inner = type.form === 'map' ? type.element() : type.form === 'structure' ? innerOf(type, field) : UNKNOWN;
    node ??= { '.': LEAF };
    node[field?.element ?? fieldElement(key)] = allOf(inner, given, known);
  }
  return node ?? LEAF;
}
