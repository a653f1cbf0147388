/** The parts of an OpenAPI document that Muster writes, in version 2's shape; version 3 is derived from it. */

export interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

export interface SchemaObject {
  $ref?: string;
  description?: string;
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  format?: string;
  enum?: readonly string[];
  /** In version 3 only. */
  oneOf?: readonly SchemaObject[];
  items?: SchemaObject;
  properties?: Record<string, SchemaObject>;
  additionalProperties?: SchemaObject | boolean;
  required?: string[];
  /** In version 3 only: what a field that is left out counts as. */
  default?: unknown;
  'x-kubernetes-group-version-kind'?: GroupVersionKind[];
  'x-kubernetes-selectable-fields'?: readonly { readonly fieldPath: string }[];
  'x-kubernetes-patch-merge-key'?: string;
  'x-kubernetes-patch-strategy'?: string;
  'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-unions'?: { discriminator?: string; 'fields-to-discriminateBy': Record<string, string> }[];
}

/** Where a parameter is written out once for many operations. */
export interface ParameterReference {
  $ref: string;
}

export interface Parameter {
  name: string;
  in: 'query' | 'path' | 'body';
  description?: string;
  required?: boolean;
  type?: 'string' | 'boolean' | 'integer';
  uniqueItems?: boolean;
  schema?: SchemaObject;
}

export interface Operation {
  operationId: string;
  description: string;
  tags: string[];
  /** Absent where there is no body to speak of. */
  consumes?: readonly string[];
  produces: readonly string[];
  schemes: readonly 'https'[];
  parameters?: (Parameter | ParameterReference)[];
  responses: Record<string, { description: string; schema?: SchemaObject }>;
  'x-kubernetes-action'?: string;
  'x-kubernetes-group-version-kind'?: GroupVersionKind;
}

export type OperationMethod = 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch';

/** The operations of one path, and the parameters that all of them take. */
export type PathItem = Partial<Record<OperationMethod, Operation>> & {
  parameters?: (Parameter | ParameterReference)[];
};

export interface SwaggerDocument {
  swagger: '2.0';
  info: { title: string; version: string };
  paths: Record<string, PathItem>;
  definitions: Record<string, SchemaObject>;
  parameters?: Record<string, Parameter>;
  security: readonly Record<string, readonly string[]>[];
  securityDefinitions: Record<string, { type: 'apiKey'; name: string; in: 'header'; description: string }>;
}

/** The operations of a path by their method. */
export function operationsOf({ parameters: _, ...operations }: PathItem): [OperationMethod, Operation][] {
  return Object.entries(operations) as [OperationMethod, Operation][];
}
