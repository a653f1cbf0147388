/**
 * Checks parsed JSON against a kind's schema as Go's decoder does: wrong types are refused in its words, unknown fields are dropped
 * and named, nulls are left out and so are empty lists, maps and zeros of optional fields (Go's omitempty), required fields that are
 * missing get Go's zero value, times and quantities their canonical form.
 * What comes out has the shape of the kind's generated type. Decoders are compiled once a schema, when first used.
 */

import { DecodeFailure, decodeScalar, describeValue, goScalarType, zeroScalar } from './decode-scalar.ts';
import type { KindDefinition } from './kind.ts';
import { apiVersionOf } from './kind.ts';
import type { DynamicObject } from './object.ts';
import { fieldsWithoutZeros } from './omitted-zeros.ts';
import { type FieldType, fieldsOfSchema, goTypeName } from './schema.ts';
import { badRequest, StatusError } from './status-error.ts';
import { isWrittenAsZero } from './written-zeros.ts';

export interface Decoded {
  readonly object: DynamicObject;
  /** Paths of dropped fields: `spec.containers[0].imagee`. */
  readonly unknownFields: readonly string[];
}

/** Where the decoder stands, for error texts and the names of unknown fields. */
interface Position {
  readonly path: (string | number)[];
  /** The structure that the value belongs to. */
  structure: string;
  readonly unknown: string[];
}

type Decoder = (value: unknown, at: Position) => unknown;

/** Go's decoder stops here too; it also keeps recursive functions from running out of stack. */
const DEEPEST = 10_000;
/** Of schemas, the only structures that hold themselves without end: what reads them goes down with them. */
const DEEPEST_SCHEMA = 1_000;
/** Stands before the keys of maps in a path, where they have to be told from fields. */
const MAP_KEY = '\0';
/** More are dropped too, but not named. */
const MOST_UNKNOWN_FIELDS = 100;

/** Optional fields that upstream writes even when they are empty. */
const WRITTEN_WHEN_EMPTY: ReadonlySet<string> = new Set([
  'V1ClusterRole.rules',
  'V1Role.rules',
  'V1EndpointSlice.ports',
  // Refused when it is empty, and defaulted when it is not there.
  'V2HPAScalingRules.policies',
  // Who sends an empty list wants nothing to be owned any more; it is not stored.
  'V1ObjectMeta.managedFields',
]);

/** Of fields that hold a schema, a list of schemas, or whether anything is allowed; the official client knows no type for them. */
const decodeSchemaOrMore: Decoder = (value, at) => {
  const decode = decoderOf('V1JSONSchemaProps');
  if (typeof value === 'object' && !Array.isArray(value)) return decode(value, at);
  if (at.path.at(-1) !== 'items') {
    if (typeof value === 'boolean') return value;
    throw new DecodeFailure('boolean or JSON schema expected');
  }
  // An empty list and whatever else stands there are read as no schema at all.
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.map((item, i) => {
    at.path.push(i);
    const decoded = decode(item, at);
    at.path.pop();
    return decoded;
  });
};

/** Says by being there that there is a status; a structure without fields, which the official client knows no type for either. */
const decodeStatusSubresource: Decoder = (value, at) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw mismatch(value, 'v1.CustomResourceSubresourceStatus', at);
  for (const name of Object.keys(value)) noteUnknown(at, name);
  return {};
};

const SPECIAL_DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ...['items', 'additionalItems', 'additionalProperties'].map(
    (field) => [`V1JSONSchemaProps.${field}`, decodeSchemaOrMore] as const,
  ),
  ['V1CustomResourceSubresources.status', decodeStatusSubresource] as const,
]);

/** What was compiled so far. A memo of pure functions: it changes no answer. */
const decoders = new Map<string, Decoder>();

/**
 * Turns the body of a request into an object of the kind. `json` may be changed and must not be used afterwards.
 * Throws a BadRequest: `Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal …`.
 */
export function decodeObject(kind: Pick<KindDefinition, 'group' | 'version' | 'kind' | 'schema'>, json: unknown): Decoded {
  const at: Position = { path: [], structure: '', unknown: [] };
  try {
    const object = decoderOf(kind.schema)(json, at) as DynamicObject;
    object.metadata ??= {};
    return { object, unknownFields: at.unknown };
  } catch (error) {
    if (!(error instanceof DecodeFailure)) throw error;
    throw cannotBeHandled(kind, error.message, error.mismatch);
  }
}

