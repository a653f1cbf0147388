import { exactJsonText } from '../../../std/exact-json.ts';
import { cloneJson, isJsonMap, type JsonMap, setField } from '../../machinery/clone.ts';
import { requestEntityTooLarge } from '../../machinery/status-error.ts';
import { itemsOf, type JsonSchema, propertyOf, someSchema, valuesOf } from './json-schema.ts';

/** Null where null is no value: as good as not there. */
const isIdleNull = (value: unknown, schema: JsonSchema | undefined) => value === null && schema !== undefined && !schema.nullable;

/** As much as a request may have: what a default of a few bytes comes to in each of many items, and within that again, has no bound. */
const MOST_DEFAULTS = 3 * 1024 * 1024;

/** What may still be filled in, in characters of JSON; what there is no room for is refused, or left out. */
interface Room {
  left: number;
  readonly refuses: boolean;
}

/**
 * Fills in what is missing, in place (…/schema/defaulting). A default is set where its parent is there, and defaults inside it apply as
 * to what is given; it takes the place of a null that is no value.
 *
 * @param tooMuch what lies in the store already is read all the same: `left-out` for that
 * @returns whether anything was changed
 * @throws StatusError 413 when all defaults together are larger than a request may be
 */
export const setSchemaDefaults = (value: unknown, schema: JsonSchema, tooMuch: 'refused' | 'left-out' = 'refused'): boolean =>
  hasDefaults(schema) && fill(value, schema, { left: MOST_DEFAULTS, refuses: tooMuch === 'refused' });

/** What is known of schemas. A memo of a pure function: it changes no answer. */
const withDefaults = new WeakMap<JsonSchema, boolean>();

function hasDefaults(schema: JsonSchema): boolean {
  let known = withDefaults.get(schema);
  if (known === undefined) {
    known = someSchema(schema, (each) => each.default !== undefined);
    withDefaults.set(schema, known);
  }
  return known;
}

/** How long defaults are as JSON. A memo of a pure function: it changes no answer. */
const sizes = new WeakMap<JsonSchema, number>();

function sizeOfDefault(schema: JsonSchema): number {
  let size = sizes.get(schema);
  if (size === undefined) {
    size = exactJsonText(schema.default).length;
    sizes.set(schema, size);
  }
  return size;
}

/** Whether there is room for the default of a schema, which is taken then. */
function takeRoom(schema: JsonSchema, room: Room): boolean {
  room.left -= sizeOfDefault(schema);
  if (room.left >= 0) return true;
  if (room.refuses)
    throw requestEntityTooLarge(`the defaults of its fields make the object more than ${MOST_DEFAULTS} bytes larger`);
  return false;
}

function fill(value: unknown, schema: JsonSchema | undefined, room: Room): boolean {
  if (!schema || !hasDefaults(schema)) return false;
  let changed = false;
  if (isJsonMap(value)) {
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      if (property.default === undefined) continue;
      if (Object.hasOwn(value, name) && !isIdleNull(value[name], property)) continue;
      if (!takeRoom(property, room)) continue;
      setField(value, name, cloneJson(property.default));
      changed = true;
    }
    const values = valuesOf(schema);
    for (const name of Object.keys(value)) {
      const property = propertyOf(schema, name);
      if (!property && isIdleNull(value[name], values) && values!.default !== undefined && takeRoom(values!, room)) {
        setField(value, name, cloneJson(values!.default));
        changed = true;
      }
      changed = fill(value[name], property ?? values, room) || changed;
    }
  } else if (Array.isArray(value)) {
    const items = itemsOf(schema);
    for (let i = 0; i < value.length; i++) {
      if (isIdleNull(value[i], items) && items!.default !== undefined && takeRoom(items!, room)) {
        value[i] = cloneJson(items!.default);
        changed = true;
      }
      changed = fill(value[i], items, room) || changed;
    }
  }
  return changed;
}

/**
 * Drops nulls that are no values, in place; those that a default would take the place of stay.
 *
 * @returns whether anything was changed
 */
export function dropIdleNulls(value: unknown, schema: JsonSchema | undefined): boolean {
  if (!schema) return false;
  let changed = false;
  if (isJsonMap(value)) {
    const values = valuesOf(schema);
    for (const name of Object.keys(value)) {
      const inner = propertyOf(schema, name) ?? values;
      if (isIdleNull(value[name], inner) && inner!.default === undefined) {
        delete (value as JsonMap)[name];
        changed = true;
      } else changed = dropIdleNulls(value[name], inner) || changed;
    }
  } else if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items) for (const item of value) changed = dropIdleNulls(item, items) || changed;
  }
  return changed;
}
