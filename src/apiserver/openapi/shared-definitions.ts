import type { SchemaObject } from './openapi-document.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const APIEXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
const RAW_EXTENSION = 'io.k8s.apimachinery.pkg.runtime.RawExtension';

/** Definitions of values that are no structures, with what they are. */
const VALUE_DEFINITIONS: Readonly<Record<string, SchemaObject>> = {
  [QUANTITY]: { type: 'string' },
  [INT_OR_STRING]: { type: 'string', format: 'int-or-string' },
  [RAW_EXTENSION]: { type: 'object' },
  [`${META}.Time`]: { type: 'string', format: 'date-time' },
  [`${META}.MicroTime`]: { type: 'string', format: 'date-time' },
  [`${META}.FieldsV1`]: { type: 'object' },
  [`${META}.Patch`]: { type: 'object' },
  [`${APIEXTENSIONS}.JSON`]: {},
  [`${APIEXTENSIONS}.JSONSchemaPropsOrArray`]: {},
  [`${APIEXTENSIONS}.JSONSchemaPropsOrBool`]: {},
  [`${APIEXTENSIONS}.JSONSchemaPropsOrStringArray`]: {},
  [`${APIEXTENSIONS}.CustomResourceSubresourceStatus`]: { type: 'object' },
};

/** Where version 3 can say more: which types a value may have. */
const IN_V3: Readonly<Record<string, SchemaObject>> = {
  [QUANTITY]: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  [INT_OR_STRING]: { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
};

/** The definition of a value that is no structure. */
export const valueDefinition = (name: string, form: 'v2' | 'v3'): SchemaObject =>
  (form === 'v3' ? IN_V3[name] : undefined) ?? VALUE_DEFINITIONS[name] ?? {};

const SCALARS: Readonly<Record<string, SchemaObject>> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
};

const VALUES: Readonly<Record<string, string>> = {
  time: `${META}.Time`,
  'micro-time': `${META}.MicroTime`,
  quantity: QUANTITY,
  'int-or-string': INT_OR_STRING,
};

/** What a field holds whose type says only that it may be anything. */
const ANYTHING: Readonly<Record<string, string>> = {
  'V1ManagedFieldsEntry.fieldsV1': `${META}.FieldsV1`,
  'V1CustomResourceSubresources.status': `${APIEXTENSIONS}.CustomResourceSubresourceStatus`,
  'V1JSONSchemaProps.additionalItems': `${APIEXTENSIONS}.JSONSchemaPropsOrBool`,
  'V1JSONSchemaProps.additionalProperties': `${APIEXTENSIONS}.JSONSchemaPropsOrBool`,
  'V1JSONSchemaProps.default': `${APIEXTENSIONS}.JSON`,
  'V1JSONSchemaProps.dependencies': `${APIEXTENSIONS}.JSONSchemaPropsOrStringArray`,
  'V1JSONSchemaProps.enum': `${APIEXTENSIONS}.JSON`,
  'V1JSONSchemaProps.example': `${APIEXTENSIONS}.JSON`,
  'V1JSONSchemaProps.items': `${APIEXTENSIONS}.JSONSchemaPropsOrArray`,
};

/** The schema of a field that holds no structure: in place, or the name of one of `VALUE_DEFINITIONS`. */
export function valueSchema(type: string, owner: string, field: string): SchemaObject | string | undefined {
  if (type === 'any') return ANYTHING[`${owner}.${field}`] ?? RAW_EXTENSION;
  return SCALARS[type] ?? VALUES[type];
}
