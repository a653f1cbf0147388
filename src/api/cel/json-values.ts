/** JSON that no schema describes, as expressions see it: whole numbers are ints, others doubles. */
import { ListValue, MapValue, type Value } from './values.ts';

/** Made when it is first looked into: most of an object never is. */
class JsonList extends ListValue {
  readonly #items: readonly unknown[];
  readonly #made: Value[] = [];
  constructor(items: readonly unknown[]) {
    super();
    this.#items = items;
  }
  get size(): number {
    return this.#items.length;
  }
  at(index: number): Value {
    let value = this.#made[index];
    if (value === undefined) {
      value = jsonValue(this.#items[index]);
      this.#made[index] = value;
    }
    return value;
  }
}

class JsonMap extends MapValue {
  readonly #fields: Readonly<Record<string, unknown>>;
  #names: readonly string[] | undefined;
  readonly #made = new Map<string, Value>();
  constructor(fields: Readonly<Record<string, unknown>>) {
    super();
    this.#fields = fields;
  }
  get size(): number {
    return this.keys().length;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#fields, key)) return undefined;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const json = this.#fields[key];
    if (json === undefined) return undefined;
    const value = jsonValue(json);
    this.#made.set(key, value);
    return value;
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
      return Number.isSafeInteger(json) ? BigInt(json) : json;
    case 'bigint':
      return json;
    case 'object':
      if (json === null) return null;
      return Array.isArray(json) ? new JsonList(json) : new JsonMap(json as Record<string, unknown>);
    default:
      return null;
  }
}
