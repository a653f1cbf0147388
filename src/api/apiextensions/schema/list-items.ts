import { exactJsonText } from '../../../std/exact-json.ts';
import { isJsonMap } from '../../machinery/clone.ts';
import { duplicateField, invalidField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { child, index, key as keyed } from './field-path.ts';
import { itemsOf, type JsonSchema, propertyOf, someSchema, valuesOf } from './json-schema.ts';

/** What is known of schemas. A memo of a pure function: it changes no answer. */
const withRules = new WeakMap<JsonSchema, boolean>();

function hasListRules(schema: JsonSchema): boolean {
  let known = withRules.get(schema);
  if (known === undefined) {
    known = someSchema(schema, (each) => {
      const type = each['x-kubernetes-list-type'];
      return type === 'set' || type === 'map';
    });
    withRules.set(schema, known);
  }
  return known;
}

/** Items that are there twice in sets and lists by key (…/schema/listtype/validation.go). */
export function validateListItems(value: unknown, schema: JsonSchema, path = ''): FieldError[] {
  const errors: FieldError[] = [];
  if (hasListRules(schema)) check(value, schema, path, errors);
  return errors;
}

function check(value: unknown, schema: JsonSchema | undefined, path: string, errors: FieldError[]): void {
  if (!schema) return;
  if (Array.isArray(value)) {
    const type = schema['x-kubernetes-list-type'];
    if (type === 'set') checkSet(value, path, errors);
    else if (type === 'map') checkKeys(value, schema['x-kubernetes-list-map-keys'] ?? [], path, errors);
    const items = itemsOf(schema);
    if (items)
      value.forEach((item, i) => {
        check(item, items, index(path, i), errors);
      });
  } else if (isJsonMap(value)) {
    const values = valuesOf(schema);
    for (const name of Object.keys(value)) {
      const property = propertyOf(schema, name);
      if (property) check(value[name], property, child(path, name), errors);
      else if (values) check(value[name], values, keyed(path, name), errors);
    }
  }
}

function checkSet(list: readonly unknown[], path: string, errors: FieldError[]): void {
  tellTwice(
    list,
    (item) => (typeof item === 'string' ? textId(item) : canonical(item)),
    (item, i) => errors.push(duplicateField(index(path, i), byName(item))),
  );
}

function checkKeys(list: readonly unknown[], keys: readonly string[], path: string, errors: FieldError[]): void {
  const stray = list.findIndex((item) => item !== null && !isJsonMap(item));
  if (stray >= 0) {
    errors.push(invalidField(index(path, stray), byName(list[stray]), 'must be an object for an array of list-type map'));
    return;
  }
  const keyOf = (item: unknown): Record<string, unknown> =>
    Object.fromEntries(keys.flatMap((name) => (isJsonMap(item) && Object.hasOwn(item, name) ? [[name, item[name]]] : [])));
  const only = keys.length === 1 ? keys[0]! : undefined;
  const idOf = (item: unknown) => {
    const single = only !== undefined && isJsonMap(item) && Object.hasOwn(item, only) ? item[only] : undefined;
    return typeof single === 'string' ? textId(single) : canonical(keyOf(item));
  };
  tellTwice(list, idOf, (item, i) => errors.push(duplicateField(index(path, i), byName(keyOf(item)))));
}

/** Most items of long lists are named by a text: nothing else has an id that begins so. */
const textId = (text: string) => `"${text}`;

/** Each value that is there again is told once, at its second place. */
function tellTwice(list: readonly unknown[], idOf: (value: unknown) => string, tell: (value: unknown, at: number) => void): void {
  const seen = new Map<string, number>();
  list.forEach((item, i) => {
    const id = idOf(item);
    const times = (seen.get(id) ?? 0) + 1;
    seen.set(id, times);
    if (times === 2) tell(item, i);
  });
}

/** With the keys of maps in the order in which Go shows them. */
export function byName(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(byName);
  if (!isJsonMap(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, byName(value[name])]),
  );
}

/** The same text for the same JSON, whatever the order of fields. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isJsonMap(value)) return exactJsonText(value) ?? 'null';
  const fields = Object.keys(value).sort();
  return `{${fields.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join()}}`;
}
