import { equalJson, isJsonMap, type JsonMap } from '../../machinery/clone.ts';
import { itemsOf, type JsonSchema, propertyOf, valuesOf } from './json-schema.ts';
import { canonical } from './list-items.ts';

/**
 * Whether parts of an object are what they were before an update, as upstream tells them (apiserver/pkg/cel/common/equality.go): items of
 * lists by key are found by their keys, and what the schema does not know is never the same. Answers are kept for one object: parts are
 * asked about on the way up as well.
 */
export class Unchanged {
  readonly #known = new Map<object, { readonly old: object; readonly same: boolean }>();

  is(value: unknown, old: unknown, schema: JsonSchema): boolean {
    const bothLists = Array.isArray(value) && Array.isArray(old);
    if (!bothLists && !(isJsonMap(value) && isJsonMap(old))) return equalJson(value, old);
    const known = this.#known.get(value);
    if (known?.old === old) return known.same;
    const same = bothLists ? this.#list(value, old, schema) : this.#map(value as JsonMap, old as JsonMap, schema);
    this.#known.set(value, { old, same });
    return same;
  }

  #list(value: readonly unknown[], old: readonly unknown[], schema: JsonSchema): boolean {
    if (value.length !== old.length) return false;
    const before = correlateItems(schema, old);
    if (!before) return equalJson(value, old);
    const items = itemsOf(schema);
    return value.every((item) => {
      const itemBefore = before(item);
      return itemBefore !== undefined && items !== undefined && this.is(item, itemBefore, items);
    });
  }

  #map(value: JsonMap, old: JsonMap, schema: JsonSchema): boolean {
    const names = Object.keys(value);
    if (names.length !== Object.keys(old).length) return false;
    return names.every((name) => {
      const inner = propertyOf(schema, name) ?? valuesOf(schema);
      return inner !== undefined && Object.hasOwn(old, name) && this.is(value[name], old[name], inner);
    });
  }
}

/** Finds what an item was before, in lists whose items have keys. */
export function correlateItems(schema: JsonSchema, old: unknown): ((item: unknown) => unknown) | undefined {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (!Array.isArray(old) || schema['x-kubernetes-list-type'] !== 'map' || !keys?.length) return undefined;
  const byId = new Map<string, unknown>();
  for (const item of old) {
    const id = idOf(item, keys);
    if (id !== undefined && !byId.has(id)) byId.set(id, item);
  }
  return (item) => {
    const id = idOf(item, keys);
    return id === undefined ? undefined : byId.get(id);
  };
}

/** Only what has all keys, each of them one value, can be found again. */
function idOf(item: unknown, keys: readonly string[]): string | undefined {
  if (!isJsonMap(item)) return undefined;
  const only = keys.length === 1 && Object.hasOwn(item, keys[0]!) ? item[keys[0]!] : undefined;
  // Most lists have one key that is a text, and some are long: nothing else has an id that begins so.
  if (typeof only === 'string') return `"${only}`;
  const values: unknown[] = [];
  // As far as to the first that is missing: there may be many more keys than an item has fields.
  for (const name of keys) {
    const value = Object.hasOwn(item, name) ? item[name] : undefined;
    if (value === undefined || value === null || typeof value === 'object') return undefined;
    values.push(value);
  }
  return canonical(values);
}
