import { equalJson } from '../../machinery/clone.ts';
import { forbiddenField, invalidField, requiredField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { child, index, key } from './field-path.ts';
import { isEmbedded, isIntOrString, itemsOf, type JsonSchema, preservesUnknown, propertyOf, valuesOf } from './json-schema.ts';
import { patternError } from './pattern.ts';

type Level = 'root' | 'item' | 'field';

const EMPTY_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

/**
 * What keeps a schema from being structural (…/apiserver/schema/validation.go): every field has one type that is said outside of
 * logical combinations, and combinations restrict values only. Sorted, as upstream.
 */
export function validateStructure(schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  checkInvariants(schema, 'root', path, errors);
  checkComplete(schema, path, errors);
  const text = ({ field, message }: FieldError) => `${field}: ${message}`;
  return errors.sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

function checkInvariants(schema: JsonSchema, level: Level, path: string, errors: FieldError[]): void {
  const items = itemsOf(schema);
  if (schema.type === 'array' && !schema.items) errors.push(requiredField(child(path, 'items'), 'must be specified'));
  if (items) checkInvariants(items, 'item', child(path, 'items'), errors);
  for (const [name, inner] of Object.entries(schema.properties ?? {}))
    checkInvariants(inner, 'field', key(child(path, 'properties'), name), errors);
  if (schema.additionalProperties !== undefined) {
    if (level === 'root') errors.push(forbiddenField(child(path, 'additionalProperties'), 'must not be used at the root'));
    const values = valuesOf(schema);
    if (values) checkInvariants(values, 'field', child(path, 'additionalProperties'), errors);
  }
  checkExtensions(schema, path, errors);
  const anyAt = intOrStringAt(schema);
  checkValidation(schema, { path, anyAt }, errors);
  checkType(schema, level, path, errors);
  checkMeta(schema, level, path, errors);
}

function checkExtensions(schema: JsonSchema, path: string, errors: FieldError[]): void {
  if (!isIntOrString(schema)) return;
  for (const name of ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const)
    if (schema[name]) errors.push(invalidField(child(path, name), true, 'must be false if x-kubernetes-int-or-string is true'));
}

function checkType(schema: JsonSchema, level: Level, path: string, errors: FieldError[]): void {
  const { type = '' } = schema;
  const at = child(path, 'type');
  if (isEmbedded(schema) && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type === '' ? requiredField(at, why) : invalidField(at, type, why));
  } else if (type === '' && !isIntOrString(schema) && !preservesUnknown(schema)) {
    errors.push(requiredField(at, EMPTY_TYPE[level]));
  }
  if (isEmbedded(schema) && schema.additionalProperties !== undefined)
    errors.push(forbiddenField(child(path, 'additionalProperties'), 'must not be used if x-kubernetes-embedded-resource is set'));
  if (level === 'root' && type !== '' && type !== 'object') errors.push(invalidField(at, type, 'must be object at the root'));
}

function checkMeta(schema: JsonSchema, level: Level, path: string, errors: FieldError[]): void {
  const properties = child(path, 'properties');
  if (level === 'root' || isEmbedded(schema)) {
    for (const name of ['kind', 'apiVersion']) {
      const property = propertyOf(schema, name);
      if (property && property.type !== 'string')
        errors.push(invalidField(child(key(properties, name), 'type'), property.type ?? '', 'must be string'));
    }
    const metadata = propertyOf(schema, 'metadata');
    const at = key(properties, 'metadata');
    if (metadata && metadata.type !== 'object')
      errors.push(invalidField(child(at, 'type'), metadata.type ?? '', 'must be object'));
    if (metadata && level === 'root' && saysMore(metadata))
      errors.push(
        forbiddenField(at, 'must not specify anything other than name and generateName, but metadata is implicitly specified'),
      );
  }
  if (isEmbedded(schema) && !preservesUnknown(schema) && !Object.keys(schema.properties ?? {}).length)
    errors.push(
      requiredField(
        properties,
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    );
}

/** Whether the root's metadata says more than how names look. */
function saysMore({ type: _t, default: _d, properties, ...rest }: JsonSchema): boolean {
  if (Object.values(rest).some((value) => value !== undefined && value !== false)) return true;
  return Object.keys(properties ?? {}).some((name) => name !== 'name' && name !== 'generateName');
}

const INT_OR_STRING_ANY = [{ type: 'integer' }, { type: 'string' }];

/** Where a schema spells out what x-kubernetes-int-or-string means, which it may. */
function intOrStringAt(schema: JsonSchema): 'anyOf' | 'allOf' | undefined {
  if (equalJson(schema.anyOf, INT_OR_STRING_ANY)) return 'anyOf';
  return equalJson(schema.allOf?.[0]?.anyOf, INT_OR_STRING_ANY) ? 'allOf' : undefined;
}

interface ValidationPlace {
  readonly path: string;
  readonly anyAt?: 'anyOf' | 'allOf' | undefined;
}

/** The logical combinations of a schema, and its pattern. */
function checkValidation(schema: JsonSchema, { path, anyAt }: ValidationPlace, errors: FieldError[]): void {
  if (anyAt !== 'anyOf')
    schema.anyOf?.forEach((inner, i) => {
      checkNested(inner, { path: index(child(path, 'anyOf'), i) }, errors);
    });
  schema.allOf?.forEach((inner, i) => {
    const skip = anyAt === 'allOf' && i === 0;
    checkNested(inner, { path: index(child(path, 'allOf'), i), ...(skip && { anyAt: 'anyOf' }) }, errors);
  });
  schema.oneOf?.forEach((inner, i) => {
    checkNested(inner, { path: index(child(path, 'oneOf'), i) }, errors);
  });
  if (schema.not) checkNested(schema.not, { path: child(path, 'not') }, errors);
  const why = schema.pattern ? patternError(schema.pattern) : undefined;
  if (why !== undefined)
    errors.push(invalidField(child(path, 'pattern'), schema.pattern, `must be a valid regular expression, but isn't: ${why}`));
}

/** What may not stand inside a logical combination. */
const FORBIDDEN_INSIDE = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
] as const;

function checkNested(schema: JsonSchema, place: ValidationPlace, errors: FieldError[]): void {
  const { path } = place;
  checkValidation(schema, place, errors);
  const items = itemsOf(schema);
  if (items) checkNested(items, { path: child(path, 'items') }, errors);
  for (const [name, inner] of Object.entries(schema.properties ?? {}))
    checkNested(inner, { path: key(child(path, 'properties'), name) }, errors);
  for (const [name, why] of FORBIDDEN_INSIDE) if (isSaid(schema[name], name)) errors.push(forbiddenField(child(path, name), why));
  if (propertyOf(schema, 'metadata'))
    errors.push(forbiddenField(key(child(path, 'properties'), 'metadata'), 'must not be specified in a nested context'));
}

function isSaid(value: unknown, name: string): boolean {
  if (value === undefined) return false;
  if (value === '') return name === 'x-kubernetes-list-type' || name === 'x-kubernetes-map-type';
  if (value === false) return name === 'default';
  return !(Array.isArray(value) && value.length === 0);
}

/**
 * What combinations at the root speak of must be there outside of them (…/schema/complete.go). Those of fields and items are let be, as
 * upstream: it looks no further down than the combinations themselves lead.
 */
function checkComplete(schema: JsonSchema, path: string, errors: FieldError[]): void {
  checkCombined(schema, schema, { at: path, skeleton: path }, errors);
}

interface CombinedPlace {
  /** Where the skeleton's part is missing. */
  readonly skeleton: string;
  readonly at: string;
}

function checkCombined(validation: JsonSchema, skeleton: JsonSchema, place: CombinedPlace, errors: FieldError[]): void {
  const inside = (inner: JsonSchema, at: string) => checkSkeleton(inner, skeleton, { ...place, at }, errors);
  if (validation.not) inside(validation.not, child(place.at, 'not'));
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const)
    validation[name]?.forEach((inner, i) => {
      inside(inner, index(child(place.at, name), i));
    });
}

function checkSkeleton(nested: JsonSchema, skeleton: JsonSchema, place: CombinedPlace, errors: FieldError[]): void {
  checkCombined(nested, skeleton, place, errors);
  const follow = (inner: JsonSchema, known: JsonSchema | undefined, at: CombinedPlace) => {
    if (known) checkSkeleton(inner, known, at, errors);
    else errors.push(requiredField(at.skeleton, `because it is defined in ${at.at}`));
  };
  const items = itemsOf(nested);
  if (items) follow(items, itemsOf(skeleton), { at: child(place.at, 'items'), skeleton: child(place.skeleton, 'items') });
  for (const [name, inner] of Object.entries(nested.properties ?? {}))
    follow(inner, propertyOf(skeleton, name), {
      at: key(child(place.at, 'properties'), name),
      skeleton: key(child(place.skeleton, 'properties'), name),
    });
}
