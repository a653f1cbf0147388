import { cloneJson, equalJson } from '../../machinery/clone.ts';
import { invalidField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { child, key } from './field-path.ts';
import { isEmbedded, itemsOf, type JsonSchema, META_FIELDS } from './json-schema.ts';
import { validateListItems } from './list-items.ts';
import { prune, pruneInner } from './prune.ts';
import { relocate } from './relocate.ts';
import { validateValue } from './validate-value.ts';

/** What else is asked of a default: rules, embedded metadata. */
export type DefaultCheck = (value: unknown, schema: JsonSchema, path: string) => FieldError[];

/**
 * Defaults must be values that their schemas take, with nothing in them that would be pruned (…/schema/defaulting/validation.go).
 */
export function validateDefaults(schema: JsonSchema, path: string, more: DefaultCheck): FieldError[] {
  const errors: FieldError[] = [];
  check(schema, path, { more, insideMeta: false, isRoot: true }, errors);
  return errors;
}

interface Place {
  readonly more: DefaultCheck;
  readonly insideMeta: boolean;
  readonly isRoot: boolean;
}

function check(schema: JsonSchema, path: string, place: Place, errors: FieldError[]): void {
  const asResource = isEmbedded(schema);
  const insideMeta = place.insideMeta && !asResource;
  if (schema.default !== undefined && !insideMeta) errors.push(...checkDefault(schema, child(path, 'default'), place.more));
  const inner = { more: place.more, insideMeta, isRoot: false };
  const items = itemsOf(schema);
  if (items) check(items, child(path, 'items'), inner, errors);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const meta = (asResource || place.isRoot) && META_FIELDS.has(name);
    check(property, key(child(path, 'properties'), name), { ...inner, insideMeta: insideMeta || meta }, errors);
  }
}

function checkDefault(schema: JsonSchema, path: string, more: DefaultCheck): FieldError[] {
  const given = schema.default;
  const pruned = cloneJson(given);
  if (isEmbedded(schema) && typeof pruned === 'object' && pruned !== null && !Array.isArray(pruned))
    prune(pruned as Record<string, unknown>, schema);
  else pruneInner(pruned, schema);
  const unknown = equalJson(pruned, given) ? [] : [invalidField(path, given, 'must not have unknown fields')];
  const found = relocate(validateValue(given, schema), path);
  return [...unknown, ...(found.length ? found : [...validateListItems(given, schema, path), ...more(given, schema, path)])];
}
