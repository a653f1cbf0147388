import { cloneJson, equalJson, type JsonMap } from '../../machinery/clone.ts';
import { DecodeFailure } from '../../machinery/decode-scalar.ts';
import { addErrors, invalidField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { coerceEmbedded, validateEmbeddedResources } from './embedded-resources.ts';
import { child, key } from './field-path.ts';
import { isEmbedded, itemsOf, type JsonSchema, META_FIELDS } from './json-schema.ts';
import { validateListItems } from './list-items.ts';
import { prune, pruneInner } from './prune.ts';
import { relocate } from './relocate.ts';
import { objectAround, type Place } from './surrounding-object.ts';
import { validateValue } from './validate-value.ts';

/** What else is asked of a default: rules, embedded metadata. */
export type DefaultCheck = (value: unknown, schema: JsonSchema, path: string) => FieldError[];

/**
 * Defaults must be values that their schemas take, with nothing in them that would be pruned (…/schema/defaulting/validation.go).
 */
export function validateDefaults(schema: JsonSchema, path: string, more: DefaultCheck): FieldError[] {
  const errors: FieldError[] = [];
  const resource = { ...schema, 'x-kubernetes-embedded-resource': true };
  check(resource, path, { more, resource, place: [], insideMeta: false }, errors);
  return errors;
}

interface Surroundings {
  readonly more: DefaultCheck;
  /** The embedded resource that it is in, or the root. */
  readonly resource: JsonSchema;
  readonly place: Place;
  readonly insideMeta: boolean;
}

function check(schema: JsonSchema, path: string, around: Surroundings, errors: FieldError[]): void {
  const { more, resource, place, insideMeta } = isEmbedded(schema)
    ? { more: around.more, resource: schema, place: [], insideMeta: false }
    : around;
  const at = child(path, 'default');
  if (schema.default !== undefined)
    addErrors(errors, insideMeta ? checkMetaDefault(schema, at, { resource, place }) : checkDefault(schema, at, more));
  const items = itemsOf(schema);
  if (items) check(items, child(path, 'items'), { more, resource, place: [...place, null], insideMeta }, errors);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const inside = insideMeta || (isEmbedded(schema) && META_FIELDS.has(name));
    check(
      property,
      key(child(path, 'properties'), name),
      { more, resource, place: [...place, name], insideMeta: inside },
      errors,
    );
  }
}

/** A default of a resource's type or metadata is looked at in a resource that has nothing else. */
function checkMetaDefault(
  schema: JsonSchema,
  path: string,
  { resource, place }: Pick<Surroundings, 'resource' | 'place'>,
): FieldError[] {
  const given = schema.default;
  const invalid = (why: string) => [invalidField(path, given, `must result in valid metadata: ${why}`)];
  const object = { apiVersion: 'validation/v1', kind: 'Validation', ...(objectAround(cloneJson(given), place) as JsonMap) };
  try {
    coerceEmbedded(object, resource);
  } catch (error) {
    if (!(error instanceof DecodeFailure)) throw error;
    return invalid(error.message);
  }
  const wrong = [...new Set(validateEmbeddedResources(object, resource).map(({ field, message }) => `${field}: ${message}`))];
  if (wrong.length) return invalid(wrong.length > 1 ? `[${wrong.join(', ')}]` : wrong[0]!);
  return relocate(validateValue(given, schema), path);
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
