import { cloneJson, isJsonMap, type JsonMap, setField } from '../../machinery/clone.ts';
import { itemsOf, type JsonSchema, propertyOf, someSchema, valuesOf } from './json-schema.ts';

/** Null where null is no value: as good as not there. */
const isIdleNull = (value: unknown, schema: JsonSchema | undefined) => value === null && schema !== undefined && !schema.nullable;

/**
 * Fills in what is missing, in place (…/schema/defaulting). A default is set where its parent is there, and defaults inside it apply as
 * to what is given; it takes the place of a null that is no value.
 *
 * @returns whether anything was changed
 */
export const setSchemaDefaults = (value: unknown, schema: JsonSchema): boolean => hasDefaults(schema) && fill(value, schema);

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

function fill(value: unknown, schema: JsonSchema | undefined): boolean {
  if (!schema) return false;
  let changed = false;
  if (isJsonMap(value)) {
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      if (property.default === undefined) continue;
      if (Object.hasOwn(value, name) && !isIdleNull(value[name], property)) continue;
      setField(value, name, cloneJson(property.default));
      changed = true;
    }
    const values = valuesOf(schema);
    for (const name of Object.keys(value)) {
      const property = propertyOf(schema, name);
      if (!property && isIdleNull(value[name], values) && values!.default !== undefined) {
        setField(value, name, cloneJson(values!.default));
        changed = true;
      }
      changed = fill(value[name], property ?? values) || changed;
    }
  } else if (Array.isArray(value)) {
    const items = itemsOf(schema);
    for (let i = 0; i < value.length; i++) {
      if (isIdleNull(value[i], items) && items!.default !== undefined) {
        value[i] = cloneJson(items!.default);
        changed = true;
      }
      changed = fill(value[i], items) || changed;
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
