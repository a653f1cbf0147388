/** JSON that no schema describes, as expressions see it: whole numbers are ints, others doubles. */
import { ListValue, MapValue, type Value } from './values.ts';

/** Made when it is first looked into: most of an object never is. */
class JsonList extends ListValue {
  readonly #items: readonly unknown[];
  constructor(items: readonly unknown[]) {
    super();
    this.#items = items;
  }
  get size(): number {
    return this.#items.length;
  }
  at(index: number): Value {
    return jsonValue(this.#items[index]);
  }
}

class JsonMap extends MapValue {
  readonly #fields: Readonly<Record<string, unknown>>;
  #names: readonly string[] | undefined;
  constructor(fields: Readonly<Record<string, unknown>>) {
    super();
    this.#fields = fields;
  }
  get size(): number {
    return this.keys().length;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#fields, key)) return undefined;
    const value = this.#fields[key];
    return value === undefined ? undefined : jsonValue(value);
  }
  keys(): readonly string[] {
    this.#names ??= Object.keys(this.#fields).filter((name) => this.#fields[name] !== undefined);
    return this.#names;
  }
}

/** Looks into its argument when it is evaluated: do not change it before that. */
export function jsonValue(json: unknown): Value {
  switch (typeof json) {
    case 'string':
    case 'boolean':
      return json;
    case 'number':
      return Number.isSafeInteger(json) || (Number.isInteger(json) && Math.abs(json) < 2 ** 63) ? BigInt(json) : json;
    case 'bigint':
      return json;
    case 'object':
      if (json === null) return null;
      return Array.isArray(json) ? new JsonList(json) : new JsonMap(json as Record<string, unknown>);
    default:
      return null;
  }
}
