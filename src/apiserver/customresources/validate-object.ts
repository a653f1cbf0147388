import { hasRules, type RuledValue, validateRules } from '../../api/apiextensions/rules/validate-rules.ts';
import { validateEmbeddedResources } from '../../api/apiextensions/schema/embedded-resources.ts';
import type { JsonSchema } from '../../api/apiextensions/schema/json-schema.ts';
import { validateListItemsInSteps } from '../../api/apiextensions/schema/list-items.ts';
import { relocate } from '../../api/apiextensions/schema/relocate.ts';
import { namesOfDottedPath, valueAt } from '../../api/apiextensions/schema/simple-path.ts';
import { validateValue, validateValueInSteps } from '../../api/apiextensions/schema/validate-value.ts';
import type { ScaleSubresource } from '../../api/apiextensions/v1/definition.ts';
import { invalidField } from '../../api/machinery/field-error.ts';
import { checkQualifiedName } from '../../api/machinery/names.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import { isExactInteger } from '../../std/exact-json.ts';
import type { Steps } from '../../std/pauses.ts';
import { accessorError, brokenPath } from './accessor-error.ts';

/** After these, rules would only repeat what is said already. */
const BLOCKING: ReadonlySet<FieldError['reason']> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

const NOT_CHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

export interface ObjectRules {
  readonly schema: JsonSchema;
  readonly scale: ScaleSubresource | undefined;
  /** Is told what is wrong and was before. */
  readonly warn: ((text: string) => void) | undefined;
}

/** Everything that an object must be to be stored (apiextensions-apiserver/pkg/registry/customresource/strategy.go). */
export function* validateObject(
  object: DynamicObject,
  { schema, scale, warn }: ObjectRules,
  old?: DynamicObject,
): Steps<FieldError[]> {
  const errors = yield* validateValueInSteps(withoutMeta(object), schemaWithoutMeta(schema), '', old && withoutMeta(old));
  errors.push(...validateMetadataNames(object, schema, old));
  errors.push(...validateScale(object, scale));
  errors.push(...validateEmbeddedResources(object, schema));
  // One by one: there may be more than a call takes as arguments.
  for (const error of yield* unlessBefore((value) => validateListItemsInSteps(value, schema), object, old)) errors.push(error);
  return [...errors, ...(yield* rulesUnlessBlocked(errors, { value: object, schema, path: '', old, isResource: true, warn }))];
}

/** A write of the status answers for the status alone. */
export function* validateStatus(
  object: DynamicObject,
  { schema, scale, warn }: ObjectRules,
  old: DynamicObject,
): Steps<FieldError[]> {
  const status = schema.properties?.['status'];
  const errors =
    status && object['status'] !== undefined
      ? relocate(yield* validateValueInSteps(object['status'], status, '', old['status']), 'status')
      : [];
  errors.push(...validateScale(object, scale, ['status']));
  // One by one: there may be more than a call takes as arguments.
  for (const error of yield* unlessBefore((value) => validateListItemsInSteps(value, schema), object, old)) errors.push(error);
  return [...errors, ...(yield* rulesUnlessBlocked(errors, { value: object, schema, path: '', old, isResource: true, warn }))];
}

function* rulesUnlessBlocked(errors: readonly FieldError[], checked: RuledValue): Steps<FieldError[]> {
  if (!hasRules(checked.schema)) return [];
  if (errors.some(({ reason }) => BLOCKING.has(reason))) return [invalidField('<nil>', null, NOT_CHECKED)];
  return yield* validateRules(checked);
}

/** What was wrong already is not held against an update. */
function* unlessBefore(
  check: (object: DynamicObject) => Steps<FieldError[]>,
  object: DynamicObject,
  old: DynamicObject | undefined,
): Steps<FieldError[]> {
  const errors = yield* check(object);
  return errors.length && old && (yield* check(old)).length ? [] : errors;
}

/** apiVersion, kind and metadata are checked by rules of their own, but for the names that a schema can restrict. */
function withoutMeta({ metadata: _m, ...rest }: DynamicObject): Record<string, unknown> {
  return { ...rest, metadata: {} };
}

/** What is known of schemas. A memo of a pure function: it changes no answer. */
const stripped = new WeakMap<JsonSchema, JsonSchema>();

function schemaWithoutMeta(schema: JsonSchema): JsonSchema {
  if (!schema.properties?.['metadata']) return schema;
  let made = stripped.get(schema);
  if (!made) {
    const { metadata: _, ...properties } = schema.properties;
    made = { ...schema, properties };
    stripped.set(schema, made);
  }
  return made;
}

function validateMetadataNames(object: DynamicObject, schema: JsonSchema, old: DynamicObject | undefined): FieldError[] {
  const restricted = schema.properties?.['metadata'];
  if (!restricted?.properties) return [];
  const namesOf = ({ metadata: { name, generateName } }: DynamicObject) => ({
    ...(name !== undefined && { name }),
    ...(generateName !== undefined && { generateName }),
  });
  return relocate(validateValue(namesOf(object), restricted, 'metadata', old && namesOf(old)), '').map((error) => ({
    ...error,
    field: error.field.replace(/^\./, ''),
  }));
}

const LARGEST_INT32 = 2 ** 31 - 1;

function validateScale(
  object: DynamicObject,
  scale: ScaleSubresource | undefined,
  parts: readonly string[] = ['spec', 'status'],
): FieldError[] {
  if (!scale) return [];
  const errors: FieldError[] = [];
  const check = (path: string, part: string) => {
    const names = namesOfDottedPath(path);
    if (!parts.includes(part)) return;
    const broken = brokenPath(object, names);
    const value = valueAt(object, names);
    const at = path;
    if (broken) errors.push(invalidField(at, 0, broken));
    if (value === undefined) return;
    if (!isExactInteger(value)) errors.push(invalidField(at, 0, accessorError(path, value, 'int64')));
    else if (value < 0) errors.push(invalidField(at, value, 'should be a non-negative integer'));
    else if (value > LARGEST_INT32) errors.push(invalidField(at, value, `should be less than or equal to ${LARGEST_INT32}`));
  };
  check(scale.specReplicasPath, 'spec');
  check(scale.statusReplicasPath, 'status');
  if (scale.labelSelectorPath) {
    const names = namesOfDottedPath(scale.labelSelectorPath);
    const { labelSelectorPath: path } = scale;
    const isAsked = parts.includes(names[0] ?? '');
    const value = isAsked ? valueAt(object, names) : undefined;
    const broken = isAsked ? brokenPath(object, names) : undefined;
    const other = value !== undefined && typeof value !== 'string' ? accessorError(path, value, 'string') : undefined;
    const why = broken ?? other;
    if (why) errors.push(invalidField(path, '', why));
  }
  return errors;
}

const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** What is said of finalizers that are added and might be somebody else's as well. */
export function finalizerWarnings({ metadata }: DynamicObject, old: DynamicObject | undefined): string[] {
  const known = new Set(old?.metadata.finalizers);
  const added = (metadata.finalizers ?? []).filter((each) => !known.has(each));
  return [...new Set(added)].sort().flatMap((finalizer) => {
    const named = `metadata.finalizers: ${JSON.stringify(finalizer)}: `;
    const complaints = checkQualifiedName(finalizer).map((complaint) => named + complaint);
    if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) return complaints;
    const including = finalizer.includes('.') ? ' including a path (/)' : '';
    const advice = `prefer a domain-qualified finalizer name${including} to avoid accidental conflicts with other finalizer writers`;
    return [...complaints, named + advice];
  });
}
