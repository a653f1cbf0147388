/** What a CustomResourceDefinition says of its objects (apiextensions/v1 JSONSchemaProps), as far as it may. */
import { isJsonMap } from '../../machinery/clone.ts';

export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

/** Never changed once it is in use: what is compiled of it is kept by its identity. */
export interface JsonSchema {
  readonly id?: string;
  readonly $schema?: string;
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly title?: string;
  readonly default?: unknown;
  readonly maximum?: number;
  readonly exclusiveMaximum?: boolean;
  readonly minimum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly maxLength?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly maxItems?: number;
  readonly minItems?: number;
  readonly uniqueItems?: boolean;
  readonly multipleOf?: number;
  readonly enum?: readonly unknown[];
  readonly maxProperties?: number;
  readonly minProperties?: number;
  readonly required?: readonly string[];
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly not?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly dependencies?: Readonly<Record<string, unknown>>;
  readonly additionalItems?: JsonSchema | boolean;
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
  readonly externalDocs?: { readonly description?: string; readonly url?: string };
  readonly example?: unknown;
  readonly nullable?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** Of an object where metadata, apiVersion and kind have rules of their own. */
export const META_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** The schema of a property that has one of its own. */
export function propertyOf(schema: JsonSchema, name: string): JsonSchema | undefined {
  const { properties } = schema;
  return properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** The schema of all items; undefined without one (or with a list of schemas, which is not supported). */
export function itemsOf({ items }: JsonSchema): JsonSchema | undefined {
  return isJsonMap(items) ? (items as JsonSchema) : undefined;
}

/** The schema of values under names that have no property. */
export function valuesOf({ additionalProperties }: JsonSchema): JsonSchema | undefined {
  return isJsonMap(additionalProperties) ? (additionalProperties as JsonSchema) : undefined;
}

export const preservesUnknown = (schema: JsonSchema) => schema['x-kubernetes-preserve-unknown-fields'] === true;
export const isEmbedded = (schema: JsonSchema) => schema['x-kubernetes-embedded-resource'] === true;
export const isIntOrString = (schema: JsonSchema) => schema['x-kubernetes-int-or-string'] === true;

/** Every schema right below this one. */
export function innerSchemas(schema: JsonSchema): readonly JsonSchema[] {
  const { items, not, dependencies, additionalItems } = schema;
  let inner: JsonSchema[] = [];
  const values = valuesOf(schema);
  if (values) inner.push(values);
  if (isJsonMap(additionalItems)) inner.push(additionalItems as JsonSchema);
  if (not) inner.push(not);
  if (isJsonMap(items)) inner.push(items as JsonSchema);
  else if (Array.isArray(items)) inner = inner.concat(items);
  for (const list of [schema.allOf, schema.anyOf, schema.oneOf]) if (list) inner = inner.concat(list);
  for (const map of [schema.properties, schema.patternProperties, schema.definitions])
    if (map) inner = inner.concat(Object.values(map));
  if (dependencies)
    for (const dependency of Object.values(dependencies)) if (isJsonMap(dependency)) inner.push(dependency as JsonSchema);
  return inner;
}

/** Whether the schema or one below it is like that. Never as deep as the stack: schemas may be deep. */
export function someSchema(schema: JsonSchema, is: (schema: JsonSchema) => boolean): boolean {
  const waiting = [schema];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (is(next)) return true;
    for (const inner of innerSchemas(next)) waiting.push(inner);
  }
  return false;
}

/** Schemas nested deeper are refused: what follows them down calls itself. */
export const DEEPEST_SCHEMA = 200;

export function isTooDeep(schema: JsonSchema): boolean {
  let level = [schema];
  for (let depth = 0; level.length; depth++) {
    if (depth > DEEPEST_SCHEMA) return true;
    level = level.flatMap(innerSchemas);
  }
  return false;
}
