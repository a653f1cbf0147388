import { createHash } from 'node:crypto';
import { applyTypeOf } from '../../api/apiextensions/schema/apply-type.ts';
import { coerceEmbedded } from '../../api/apiextensions/schema/embedded-resources.ts';
import type { JsonSchema } from '../../api/apiextensions/schema/json-schema.ts';
import { publishedSchema } from '../../api/apiextensions/schema/open-api.ts';
import { prune } from '../../api/apiextensions/schema/prune.ts';
import { withPrunedDefaults } from '../../api/apiextensions/schema/prune-defaults.ts';
import { dropIdleNulls, setSchemaDefaults } from '../../api/apiextensions/schema/set-defaults.ts';
import type { StructureType } from '../../api/apply/object-type.ts';
import { decodeStructure } from '../../api/machinery/decode.ts';
import { DecodeFailure } from '../../api/machinery/decode-scalar.ts';
import type { OwnSchema } from '../../api/machinery/kind.ts';
import type { DynamicObject, ObjectMeta } from '../../api/machinery/object.ts';
import { exactJsonText } from '../../std/exact-json.ts';

/** Go's decoder goes no deeper; functions that call themselves should not go half as deep. */
const DEEPEST = 1_000;

/** How objects of one version of a definition are read, pruned and defaulted. */
export interface CustomSchema extends OwnSchema {
  readonly schema: JsonSchema;
  /** Whether all fields are kept, whatever the schema says (`spec.preserveUnknownFields`). */
  readonly keepsUnknown: boolean;
  /** Drops what the schema does not know, in place; whether there was anything. */
  prune(object: DynamicObject): boolean;
  /** Fills in defaults, in place; whether there was anything to change. */
  setDefaults(object: DynamicObject): boolean;
  /** Gives an object of this version that lay in the store what it has now: pruned, and defaulted. In place; whether anything changed. */
  readStored(object: DynamicObject): boolean;
  /** Drops what this version does not know of an object that was another version's, in place. No defaults: the other's were filled in. */
  readConverted(object: DynamicObject): void;
}

const ANYTHING: JsonSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** @param selectable fields by which objects can be selected, as clients are told */
export function createCustomSchema(
  given: JsonSchema | undefined,
  keepsUnknown: boolean,
  selectable: readonly string[] = [],
): CustomSchema {
  const schema = given ?? ANYTHING;
  const defaults = withPrunedDefaults(schema);
  let applyType: StructureType | undefined;
  const text = exactJsonText([schema, keepsUnknown, selectable]);
  const pruned = (object: DynamicObject): boolean => {
    if (keepsUnknown) return false;
    const dropped: string[] = [];
    prune(object, schema, dropped);
    return dropped.length > 0;
  };
  const setDefaults = (object: DynamicObject, tooMuch?: 'left-out'): boolean =>
    !keepsUnknown && setSchemaDefaults(object, defaults, tooMuch);
  return {
    schema,
    keepsUnknown,
    fingerprint: createHash('sha256').update(text).digest('hex'),
    decode: (json, nulls) => decode(json, { schema, defaults, keepsUnknown, nulls }),
    applyType: () => {
      applyType ??= applyTypeOf(keepsUnknown ? { ...schema, ...ANYTHING } : schema);
      return applyType;
    },
    *openApi(form) {
      return {
        ...(yield* publishedSchema(keepsUnknown ? undefined : given, form)),
        ...(selectable.length && {
          'x-kubernetes-selectable-fields': selectable.map((fieldPath) => ({ fieldPath })),
        }),
      };
    },
    prune: pruned,
    setDefaults: (object) => setDefaults(object),
    readStored: (object) => {
      const dropped: string[] = [];
      coerceEmbedded(object, schema, dropped, true);
      let changed = pruned(object) || dropped.length > 0;
      if (!keepsUnknown) changed = dropIdleNulls(object, schema) || changed;
      return setDefaults(object, 'left-out') || changed;
    },
    readConverted: (object) => {
      pruned(object);
      if (!keepsUnknown) dropIdleNulls(object, schema);
    },
  };
}

interface Reading {
  readonly schema: JsonSchema;
  readonly defaults: JsonSchema;
  readonly keepsUnknown: boolean;
  readonly nulls: 'dropped' | 'kept' | undefined;
}

function decode(
  json: Record<string, unknown>,
  { schema, defaults, keepsUnknown, nulls }: Reading,
): ReturnType<OwnSchema['decode']> {
  refuseTooDeep(json);
  const unknownFields: string[] = [];
  const { value, unknownFields: inMeta } = decodeStructure('V1ObjectMeta', json['metadata'] ?? {}, ['metadata']);
  json['metadata'] = value as ObjectMeta;
  const dropped: string[] = [];
  if (!keepsUnknown) prune(json, schema, dropped);
  const droppedInside: string[] = [];
  coerceEmbedded(json, schema, droppedInside);
  unknownFields.push(...inMeta, ...dropped.sort(), ...droppedInside.sort());
  const object = json as DynamicObject;
  if (!keepsUnknown) {
    if (nulls !== 'kept') dropIdleNulls(object, schema);
    setSchemaDefaults(object, defaults);
  }
  return { object, unknownFields };
}

function refuseTooDeep(json: unknown): void {
  let level: object[] = isHolder(json) ? [json] : [];
  for (let depth = 0; level.length; depth++) {
    if (depth >= DEEPEST && level.some((holder) => Object.keys(holder).length)) throw new DecodeFailure('exceeded max depth');
    const next: object[] = [];
    for (const holder of level)
      for (const inner of Array.isArray(holder) ? holder : Object.values(holder)) if (isHolder(inner)) next.push(inner);
    level = next;
  }
}

const isHolder = (value: unknown): value is object => typeof value === 'object' && value !== null;
