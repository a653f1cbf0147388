import { cloneJson, isJsonMap, type JsonMap, setField } from '../machinery/clone.ts';
import { elementsOf } from './item-key.ts';
import type { KnownItems } from './known-items.ts';
import { isAtomic, type ListType, type ObjectType } from './object-type.ts';

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
      ? mergeLists(type, live, applied, known)
      : cloneJson(applied);
  if (type.form === 'scalar' || !isJsonMap(live) || !isJsonMap(applied)) return cloneJson(applied);
  const merged: JsonMap = {};
  const innerOf = (key: string) => (type.form === 'map' ? type.element() : (type.fields.get(key)?.type() ?? type.rest?.()));
  for (const key in live) {
    const inner = innerOf(key);
    const given = Object.hasOwn(applied, key) ? applied[key] : undefined;
    setField(merged, key, inner ? mergeInto(inner, live[key], given, known) : cloneJson(given ?? live[key]));
  }
  for (const key in applied) if (!Object.hasOwn(live, key)) setField(merged, key, cloneJson(applied[key]));
  return merged;
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
function mergeLists(
  type: ListType,
  live: readonly unknown[],
  applied: readonly unknown[],
  known: KnownItems | undefined,
): unknown[] {
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
  while (l < liveItems.length || a < appliedItems.length) {
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
