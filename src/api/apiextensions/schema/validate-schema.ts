import { isJsonMap } from '../../machinery/clone.ts';
import { addErrors, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { child, index, key } from './field-path.ts';
import { isEmbedded, itemsOf, type JsonSchema, META_FIELDS, propertyOf, valuesOf } from './json-schema.ts';
import { checkRuleTexts, type RuleChecks, type RulePlace } from './rule-texts.ts';
import { shownItems, shownSchema } from './shown-schema.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/** What is told along on the way down. */
interface Place {
  readonly path: string;
  readonly isRoot?: boolean;
  /** Why defaults are forbidden here. */
  readonly noDefaults?: string;
  readonly insideMeta?: boolean;
  /** Where rules are checked; undefined inside of logical combinations. */
  readonly rules?: RulePlace | undefined;
}

/** Keywords and extensions in the wrong place or with the wrong values (…/apiextensions/validation/validation.go). */
export function validateSchema(schema: JsonSchema, path: string, rules?: RuleChecks): FieldError[] {
  const errors: FieldError[] = [];
  const ruleErrors: FieldError[] = [];
  check(schema, { path, isRoot: true, rules: rules?.root(schema, path) }, errors, ruleErrors);
  if (rules) addErrors(ruleErrors, rules.total(path));
  return [...errors, ...ruleErrors];
}

function check(schema: JsonSchema, place: Place, errors: FieldError[], ruleErrors: FieldError[]): void {
  const { path } = place;
  const before = errors.length;
  checkKeywords(schema, place, errors);
  if (schema.uniqueItems)
    errors.push(
      forbiddenField(
        child(path, 'uniqueItems'),
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  checkBelow(schema, place, errors, ruleErrors);
  checkMapType(schema, path, errors);
  checkListType(schema, path, errors);
  if (!schema['x-kubernetes-validations']?.length) return;
  checkRuleTexts(schema, path, errors);
  if (errors.length === before && place.rules) addErrors(ruleErrors, place.rules.check());
}

function checkKeywords(schema: JsonSchema, { path, noDefaults, insideMeta }: Place, errors: FieldError[]): void {
  const { type } = schema;
  if (type && !TYPES.includes(type)) errors.push(notSupportedField(child(path, 'type'), type, TYPES));
  if (schema.default !== undefined && noDefaults)
    errors.push(forbiddenField(child(path, 'default'), `must not be set ${noDefaults}`));
  const unsupported = (name: string, given: boolean) => {
    if (given) errors.push(forbiddenField(child(path, name), `${name} is not supported`));
  };
  unsupported('id', !!schema.id);
  unsupported('additionalItems', schema.additionalItems !== undefined);
  unsupported('patternProperties', Object.keys(schema.patternProperties ?? {}).length > 0);
  unsupported('definitions', Object.keys(schema.definitions ?? {}).length > 0);
  unsupported('dependencies', schema.dependencies !== undefined);
  unsupported('$ref', schema.$ref !== undefined);
  if (type === 'null')
    errors.push(forbiddenField(child(path, 'type'), 'type cannot be set to null, use nullable as an alternative'));
  if (Array.isArray(schema.items))
    errors.push(forbiddenField(child(path, 'items'), 'items must be a schema object and not an array'));
  if (insideMeta && isEmbedded(schema))
    errors.push(forbiddenField(child(path, 'x-kubernetes-embedded-resource'), 'must not be used inside of resource meta'));
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    errors.push(invalidField(child(path, 'x-kubernetes-preserve-unknown-fields'), false, 'must be true or undefined'));
}

function checkBelow(schema: JsonSchema, place: Place, errors: FieldError[], ruleErrors: FieldError[]): void {
  const { path, rules } = place;
  const inner: Place = { ...place, isRoot: false, rules: undefined };
  const values = valuesOf(schema);
  if (schema.additionalProperties !== undefined && Object.keys(schema.properties ?? {}).length)
    if (schema.additionalProperties === false || values)
      errors.push(
        forbiddenField(child(path, 'additionalProperties'), 'additionalProperties and properties are mutual exclusive'),
      );
  if (values) {
    const noDefaults = place.insideMeta ? 'inside additionalProperties applying to object metadata' : place.noDefaults;
    const at = child(path, 'additionalProperties');
    check(
      values,
      { ...inner, path: at, ...(noDefaults && { noDefaults }), rules: rules?.values(values, at) },
      errors,
      ruleErrors,
    );
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const at = key(child(path, 'properties'), name);
    const meta = (place.isRoot || isEmbedded(schema)) && META_FIELDS.has(name);
    const more = meta && { insideMeta: true, ...(place.isRoot && { noDefaults: `in top-level ${name}` }) };
    check(property, { ...inner, path: at, ...more, rules: rules?.property(property, name, at) }, errors, ruleErrors);
  }
  const combined = (each: JsonSchema, at: string) => check(each, { ...inner, path: at }, errors, ruleErrors);
  if (schema.not) combined(schema.not, child(path, 'not'));
  for (const name of ['allOf', 'oneOf', 'anyOf'] as const)
    schema[name]?.forEach((each, i) => {
      combined(each, index(child(path, name), i));
    });
  const items = itemsOf(schema);
  if (items) {
    const at = child(path, 'items');
    check(items, { ...inner, path: at, rules: rules?.items(items, at) }, errors, ruleErrors);
  }
}

function checkMapType(schema: JsonSchema, path: string, errors: FieldError[]): void {
  const mapType = schema['x-kubernetes-map-type'];
  if (mapType === undefined) return;
  requireType(schema, 'object', 'x-kubernetes-map-type', path, errors);
  if (mapType !== 'atomic' && mapType !== 'granular')
    errors.push(notSupportedField(child(path, 'x-kubernetes-map-type'), mapType, ['atomic', 'granular']));
}

function requireType(schema: JsonSchema, type: string, keyword: string, path: string, errors: FieldError[]): void {
  if (schema.type === type) return;
  const why = `must be ${type} if ${keyword} is specified`;
  const at = child(path, 'type');
  errors.push(schema.type ? invalidField(at, schema.type, why) : requiredField(at, why));
}

function checkListType(schema: JsonSchema, path: string, errors: FieldError[]): void {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const items = itemsOf(schema);
  const typeAt = child(path, 'x-kubernetes-list-type');
  if (listType !== undefined) {
    requireType(schema, 'array', 'x-kubernetes-list-type', path, errors);
    if (schema.type === 'array' && listType === 'set' && items) checkSetItems(items, path, errors);
    if (!['atomic', 'set', 'map'].includes(listType)) errors.push(notSupportedField(typeAt, listType, ['atomic', 'set', 'map']));
  }
  if (keys.length && listType !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(listType === undefined ? requiredField(typeAt, why) : invalidField(typeAt, listType, why));
  }
  if (listType === 'map') checkMapItems(schema, items, path, errors);
  if (items && (listType === 'map' || listType === 'set')) {
    if (items.nullable)
      errors.push(
        forbiddenField(child(path, 'items', 'nullable'), `cannot be nullable when x-kubernetes-list-type is ${listType}`),
      );
    if (listType === 'map') checkKeyProperties(items, keys, path, errors);
  }
}

function checkSetItems(items: JsonSchema, path: string, errors: FieldError[]): void {
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const listType = items['x-kubernetes-list-type'];
  if (items.type === 'array' && listType !== undefined && listType !== 'atomic')
    errors.push(invalidField(child(path, 'items', 'x-kubernetes-list-type'), listType, why));
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic')
    errors.push(invalidField(child(path, 'items', 'x-kubernetes-map-type'), listType ?? null, why));
}

function checkMapItems(schema: JsonSchema, items: JsonSchema | undefined, path: string, errors: FieldError[]): void {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const keysAt = child(path, 'x-kubernetes-list-map-keys');
  if (!keys.length) errors.push(requiredField(keysAt, 'must not be empty if x-kubernetes-list-type is map'));
  if (schema.items === undefined)
    errors.push(requiredField(child(path, 'items'), 'must have a schema if x-kubernetes-list-type is map'));
  else if (!items)
    errors.push(
      invalidField(
        child(path, 'items'),
        shownItems(schema.items),
        'must only have a single schema if x-kubernetes-list-type is map',
      ),
    );
  else if (items.type !== 'object')
    errors.push(
      invalidField(
        child(path, 'items', 'type'),
        items.type ?? '',
        "must be object if parent array's x-kubernetes-list-type is map",
      ),
    );
  else {
    const seen = new Set<string>();
    for (const name of keys) {
      const property = propertyOf(items, name);
      if (!property) errors.push(invalidField(keysAt, keys, 'entries must all be names of item properties'));
      else if (property.type === 'array' || property.type === 'object')
        errors.push(
          invalidField(
            child(key(child(path, 'items', 'properties'), name), 'type'),
            items.type,
            "must be a scalar type if parent array's x-kubernetes-list-type is map",
          ),
        );
      if (seen.has(name)) errors.push(invalidField(keysAt, keys, 'must not contain duplicate entries'));
      seen.add(name);
    }
  }
}

function checkKeyProperties(items: JsonSchema, keys: readonly string[], path: string, errors: FieldError[]): void {
  const required = new Set(items.required);
  for (const name of keys) {
    const property = propertyOf(items, name);
    if (!property) continue;
    const at = key(child(path, 'items', 'properties'), name);
    if (!required.has(name) && property.default === undefined)
      errors.push(
        requiredField(
          child(at, 'default'),
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        ),
      );
    if (property.nullable)
      errors.push(
        forbiddenField(child(at, 'nullable'), 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'),
      );
  }
}

/** For what a status subresource allows at the root: it validates the status by itself. */
const AT_ROOT = new Map<string, string>(
  (
    'description type format title maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems ' +
    'uniqueItems multipleOf required items properties externalDocs example'
  )
    .split(' ')
    .map((name) => [name, name[0]!.toUpperCase() + name.slice(1)] as const)
    .concat([
      ['x-kubernetes-preserve-unknown-fields', 'XPreserveUnknownFields'],
      ['x-kubernetes-validations', 'XValidations'],
    ]),
);

/** What the root of a schema may say where there is a status subresource, and everywhere. */
export function validateRoot(schema: JsonSchema, path: string, hasStatus: boolean): FieldError[] {
  const errors: FieldError[] = [];
  for (const [name, value] of hasStatus ? Object.entries(schema) : []) {
    if (isZero(value)) continue;
    if (name === 'type' && value !== 'object')
      errors.push(
        invalidField(
          `${path}.type`,
          value,
          'only "object" is allowed as the type at the root of the schema if the status subresource is enabled',
        ),
      );
    else if (AT_ROOT.has(name)) continue;
    else
      errors.push(
        invalidField(
          path,
          shownSchema(schema),
          `only [${[...AT_ROOT.values()].join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`,
        ),
      );
    break;
  }
  if (schema.nullable) errors.push(forbiddenField(`${path}.nullable`, 'nullable cannot be true at the root'));
  return errors;
}

const isZero = (value: unknown) =>
  value === undefined ||
  value === false ||
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  (isJsonMap(value) && Object.keys(value).length === 0);
