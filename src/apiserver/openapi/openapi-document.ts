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
  items?: SchemaObject;
  properties?: Record<string, SchemaObject>;
  /** A boolean in version 3 only. */
  additionalProperties?: SchemaObject | boolean;
  required?: string[];
  'x-kubernetes-group-version-kind'?: GroupVersionKind[];
  'x-kubernetes-patch-merge-key'?: string;
  'x-kubernetes-patch-strategy'?: string;
  'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
}

export interface Parameter {
  name: string;
  in: 'query' | 'path' | 'body';
  description?: string;
  required?: boolean;
  type?: 'string' | 'boolean' | 'integer';
  schema?: SchemaObject;
}

export interface Operation {
  operationId: string;
  description: string;
  tags: string[];
  consumes: string[];
  produces: string[];
  parameters: Parameter[];
  responses: Record<string, { description: string; schema?: SchemaObject }>;
  'x-kubernetes-action': string;
  'x-kubernetes-group-version-kind'?: GroupVersionKind;
}

export type OperationMethod = 'get' | 'put' | 'post' | 'delete' | 'patch';

export type PathItem = Partial<Record<OperationMethod, Operation>>;

export interface SwaggerDocument {
  swagger: '2.0';
  info: { title: string; version: string };
  paths: Record<string, PathItem>;
  definitions: Record<string, SchemaObject>;
}
