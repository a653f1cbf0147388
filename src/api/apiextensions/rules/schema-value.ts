/** JSON as expressions see it, by its schema. What is not looked at is not converted. */

import { isExactInteger } from '../../../std/exact-json.ts';
import { parseCelDuration, parseTimestamp } from '../../cel/time-values.ts';
import { ErrorValue, ListValue, MapValue, type Value } from '../../cel/values.ts';
import { isJsonMap, type JsonMap } from '../../machinery/clone.ts';
import { isEmbedded, isIntOrString, itemsOf, type JsonSchema, propertyOf, valuesOf } from '../schema/json-schema.ts';
import { withTypeAndMeta } from './declared-type.ts';
import { escapeName } from './escape-name.ts';

/** @param name the type's, as `declareType` was given it */
export function valueBySchema(value: unknown, schema: JsonSchema, name: string, isResource = isEmbedded(schema)): Value {
  if (value === null || value === undefined)
    return schema.nullable ? null : new ErrorValue('invalid data, got null for schema with nullable=false');
  if (isIntOrString(schema)) {
    if (isExactInteger(value)) return BigInt(value);
    return typeof value === 'string'
      ? value
      : new ErrorValue('invalid data, expected XIntOrString value to be either a string or integer');
  }
  switch (schema.type) {
    case 'array':
      return Array.isArray(value) ? new SchemaList(value, schema, name) : mismatch('array', value);
    case 'object':
      if (!isJsonMap(value)) return mismatch('object', value);
      return valuesOf(schema) ? new SchemaMap(value, schema, name) : new SchemaObject(value, schema, name, isResource);
    case 'string':
      return typeof value === 'string' ? textValue(value, schema.format) : mismatch('string', value);
    case 'integer':
      return isExactInteger(value) ? BigInt(value) : mismatch('integer', value);
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : mismatch('number', value);
    case 'boolean':
      return typeof value === 'boolean' ? value : mismatch('boolean', value);
    default:
      return new ErrorValue('type not supported');
  }
}

const mismatch = (expected: string, value: unknown) =>
  new ErrorValue(`invalid data, expected ${expected} but got ${typeof value}`);

function textValue(text: string, format: string | undefined): Value {
  switch (format) {
    case 'byte':
      return Buffer.from(text, 'base64');
    case 'duration':
      return parseCelDuration(text) ?? new ErrorValue(`Invalid duration ${text}`);
    case 'date':
      return parseTimestamp(`${text}T00:00:00Z`) ?? new ErrorValue(`Invalid date formatted string ${text}`);
    case 'date-time':
      return parseTimestamp(text) ?? new ErrorValue(`Invalid date-time formatted string ${text}`);
    default:
      return text;
  }
}

class SchemaList extends ListValue {
  override readonly listType: 'atomic' | 'set' | 'map';
  override readonly listKeys: readonly string[];
  readonly #items: readonly unknown[];
  readonly #schema: JsonSchema;
  readonly #name: string;
  readonly #made: (Value | undefined)[] = [];

  constructor(items: readonly unknown[], schema: JsonSchema, name: string) {
    super();
    this.#items = items;
    this.#schema = itemsOf(schema) ?? {};
    this.#name = `${name}.@idx`;
    const type = schema['x-kubernetes-list-type'];
    this.listType = type === 'set' || type === 'map' ? type : 'atomic';
    this.listKeys = (schema['x-kubernetes-list-map-keys'] ?? []).flatMap((key) => escapeName(key) ?? []);
  }

  get size(): number {
    return this.#items.length;
  }

  at(index: number): Value {
    this.#made[index] ??= valueBySchema(this.#items[index], this.#schema, this.#name);
    return this.#made[index];
  }
}

class SchemaMap extends MapValue {
  readonly #map: JsonMap;
  readonly #schema: JsonSchema;
  readonly #name: string;
  #names: readonly string[] | undefined;
  readonly #made = new Map<string, Value>();

  constructor(map: JsonMap, schema: JsonSchema, name: string) {
    super();
    this.#map = map;
    this.#schema = valuesOf(schema) ?? {};
    this.#name = `${name}.@elem`;
  }

  get size(): number {
    return this.keys().length;
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#map, key)) return undefined;
    let value = this.#made.get(key);
    if (value === undefined) {
      value = valueBySchema(this.#map[key], this.#schema, this.#name);
      this.#made.set(key, value);
    }
    return value;
  }

  keys(): readonly string[] {
    this.#names ??= Object.keys(this.#map);
    return this.#names;
  }
}

class SchemaObject extends MapValue {
  override readonly typeName: string;
  readonly #map: JsonMap;
  /** Names as expressions say them, of those that are there. */
  readonly #fields = new Map<string, { readonly property: string; readonly schema: JsonSchema }>();
  readonly #made = new Map<string, Value>();

  constructor(map: JsonMap, given: JsonSchema, name: string, isResource: boolean) {
    super();
    this.typeName = name;
    this.#map = map;
    const schema = isResource ? withTypeAndMeta(given) : given;
    for (const property of Object.keys(map)) {
      // As upstream: a field that is null, where it may be, is one that is not there. A map's value is there all the same.
      if (map[property] === null) continue;
      const inner = propertyOf(schema, property);
      const escaped = inner && escapeName(property);
      if (escaped !== undefined) this.#fields.set(escaped, { property, schema: inner! });
    }
  }

  get size(): number {
    return this.#fields.size;
  }

  get(key: Value): Value | undefined {
    const field = typeof key === 'string' ? this.#fields.get(key) : undefined;
    if (!field) return undefined;
    let value = this.#made.get(field.property);
    if (value === undefined) {
      value = valueBySchema(this.#map[field.property], field.schema, `${this.typeName}.${field.property}`);
      this.#made.set(field.property, value);
    }
    return value;
  }

  keys(): Iterable<Value> {
    return this.#fields.keys();
  }
}