/**
 * The same for a part of an object: the metadata of a custom resource. Throws a DecodeFailure. `path`: where the part is, in the
 * names of unknown fields.
 */
export function decodeStructure(
  schema: string,
  json: unknown,
  path: readonly (string | number)[] = [],
): { readonly value: object; readonly unknownFields: readonly string[] } {
  const at: Position = { path: [], structure: '', unknown: [] };
  const value = decoderOf(schema)(json, at) as object;
  if (!path.length) return { value, unknownFields: at.unknown };
  const prefix = path.reduce<string>((text, part) => text + (typeof part === 'number' ? `[${part}]` : (text && '.') + part), '');
  return { value, unknownFields: at.unknown.map((field) => `${prefix}.${field}`) };
}

/** What upstream answers when a body is not of the kind it should be; `why` alone is the message of its cause. */
export function cannotBeHandled(
  kind: Pick<KindDefinition, 'group' | 'version' | 'kind'>,
  why: string,
  mismatch?: DecodeFailure['mismatch'],
): StatusError {
  const { status } = badRequest(
    `${kind.kind} in version ${JSON.stringify(apiVersionOf(kind).split('/').at(-1))} cannot be handled as a ${kind.kind}: ${why}`,
  );
  return new StatusError(status, { cause: new DecodeFailure(why, mismatch) });
}

/** The refusal of a body with such problems (fieldValidation=Strict): fields that are unknown or there twice. */
export function strictDecodingError(kind: Pick<KindDefinition, 'group' | 'version' | 'kind'>, problems: readonly string[]) {
  return cannotBeHandled(kind, `strict decoding error: ${problems.join(', ')}`);
}

function decoderOf(schema: string): Decoder {
  let decoder = decoders.get(schema);
  if (!decoder) {
    decoder = compileStructure(schema);
    decoders.set(schema, decoder);
  }
  return decoder;
}

interface CompiledField {
  readonly decode: Decoder;
  /** Empty values of it are not written. */
  readonly omitEmpty: boolean;
  /** Nor are empty text, nought and false: Go cannot tell them from what is not there. */
  readonly omitZero: boolean;
}

function compileStructure(schema: string): Decoder {
  const fields = new Map<string, CompiledField>();
  const requiredFields: { name: string; type: FieldType }[] = [];
  const withoutZeros = fieldsWithoutZeros(schema);
  for (const [name, { type, required }] of fieldsOfSchema(schema)) {
    const holdsMany = type.form === 'list' || type.form === 'map';
    fields.set(name, {
      decode: SPECIAL_DECODERS.get(`${schema}.${name}`) ?? compile(type),
      omitEmpty: holdsMany && !required && !WRITTEN_WHEN_EMPTY.has(`${schema}.${name}`),
      omitZero: withoutZeros.has(name),
    });
    if ((required && !isPointer(`${schema}.${name}`, type)) || isWrittenAsZero(schema, name)) requiredFields.push({ name, type });
  }
  const { name: structure, qualified } = goTypeName(schema);
  const deepest = schema === 'V1JSONSchemaProps' ? DEEPEST_SCHEMA : DEEPEST;
  return (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mismatch(value, qualified, at);
    if (at.path.length > deepest) throw new DecodeFailure('exceeded max depth');
    const object = value as Record<string, unknown>;
    const outer = at.structure;
    let leftOut: Set<string> | undefined;
    for (const key in object) {
      const compiled = fields.get(key);
      const field = object[key];
      if (compiled === undefined || field === null || field === undefined) {
        if (compiled === undefined) noteUnknown(at, key);
        leftOut = (leftOut ?? new Set()).add(key);
        continue;
      }
      at.path.push(key);
      at.structure = structure;
      const decoded = compiled.decode(field, at);
      if (compiled.omitZero ? !decoded : decoded === undefined || (compiled.omitEmpty && isEmpty(decoded as object)))
        leftOut = (leftOut ?? new Set()).add(key);
      else if (decoded !== field) object[key] = decoded;
      at.path.pop();
    }
    at.structure = outer;
    const kept = leftOut ? without(object, leftOut) : object;
    for (const { name, type } of requiredFields) {
      if (kept[name] !== undefined) continue;
      const zero = zeroOf(type);
      if (zero !== undefined) kept[name] = zero;
    }
    return kept;
  };
}

