/**
 * Types and values from OpenAPI schemas, as `x-kubernetes-validations` see them (apiserver/pkg/cel/common: schemas.go, values.go).
 * Sizes come with the types: what a request can hold at most where the schema sets no limit.
 */
import { escapePropertyName, unescapePropertyName } from './escape-names.ts';
import { jsonValue } from './json-values.ts';
import { parseCelDuration, parseTimestamp } from './time-values.ts';
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  type ObjectType,
  STRING,
  sized,
  TIMESTAMP,
} from './types.ts';
import { ErrorValue, ListValue, MapValue, type Value } from './values.ts';

/** The part of a JSON schema that decides types. Structural schemas and OpenAPI v3 schemas are such. */
export interface ValueSchema {
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly additionalProperties?: ValueSchema | boolean;
  readonly items?: ValueSchema | readonly ValueSchema[];
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

/** A schema's type and the way to make values of it. */
export interface TypedSchema {
  readonly type: CelType;
  /** The value of a part of an object that the schema describes. Looks into it when it is evaluated. */
  readonly value: (json: unknown) => Value;
}

interface Converted extends TypedSchema {
  /** What the smallest value takes as JSON. */
  readonly minSize: number;
}

const REQUEST_BYTES = 3 * 1024 * 1024;
const TEXT_BYTES = REQUEST_BYTES - 2;
const [DURATION_BYTES, TIME_BYTES, DATE_BYTES] = [32, 32, 12];
/** A code point takes up to four bytes. */
const BYTES_PER_CHARACTER = 4;

const STRING_SCHEMA: ValueSchema = { type: 'string' };
const ROOT_PROPERTIES: Readonly<Record<string, ValueSchema>> = {
  apiVersion: STRING_SCHEMA,
  kind: STRING_SCHEMA,
  metadata: { type: 'object', properties: { name: STRING_SCHEMA, generateName: STRING_SCHEMA } },
};

/**
 * The type of `self` for a schema, undefined when the schema describes nothing that rules can look at. `name` tells object types
 * apart; `root`: an object with apiVersion, kind and metadata.
 */
export function typedSchema(schema: ValueSchema, options: { name: string; root: boolean }): TypedSchema | undefined {
  return convert(schema, options.name, options.root);
}

function convert(given: ValueSchema, name: string, root: boolean): Converted | undefined {
  if (given['x-kubernetes-int-or-string']) return { type: sized(DYN, TEXT_BYTES), value: jsonValue, minSize: 1 };
  const schema = root ? withRoot(given) : given;
  const made = convertByType(schema, name);
  if (!made || !schema.nullable) return made;
  return { ...made, value: (json) => (json === null ? null : made.value(json)) };
}

/** Names and types of the root are always there for rules, and nothing else of metadata is. */
function withRoot(schema: ValueSchema): ValueSchema {
  const named = { ...ROOT_PROPERTIES, metadata: { ...ROOT_PROPERTIES['metadata']! } };
  return { ...schema, properties: { ...schema.properties, ...named } };
}

function convertByType(schema: ValueSchema, name: string): Converted | undefined {
  switch (schema.type) {
    case 'array':
      return convertArray(schema, name);
    case 'object':
      return typeof schema.additionalProperties === 'object'
        ? convertMap(schema, schema.additionalProperties, name)
        : convertObject(schema, name);
    case 'string':
      return convertString(schema);
    case 'boolean':
      return { type: BOOL, value: expecting('boolean', 'bool'), minSize: 4 };
    case 'number':
      return { type: DOUBLE, value: expecting('number', 'double'), minSize: 1 };
    case 'integer':
      return { type: INT, value: integer, minSize: 1 };
    default:
      return undefined;
  }
}

const isEmbedded = (schema: ValueSchema) => schema['x-kubernetes-embedded-resource'] === true;
const limit = (value: number | undefined, otherwise: number) => (value === undefined ? otherwise : Math.max(0, value));
const invalid = (expected: string, json: unknown) =>
  new ErrorValue(
    `invalid data, expected a ${expected} value, got ${json === null ? 'null' : Array.isArray(json) ? 'a list' : typeof json}`,
  );

function expecting(type: 'boolean' | 'number' | 'string', shown: string): (json: unknown) => Value {
  return (json) => (typeof json === type ? (json as Value) : invalid(shown, json));
}

function integer(json: unknown): Value {
  if (typeof json === 'bigint') return json;
  return typeof json === 'number' && Number.isInteger(json) ? BigInt(json) : invalid('int', json);
}

function convertArray(schema: ValueSchema, name: string): Converted | undefined {
  const of = Array.isArray(schema.items) ? undefined : (schema.items as ValueSchema | undefined);
  const items = of && convert(of, `${name}.@idx`, isEmbedded(of));
  if (!items) return undefined;
  const maxItems = limit(schema.maxItems, Math.floor(TEXT_BYTES / (items.minSize + 1)));
  return {
    type: listOf(items.type, maxItems),
    value: (json) => (Array.isArray(json) ? new SchemaList(json, items.value, schema) : invalid('list', json)),
    minSize: 2,
  };
}

function convertMap(schema: ValueSchema, of: ValueSchema, name: string): Converted | undefined {
  const values = convert(of, `${name}.@elem`, isEmbedded(of));
  if (!values) return undefined;
  const maxProperties = limit(schema.maxProperties, Math.floor(TEXT_BYTES / (values.minSize + 6)));
  return {
    type: mapOf(STRING, values.type, maxProperties),
    value: (json) => (isObject(json) ? new SchemaMap(json, () => values.value, undefined, plainKeys) : invalid('map', json)),
    minSize: 2,
  };
}

function convertObject(schema: ValueSchema, name: string): Converted {
  const fields = new Map<string, Converted>();
  const names = new Map<string, string>();
  const required = new Set(schema.required);
  let minSize = 2;
  for (const [property, of] of Object.entries(schema.properties ?? {})) {
    const made = convert(of, `${name}.${property}`, isEmbedded(of));
    const escaped = escapePropertyName(property);
    if (!made) continue;
    if (escaped !== undefined) {
      fields.set(property, made);
      names.set(escaped, property);
    }
    if (required.has(property) && of.default === undefined) minSize += property.length + made.minSize + 4;
  }
  const type: ObjectType = { form: 'object', name, field: (field) => fields.get(names.get(field) ?? '')?.type };
  const convertField = (property: string) => fields.get(property)?.value;
  return {
    type,
    value: (json) => (isObject(json) ? new SchemaMap(json, convertField, name, escapedKeys) : invalid('object', json)),
    minSize,
  };
}

function convertString(schema: ValueSchema): Converted {
  const text = expecting('string', 'string');
  switch (schema.format) {
    case 'byte':
      return {
        type: sized(BYTES, limit(schema.maxLength, TEXT_BYTES)),
        value: ofText((t) => Buffer.from(t, 'base64')),
        minSize: 2,
      };
    case 'duration':
      return {
        type: sized(DURATION, DURATION_BYTES),
        value: ofText((t) => parseCelDuration(t) ?? invalidText('duration', t)),
        minSize: 3,
      };
    case 'date':
      return {
        type: sized(TIMESTAMP, DATE_BYTES),
        value: ofText((t) => parseTimestamp(`${t}T00:00:00Z`) ?? invalidText('date', t)),
        minSize: 12,
      };
    case 'date-time':
      return {
        type: sized(TIMESTAMP, TIME_BYTES),
        value: ofText((t) => parseTimestamp(t) ?? invalidText('date-time', t)),
        minSize: 21,
      };
  }
  const byEnum = schema.enum?.length
    ? Math.max(...schema.enum.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0)))
    : TEXT_BYTES;
  const size = schema.maxLength === undefined ? byEnum : limit(schema.maxLength * BYTES_PER_CHARACTER, 0);
  return { type: sized(STRING, size), value: text, minSize: 2 };
}

