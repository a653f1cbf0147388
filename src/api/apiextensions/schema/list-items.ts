import { exactJsonText } from '../../../std/exact-json.ts';
import { Pace, runAtOnce, type Steps } from '../../../std/pauses.ts';
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
  return runAtOnce(validateListItemsInSteps(value, schema, path));
}

/** The same, with a pause after so many items. */
export function* validateListItemsInSteps(value: unknown, schema: JsonSchema, path = ''): Steps<FieldError[]> {
  const errors: FieldError[] = [];
  yield* check(value, schema, path, { errors, pace: new Pace(ITEMS) });
  return errors;
}

/** So many are looked at between two pauses: some milliseconds. */
const ITEMS = 4096;

interface Checking {
  readonly errors: FieldError[];
  readonly pace: Pace;
}

function* check(value: unknown, schema: JsonSchema | undefined, path: string, checking: Checking): Steps<void> {
  if (!schema || !hasListRules(schema)) return;
  if (Array.isArray(value)) {
    const type = schema['x-kubernetes-list-type'];
    if (type === 'set') yield* checkSet(value, path, checking);
    else if (type === 'map') yield* checkKeys(value, schema['x-kubernetes-list-map-keys'] ?? [], path, checking);
    const items = itemsOf(schema);
    if (items && hasListRules(items))
      for (const [i, item] of value.entries()) yield* check(item, items, index(path, i), checking);
  } else if (isJsonMap(value)) {
    const values = valuesOf(schema);
    for (const name of Object.keys(value)) {
      const property = propertyOf(schema, name);
      if (property) yield* check(value[name], property, child(path, name), checking);
      else if (values) yield* check(value[name], values, keyed(path, name), checking);
    }
  }
}

function* checkSet(list: readonly unknown[], path: string, checking: Checking): Steps<void> {
  const idOf = (item: unknown) => (typeof item === 'string' ? textId(item) : canonical(item));
  yield* tell(yield* secondPlaces(list, idOf, checking.pace), (place) => byName(list[place]), path, checking);
}

function* checkKeys(list: readonly unknown[], keys: readonly string[], path: string, checking: Checking): Steps<void> {
  const stray = list.findIndex((item) => item !== null && !isJsonMap(item));
  if (stray >= 0) {
    checking.errors.push(
      invalidField(index(path, stray), byName(list[stray]), 'must be an object for an array of list-type map'),
    );
    return;
  }
  const known = new Set(keys);
  const keyOf = (item: unknown): Record<string, unknown> => {
    if (!isJsonMap(item)) return {};
    const names = Object.keys(item);
    // Of many keys, an item may have few.
    const own =
      names.length < keys.length ? names.filter((name) => known.has(name)) : keys.filter((name) => Object.hasOwn(item, name));
    return Object.fromEntries(own.map((name) => [name, item[name]]));
  };
  const only = keys.length === 1 ? keys[0]! : undefined;
  const idOf = (item: unknown) => {
    const single = only !== undefined && isJsonMap(item) && Object.hasOwn(item, only) ? item[only] : undefined;
    return typeof single === 'string' ? textId(single) : canonical(keyOf(item));
  };
  yield* tell(yield* secondPlaces(list, idOf, checking.pace), (place) => byName(keyOf(list[place])), path, checking);
}

function* tell(
  places: readonly number[],
  shown: (place: number) => unknown,
  path: string,
  { errors, pace }: Checking,
): Steps<void> {
  for (const place of places) {
    errors.push(duplicateField(index(path, place), shown(place)));
    if (pace.due(1)) yield;
  }
}

/** Most items of long lists are named by a text: nothing else has an id that begins so. */
const textId = (text: string) => `"${text}`;

/** Where values stand that are there again: each once, at its second place. */
function* secondPlaces(list: readonly unknown[], idOf: (value: unknown) => string, pace: Pace): Steps<number[]> {
  const seen = new Map<string, number>();
  const places: number[] = [];
  for (const [i, item] of list.entries()) {
    const id = idOf(item);
    const times = (seen.get(id) ?? 0) + 1;
    seen.set(id, times);
    if (times === 2) places.push(i);
    if (pace.due(1)) yield;
  }
  return places;
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
