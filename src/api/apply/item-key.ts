import { isJsonMap } from '../machinery/clone.ts';
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
  return type.keys.map(({ name, default: absent }) => {
    const value = (Object.hasOwn(item, name) ? item[name] : undefined) ?? absent;
    if (value === undefined)
      throw new Error(
        `associative list with keys has an element that omits key field ${JSON.stringify(name)} (and doesn't have default value)`,
      );
    return [name, value] as const;
  });
}

function elementOfValue(item: unknown): string {
  if (item === null) throw new Error("associative list without keys has an element that's an explicit null");
  if (Array.isArray(item)) throw new Error("associative list without keys has an element that's a list type");
  if (typeof item === 'object') throw new Error("associative list without keys has an element that's a map type");
  return valueElement(item);
}

/** The items of a list by their elements, in order; undefined when they cannot be told apart, as lists that were stored without rules may be. */
export function itemsByElement(type: ListType, list: readonly unknown[]): Map<string, unknown> | undefined {
  const items = new Map<string, unknown>();
  try {
    for (const item of list) items.set(elementOfItem(type, item), item);
  } catch {
    return undefined;
  }
  return items.size === list.length ? items : undefined;
}
