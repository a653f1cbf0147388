import { isJsonMap } from '../machinery/clone.ts';
import type { KnownItems } from './known-items.ts';
import type { ListType } from './object-type.ts';
import { type ItemKey, keyElement, valueElement } from './path-element.ts';

/** The element of a path that stands for an item of a set or keyed list. Throws an Error in upstream's words for what has none. */
export function elementOfItem(type: ListType, item: unknown): string {
  return type.relation === 'keyed' ? keyElement(keyOfItem(type, item)) : elementOfValue(item);
}

/** What tells an item of a keyed list apart; throws as `elementOfItem`. */
export function keyOfItem(type: ListType, item: unknown): ItemKey {
  if (item === null || item === undefined) throw new Error('associative list with keys may not have a null element');
  if (!isJsonMap(item)) throw new Error('associative list with keys may not have non-map elements');
  const key: (readonly [string, unknown])[] = [];
  for (const { name, default: absent } of keysToAsk(type, item)) {
    const value = (Object.hasOwn(item, name) ? item[name] : undefined) ?? absent;
    // An item that leaves it out is another one than an item that has it.
    if (value !== undefined) key.push([name, value]);
  }
  if (!key.length && type.keys.length)
    throw new Error(
      `associative list with keys has an element that omits all key fields [${type.keys.map(({ name }) => JSON.stringify(name)).join(' ')}] (and doesn't have default values for any key fields)`,
    );
  return key;
}

/** So few are all asked for. */
const FEW_KEYS = 8;

/** Of many keys those that an item has, or that are there by default. A memo of a pure function: it changes no answer. */
const placesOfKeys = new WeakMap<
  ListType,
  { readonly byName: ReadonlyMap<string, number>; readonly byDefault: readonly number[] }
>();

function keysToAsk(type: ListType, item: Record<string, unknown>): ListType['keys'] {
  const { keys } = type;
  if (keys.length <= FEW_KEYS) return keys;
  let places = placesOfKeys.get(type);
  if (!places) {
    const byDefault = keys.flatMap((key, i) => (key.default === undefined ? [] : [i]));
    places = { byName: new Map(keys.map(({ name }, i) => [name, i])), byDefault };
    placesOfKeys.set(type, places);
  }
  const { byName, byDefault } = places;
  const asked = new Set([...Object.keys(item).flatMap((name) => byName.get(name) ?? []), ...byDefault]);
  return [...asked].sort((a, b) => a - b).map((i) => keys[i]!);
}

function elementOfValue(item: unknown): string {
  if (item === null) throw new Error("associative list without keys has an element that's an explicit null");
  if (Array.isArray(item)) throw new Error('not supported: associative list with lists as elements');
  if (typeof item === 'object') throw new Error("associative list without keys has an element that's a map type");
  return valueElement(item);
}

/** Of an item of a list; empty for one that cannot be told apart. */
export function elementOrNothing(type: ListType, item: unknown): string {
  try {
    return elementOfItem(type, item);
  } catch {
    return ''; // has no element, so no set names it
  }
}

/**
 * The items of a list by their elements, in order: several where they are there twice, as in lists that were written without asking.
 * Undefined when some cannot be told apart at all.
 */
export type ItemsByElement = ReadonlyMap<string, readonly unknown[]> | undefined;

/** @param known what was found before, perhaps, of long lists */
export function itemsByElement(type: ListType, list: readonly unknown[], known?: KnownItems): ItemsByElement {
  const found = known?.itemsOf(type, list);
  return found ? found.items : sortByElement(list, elementsOf(type, list));
}

/** By place; empty for what cannot be told apart. */
export function elementsOf(type: ListType, list: readonly unknown[], known?: KnownItems): readonly string[] {
  return known?.elementsOf(type, list) ?? list.map((item) => elementOrNothing(type, item));
}

function sortByElement(list: readonly unknown[], elements: readonly string[]): ItemsByElement {
  const items = new Map<string, unknown[]>();
  for (const [i, element] of elements.entries()) {
    if (element === '') return undefined;
    addItem(items, element, list[i]);
  }
  return items;
}

export function addItem(items: Map<string, unknown[]>, element: string, item: unknown): void {
  const same = items.get(element);
  if (same) same.push(item);
  else items.set(element, [item]);
}