const invalidText = (format: string, text: string) => new ErrorValue(`Invalid ${format} ${JSON.stringify(text)}`);
const ofText = (read: (text: string) => Value) => (json: unknown) =>
  typeof json === 'string' ? read(json) : invalid('string', json);

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

class SchemaList extends ListValue {
  readonly #items: readonly unknown[];
  readonly #convert: (json: unknown) => Value;
  override readonly listType: 'atomic' | 'set' | 'map';
  override readonly listKeys: readonly string[];

  constructor(items: readonly unknown[], convertItem: (json: unknown) => Value, schema: ValueSchema) {
    super();
    this.#items = items;
    this.#convert = convertItem;
    const type = schema['x-kubernetes-list-type'];
    this.listType = type === 'set' || type === 'map' ? type : 'atomic';
    this.listKeys = (schema['x-kubernetes-list-map-keys'] ?? []).map((key) => escapePropertyName(key) ?? key);
  }
  get size(): number {
    return this.#items.length;
  }
  at(index: number): Value {
    return this.#convert(this.#items[index]);
  }
}

interface KeyForm {
  readonly toProperty: (key: string) => string | undefined;
  readonly toKey: (property: string) => string | undefined;
}
const plainKeys: KeyForm = { toProperty: (key) => key, toKey: (property) => property };
/** Names of an object's fields are identifiers. */
const escapedKeys: KeyForm = { toProperty: unescapePropertyName, toKey: escapePropertyName };

/** An object or a map of a schema; fields that the schema does not describe are not there. */
class SchemaMap extends MapValue {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #convertField: (property: string) => ((json: unknown) => Value) | undefined;
  readonly #form: KeyForm;
  override readonly typeName: string | undefined;
  #keys: string[] | undefined;

  constructor(
    fields: Readonly<Record<string, unknown>>,
    convertField: (property: string) => ((json: unknown) => Value) | undefined,
    typeName: string | undefined,
    form: KeyForm,
  ) {
    super();
    this.#fields = fields;
    this.#convertField = convertField;
    this.typeName = typeName;
    this.#form = form;
  }
  get size(): number {
    return this.keys().length;
  }
  get(key: Value): Value | undefined {
    const property = typeof key === 'string' ? this.#form.toProperty(key) : undefined;
    if (property === undefined || !Object.hasOwn(this.#fields, property) || this.#fields[property] === undefined)
      return undefined;
    return this.#convertField(property)?.(this.#fields[property]);
  }
  keys(): string[] {
    this.#keys ??= Object.keys(this.#fields)
      .filter((property) => this.#fields[property] !== undefined && this.#convertField(property) !== undefined)
      .map((property) => this.#form.toKey(property))
      .filter((key) => key !== undefined);
    return this.#keys;
  }
}
