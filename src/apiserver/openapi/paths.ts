import { apiVersionOf, type KindDefinition, type Verb } from '../../api/machinery/kind.ts';
import type { DefinitionNames } from './definitions.ts';
import type { Operation, OperationMethod, Parameter, PathItem, SchemaObject } from './openapi-document.ts';

const JSON_TYPES = ['application/json', 'application/yaml'];
const STRATEGIC = 'application/strategic-merge-patch+json';
const PATCH_TYPES = ['application/json-patch+json', 'application/merge-patch+json', STRATEGIC, 'application/apply-patch+yaml'];

const query = (name: string, type: Parameter['type'] = 'string'): Parameter => ({ name, in: 'query', type });
const pathParameter = (name: string, { kind }: KindDefinition): Parameter => ({
  name,
  in: 'path',
  ...(name === 'name' && { description: `name of the ${kind}` }),
  type: 'string',
  required: true,
});

const WRITE_QUERY = [query('dryRun'), query('fieldManager'), query('fieldValidation')];
const DELETE_QUERY = [
  query('dryRun'),
  query('gracePeriodSeconds', 'integer'),
  query('orphanDependents', 'boolean'),
  query('propagationPolicy'),
];
const LIST_QUERY = [
  query('allowWatchBookmarks', 'boolean'),
  query('continue'),
  query('fieldSelector'),
  query('labelSelector'),
  query('limit', 'integer'),
  query('resourceVersion'),
  query('resourceVersionMatch'),
  query('sendInitialEvents', 'boolean'),
  query('timeoutSeconds', 'integer'),
  query('watch', 'boolean'),
];

interface Shape {
  readonly verb: Verb;
  readonly method: OperationMethod;
  /** The word that operation ids begin with. */
  readonly word: string;
  readonly action: string;
  readonly query: readonly Parameter[];
  readonly body?: boolean;
}

const COLLECTION: readonly Shape[] = [
  { verb: 'list', method: 'get', word: 'list', action: 'list', query: LIST_QUERY },
  { verb: 'create', method: 'post', word: 'create', action: 'post', query: WRITE_QUERY, body: true },
  {
    verb: 'deletecollection',
    method: 'delete',
    word: 'deleteCollection',
    action: 'deletecollection',
    query: [...LIST_QUERY, ...DELETE_QUERY],
  },
];
const ITEM: readonly Shape[] = [
  { verb: 'get', method: 'get', word: 'read', action: 'get', query: [] },
  { verb: 'update', method: 'put', word: 'replace', action: 'put', query: WRITE_QUERY, body: true },
  {
    verb: 'patch',
    method: 'patch',
    word: 'patch',
    action: 'patch',
    query: [...WRITE_QUERY, query('force', 'boolean')],
    body: true,
  },
  { verb: 'delete', method: 'delete', word: 'delete', action: 'delete', query: DELETE_QUERY },
];

/** What parameters are for, by their name. */
export type ParameterNotes = Readonly<Record<string, string>>;

/** The paths of one kind and its part subresources, with the operations that it serves. */
export function buildPaths(kind: KindDefinition, names: DefinitionNames, notes: ParameterNotes): Record<string, PathItem> {
  const root = `${kind.group ? '/apis' : '/api'}/${apiVersionOf(kind)}`;
  const scope = kind.namespaced ? '/namespaces/{namespace}' : '';
  const collection = `${root}${scope}/${kind.resource}`;
  const item = `${collection}/{name}`;
  const paths: Record<string, PathItem> = {};
  const put = (at: string, shapes: readonly Shape[], verbs: readonly Verb[], suffix = '') => {
    const served = shapes.filter((shape) => verbs.includes(shape.verb));
    if (!served.length) return;
    paths[at] = Object.fromEntries(
      served.map((shape) => [shape.method, describe(operation(kind, shape, names, at, suffix), notes)]),
    );
  };
  put(collection, COLLECTION, kind.verbs);
  if (kind.namespaced) put(`${root}/${kind.resource}`, COLLECTION.slice(0, 1), kind.verbs, 'ForAllNamespaces');
  put(item, ITEM, kind.verbs);
  for (const part of kind.parts)
    put(`${item}/${part.name}`, ITEM, part.verbs, part.name.charAt(0).toUpperCase() + part.name.slice(1));
  return paths;
}

function describe(operation: Operation, notes: ParameterNotes): Operation {
  const described = (parameter: Parameter): Parameter =>
    parameter.in !== 'body' && !parameter.description && Object.hasOwn(notes, parameter.name)
      ? { ...parameter, description: notes[parameter.name]! }
      : parameter;
  return { ...operation, parameters: operation.parameters.map(described) };
}

function operation(kind: KindDefinition, shape: Shape, names: DefinitionNames, at: string, suffix: string): Operation {
  const self: SchemaObject = { $ref: `#/definitions/${names.of(kind.schema)}` };
  const answer =
    shape.verb === 'list'
      ? { $ref: `#/definitions/${names.ofList(kind)}` }
      : shape.method === 'delete'
        ? { $ref: `#/definitions/${names.of('V1Status')}` }
        : self;
  const group = kind.group ? kind.group.split('.')[0]! : 'core';
  const inPath = [...at.matchAll(/\{(\w+)\}/g)].map((match) => pathParameter(match[1]!, kind));
  return {
    operationId: `${shape.word}${capital(group)}${capital(kind.version)}${kind.namespaced && !suffix.startsWith('ForAll') ? 'Namespaced' : ''}${kind.kind}${suffix}`,
    description: `${shape.word} ${kind.kind}`,
    tags: [`${group}_${kind.version}`],
    consumes: shape.verb === 'patch' ? PATCH_TYPES.filter((type) => !kind.ownSchema || type !== STRATEGIC) : JSON_TYPES,
    produces: shape.verb === 'list' ? [...JSON_TYPES, 'application/json;stream=watch'] : JSON_TYPES,
    parameters: [
      ...(shape.body
        ? [
            {
              name: 'body',
              in: 'body',
              required: true,
              schema: shape.verb === 'patch' ? { type: 'object' } : self,
            } satisfies Parameter,
          ]
        : []),
      ...inPath,
      ...shape.query,
    ],
    responses: { 200: { description: 'OK', schema: answer }, 401: { description: 'Unauthorized' } },
    'x-kubernetes-action': shape.action,
    'x-kubernetes-group-version-kind': { group: kind.group, version: kind.version, kind: kind.kind },
  };
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
