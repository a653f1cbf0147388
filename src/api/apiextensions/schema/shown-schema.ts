/** How schemas are shown in errors: as the JSON of Go's structures, which have names of their own and say what is not there. */

import { itemsOf, type JsonSchema, type ValidationRule, valuesOf } from './json-schema.ts';
import { byName } from './list-items.ts';

/** Fields in Go's order: what is there in JSON, and what stands there when it is not. */
const FIELDS: readonly (readonly [keyof JsonSchema, string, unknown])[] = [
  ['id', 'ID', ''],
  ['$schema', 'Schema', ''],
  ['$ref', 'Ref', null],
  ['description', 'Description', ''],
  ['type', 'Type', ''],
  ['nullable', 'Nullable', false],
  ['format', 'Format', ''],
  ['title', 'Title', ''],
  ['default', 'Default', null],
  ['maximum', 'Maximum', null],
  ['exclusiveMaximum', 'ExclusiveMaximum', false],
  ['minimum', 'Minimum', null],
  ['exclusiveMinimum', 'ExclusiveMinimum', false],
  ['maxLength', 'MaxLength', null],
  ['minLength', 'MinLength', null],
  ['pattern', 'Pattern', ''],
  ['maxItems', 'MaxItems', null],
  ['minItems', 'MinItems', null],
  ['uniqueItems', 'UniqueItems', false],
  ['multipleOf', 'MultipleOf', null],
  ['enum', 'Enum', null],
  ['maxProperties', 'MaxProperties', null],
  ['minProperties', 'MinProperties', null],
  ['required', 'Required', null],
  ['items', 'Items', null],
  ['allOf', 'AllOf', null],
  ['oneOf', 'OneOf', null],
  ['anyOf', 'AnyOf', null],
  ['not', 'Not', null],
  ['properties', 'Properties', null],
  ['additionalProperties', 'AdditionalProperties', null],
  ['patternProperties', 'PatternProperties', null],
  ['dependencies', 'Dependencies', null],
  ['additionalItems', 'AdditionalItems', null],
  ['definitions', 'Definitions', null],
  ['externalDocs', 'ExternalDocs', null],
  ['example', 'Example', null],
  ['x-kubernetes-preserve-unknown-fields', 'XPreserveUnknownFields', null],
  ['x-kubernetes-embedded-resource', 'XEmbeddedResource', false],
  ['x-kubernetes-int-or-string', 'XIntOrString', false],
  ['x-kubernetes-list-map-keys', 'XListMapKeys', null],
  ['x-kubernetes-list-type', 'XListType', null],
  ['x-kubernetes-map-type', 'XMapType', null],
  ['x-kubernetes-validations', 'XValidations', null],
];

/** A schema as Go's JSONSchemaProps. */
export function shownSchema(schema: JsonSchema): Record<string, unknown> {
  return Object.fromEntries(FIELDS.map(([name, shown, missing]) => [shown, shownField(schema, name) ?? missing]));
}

function shownField(schema: JsonSchema, name: keyof JsonSchema): unknown {
  const value = schema[name];
  if (value === undefined) return undefined;
  switch (name) {
    case 'items':
      return shownItems(schema.items);
    case 'additionalProperties':
    case 'additionalItems': {
      const values = name === 'additionalProperties' ? valuesOf(schema) : valuesOf({ additionalProperties: schema[name]! });
      return { Allows: value !== false, Schema: values ? shownSchema(values) : null };
    }
    case 'not':
      return shownSchema(schema.not!);
    case 'allOf':
    case 'oneOf':
    case 'anyOf':
      return schema[name]!.map(shownSchema);
    case 'properties':
    case 'patternProperties':
    case 'definitions':
      return Object.fromEntries(
        Object.entries(schema[name]!)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, inner]) => [key, shownSchema(inner)]),
      );
    case 'externalDocs':
      return { Description: schema.externalDocs?.description ?? '', URL: schema.externalDocs?.url ?? '' };
    case 'x-kubernetes-validations':
      return schema[name]!.map(shownRule);
    default:
      return byName(value);
  }
}

/** As Go's JSONSchemaPropsOrArray. */
export function shownItems(items: JsonSchema['items']): Record<string, unknown> {
  const one = itemsOf({ ...(items !== undefined && { items }) });
  return {
    Schema: one ? shownSchema(one) : null,
    JSONSchemas: Array.isArray(items) ? (items as readonly JsonSchema[]).map(shownSchema) : null,
  };
}

/** As Go's ValidationRule. */
export const shownRule = (rule: ValidationRule): Record<string, unknown> => ({
  Rule: rule.rule ?? '',
  Message: rule.message ?? '',
  MessageExpression: rule.messageExpression ?? '',
  Reason: rule.reason ?? null,
  FieldPath: rule.fieldPath ?? '',
  OptionalOldSelf: rule.optionalOldSelf ?? null,
});