/** Go has these behind pointers although they are required: one that is missing is none, and not one that is empty. */
const isPointer = (field: string, type: FieldType): boolean =>
  (type.form === 'structure' && type.schema === 'V1LabelSelector') || REQUIRED_POINTERS.has(field);

const REQUIRED_POINTERS: ReadonlySet<string> = new Set([
  'V1CapacityRequestPolicyRange.min',
  'V1HTTPIngressPath.pathType',
  'V1IPAddressSpec.parentRef',
  'V1MutatingWebhook.sideEffects',
  'V1ValidatingWebhook.sideEffects',
]);

/** Of a list or map. */
function isEmpty(value: object): boolean {
  for (const _ in value) return false;
  return true;
}

/** A new object, because `delete` would make the old one slow for good. */
function without(object: Record<string, unknown>, leftOut: ReadonlySet<string>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const key in object) if (!leftOut.has(key)) kept[key] = object[key];
  return kept;
}

function compile(type: FieldType): Decoder {
  switch (type.form) {
    case 'structure': {
      // Looked up when used: schemas may contain themselves.
      let decoder: Decoder | undefined;
      return (value, at) => {
        decoder ??= decoderOf(type.schema);
        return decoder(value, at);
      };
    }
    case 'list':
      return compileList(type.of);
    case 'map':
      return compileMap(type.of);
    case 'scalar': {
      const { name } = type;
      return (value, at) => {
        const decoded = decodeScalar(name, value);
        if (decoded === undefined) throw mismatch(value, goScalarType(name), at);
        return decoded;
      };
    }
  }
}

function compileList(item: FieldType): Decoder {
  const decode = compile(item);
  const goType = goTypeOf(item, '[]');
  return (value, at) => {
    if (!Array.isArray(value)) throw mismatch(value, goType, at);
    for (let i = 0; i < value.length; i++) {
      at.path.push(i);
      value[i] = value[i] === null ? (zeroOf(item) ?? null) : decode(value[i], at);
      at.path.pop();
    }
    return value;
  };
}

function compileMap(item: FieldType): Decoder {
  const decode = compile(item);
  const goType = goTypeOf(item, 'map[string]');
  const named = item.form !== 'scalar';
  return (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mismatch(value, goType, at);
    const map = value as Record<string, unknown>;
    for (const key in map) {
      const entry = map[key];
      if (named) at.path.push(MAP_KEY + key);
      const decoded = entry === null ? (zeroOf(item) ?? null) : decode(entry, at);
      // Defined, not assigned: a key may be called __proto__.
      if (decoded !== entry)
        Object.defineProperty(map, key, { value: decoded, writable: true, enumerable: true, configurable: true });
      if (named) at.path.pop();
    }
    return map;
  };
}

/** What Go has where nothing was given: inside lists and maps for nulls, and in fields that are always written. Undefined: nothing. */
function zeroOf(type: FieldType): unknown {
  switch (type.form) {
    case 'structure':
      return decoderOf(type.schema)({}, { path: [], structure: '', unknown: [] });
    case 'list':
      return [];
    case 'map':
      return {};
    case 'scalar':
      return zeroScalar(type.name);
  }
}

function goTypeOf(type: FieldType, prefix: string): string {
  switch (type.form) {
    case 'structure':
      return prefix + goTypeName(type.schema).qualified;
    case 'list':
      return goTypeOf(type.of, `${prefix}[]`);
    case 'map':
      return goTypeOf(type.of, `${prefix}map[string]`);
    case 'scalar':
      return prefix + goScalarType(type.name);
  }
}

function mismatch(value: unknown, goType: string, at: Position): DecodeFailure {
  const what = describeValue(value, goType);
  // Go names the fields on the way, but neither places in lists nor keys of maps.
  const path = at.path.filter((segment) => typeof segment === 'string' && !segment.startsWith(MAP_KEY));
  const place = path.length ? `struct field ${at.structure}.${path.join('.')}` : 'value';
  return new DecodeFailure(`json: cannot unmarshal ${what} into Go ${place} of type ${goType}`, { value, goType });
}

function noteUnknown(at: Position, field: string): void {
  if (at.unknown.length >= MOST_UNKNOWN_FIELDS) return;
  let path = '';
  for (const segment of [...at.path, field]) {
    if (typeof segment === 'number') path += `[${segment}]`;
    else path += (path && '.') + segment.replace(MAP_KEY, '');
  }
  at.unknown.push(path);
}
