import { Pace, runAtOnce, type Steps } from '../../std/pauses.ts';
import { cloneJson, isJsonMap, type JsonMap, setField } from '../machinery/clone.ts';
import { elementsOf } from './item-key.ts';
import type { KnownItems } from './known-items.ts';
import { isAtomic, type ListType, type MapType, type ObjectType, type StructureType } from './object-type.ts';
import { KEYS_IN_ONE_TURN } from './wide-maps.ts';

/**
 * A configuration merged into what is there (typed/merge.go): what the configuration says wins, what it does not speak of stays.
 * The result shares nothing with either, and keeps the configuration's nulls.
 */
export function mergeInto(type: ObjectType, live: unknown, applied: unknown, known?: KnownItems): unknown {
  if (applied === undefined) return cloneJson(live);
  if (live === undefined || isAtomic(type)) return cloneJson(applied);
  if (applied === null && holdsMany(type, live)) return cloneJson(live);
  if (type.form === 'list')
    return Array.isArray(live) && Array.isArray(applied) && (live.length || applied.length)
      ? runAtOnce(mergeLists(type, live, applied, known))
      : cloneJson(applied);
  if (type.form === 'scalar' || !isJsonMap(live) || !isJsonMap(applied)) return cloneJson(applied);
  const merged: JsonMap = {};
  for (const key in live) setField(merged, key, mergeField(type, key, live, applied, known));
  for (const key in applied) if (!Object.hasOwn(live, key)) setField(merged, key, cloneJson(applied[key]));
  return merged;
}

/** The same of what has wide maps and long lists, in structures and at its top, with pauses. */
export function* mergeInSteps(type: ObjectType, live: unknown, applied: unknown, known: KnownItems): Steps<unknown> {
  // What is in one alone is gone through as if the other had it, and nothing in it.
  const [before, given] = [live ?? emptyLike(applied), applied ?? (applied === null ? null : emptyLike(live))];
  if (isAtomic(type) || typeof before !== 'object' || typeof given !== 'object') return mergeInto(type, live, applied, known);
  if (type.form === 'list' && Array.isArray(before) && Array.isArray(given) && (before.length || given.length))
    return yield* mergeLists(type, before, given, known);
  if (type.form === 'scalar' || type.form === 'list' || !isJsonMap(before) || !isJsonMap(given))
    return mergeInto(type, live, applied, known);
  const merged: JsonMap = {};
  const pace = new Pace(KEYS_IN_ONE_TURN);
  for (const object of [before, given])
    for (const key in object) {
      if (object === given && Object.hasOwn(before, key)) continue;
      const inner = type.form === 'structure' ? innerOf(type, key) : undefined;
      const value = inner
        ? yield* mergeInSteps(inner, own(before, key), own(given, key), known)
        : mergeField(type, key, before, given, known);
      setField(merged, key, value);
      if (pace.due(1)) yield;
    }
  return merged;
}

const emptyLike = (value: unknown) => (Array.isArray(value) ? [] : isJsonMap(value) ? {} : undefined);

const own = (object: JsonMap, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);

const innerOf = (type: StructureType | MapType, key: string): ObjectType | undefined =>
  type.form === 'map' ? type.element() : (type.fields.get(key)?.type() ?? type.rest?.());

function mergeField(
  type: StructureType | MapType,
  key: string,
  live: JsonMap,
  applied: JsonMap,
  known: KnownItems | undefined,
): unknown {
  const inner = innerOf(type, key);
  const given = own(applied, key);
  return inner ? mergeInto(inner, own(live, key), given, known) : cloneJson(given ?? live[key]);
}

/** Whether there are parts that others may own: who says null says nothing of each of them. */
function holdsMany(type: ObjectType, live: unknown): boolean {
  if (type.form === 'list') return Array.isArray(live) && live.length > 0;
  const described = type.form === 'structure' || (type.form === 'map' && !type.undescribed);
  return described && isJsonMap(live) && Object.keys(live).length > 0;
}

/**
 * Items of both, in an order that is the configuration's for those that it has; an item that only the server has stays behind those
 * that it came after.
 *
 *     live     a  x  b  c          shared items that are not the next one wanted are passed over,
 *     applied  c  n  b             and come with the configuration's
 *     merged   a  x  c  n  b
 */
function* mergeLists(
  type: ListType,
  live: readonly unknown[],
  applied: readonly unknown[],
  known: KnownItems | undefined,
): Steps<unknown[]> {
  const pace = new Pace(KEYS_IN_ONE_TURN);
  const inner = type.element();
  // Live items that cannot be told apart from others keep a place of their own; those of a configuration are refused before.
  const liveItems = elementsOf(type, live, known).map((element, i) => ({ element: element || `i:${i}`, item: live[i] }));
  const appliedItems = elementsOf(type, applied, known).map((element, i) => ({ element, item: applied[i] }));
  const liveByElement = new Map<string, unknown>();
  // What is there twice is replaced: neither is what the configuration means.
  for (const { element, item } of liveItems) liveByElement.set(element, liveByElement.has(element) ? undefined : item);
  const wanted = new Set(appliedItems.map(({ element }) => element));
  const shared = appliedItems.map(({ element }) => element).filter((element) => liveByElement.has(element));
  let nextShared = 0;
  const taken = new Set<string>();
  const merged: unknown[] = [];
  const take = ({ element, item }: { element: string; item: unknown }) => {
    taken.add(element);
    merged.push(mergeInto(inner, liveByElement.get(element), item, known));
    if (shared[nextShared] === element) nextShared++;
  };
  let l = 0;
  let a = 0;
  if (pace.due(live.length + applied.length)) yield;
  while (l < liveItems.length || a < appliedItems.length) {
    if (pace.due(1)) yield;
    const there = liveItems[l];
    const next = appliedItems[a];
    if (there && next) {
      if (there.element === next.element) {
        take(next);
        l++;
        a++;
        continue;
      }
      if (wanted.has(there.element) && nextShared < shared.length && shared[nextShared] !== there.element) {
        l++;
        continue;
      }
    }
    if (there) {
      if (!wanted.has(there.element)) {
        merged.push(cloneJson(there.item));
        l++;
        continue;
      }
      if (taken.has(there.element)) l++;
    }
    if (next) {
      take(next);
      a++;
    }
  }
  return merged;
}
