import type { GroupVersionKind, Operation, Parameter, SchemaObject } from './openapi-document.ts';
import { capital, idPrefix, tagOf } from './operation-names.ts';
import type { WholeOperation } from './path-item.ts';
import {
  CUSTOM_GET_QUERY,
  DELETE_COLLECTION_QUERY,
  DELETE_QUERY,
  LIST_QUERY,
  PATCH_QUERY,
  type ParameterNotes,
  PRETTY,
  pathParameters,
  WRITE_QUERY,
  withNote,
} from './query-parameters.ts';

const JSON_TYPES = ['application/json', 'application/yaml'];
const ALL_TYPES = [...JSON_TYPES, 'application/vnd.kubernetes.protobuf'];
const WATCH_TYPES = [...ALL_TYPES, 'application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];
const STRATEGIC = 'application/strategic-merge-patch+json';
const PATCH_TYPES = ['application/json-patch+json', 'application/merge-patch+json', STRATEGIC, 'application/apply-patch+yaml'];
const ANY_TYPE = ['*/*'];
const HTTPS = ['https'] as const;
const META = '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.';

/** What can be done at a path, in the words of `x-kubernetes-action`. */
export type Action = 'list' | 'post' | 'deletecollection' | 'get' | 'put' | 'patch' | 'delete' | 'watch' | 'watchlist';

/** What an operation is about. */
export interface Target {
  /** The group and version that serve it, and the kind that descriptions and ids name. */
  readonly served: GroupVersionKind;
  /** What is sent and answered; `served` where nothing else is said. */
  readonly object?: GroupVersionKind;
  readonly path: string;
  /** Below `namespaces/{namespace}`. */
  readonly namespaced: boolean;
  /** `status`, for an operation on part of an object. */
  readonly subresource?: string;
  /** What stands behind the kind in ids instead: `ForAllNamespaces`. */
  readonly suffix?: string;
  /** References to the object's definition, to its list's and to that of what a deletion answers. */
  readonly schema: SchemaObject;
  readonly list?: SchemaObject;
  readonly deleted?: SchemaObject;
  /** Objects that have only JSON's forms, and no strategic patches. */
  readonly custom?: boolean;
  readonly watchable?: boolean;
}

const IDS: Readonly<Record<Action, string>> = {
  list: 'list',
  post: 'create',
  deletecollection: 'delete',
  get: 'read',
  put: 'replace',
  patch: 'patch',
  delete: 'delete',
  watch: 'watch',
  watchlist: 'watch',
};
const QUERIES: Readonly<Record<Action, readonly Parameter[]>> = {
  list: LIST_QUERY,
  post: WRITE_QUERY,
  deletecollection: DELETE_COLLECTION_QUERY,
  get: [],
  put: WRITE_QUERY,
  patch: PATCH_QUERY,
  delete: DELETE_QUERY,
  watch: LIST_QUERY,
  watchlist: LIST_QUERY,
};
/** Of custom resources, for which upstream takes the whole of the options. */
const CUSTOM_QUERIES: Readonly<Partial<Record<Action, readonly Parameter[]>>> = {
  deletecollection: LIST_QUERY,
  get: CUSTOM_GET_QUERY,
};
/** Answers besides 200. */
const CODES: Readonly<Partial<Record<Action, readonly number[]>>> = { post: [201, 202], put: [201], patch: [201], delete: [202] };
const SAID: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

const DEPRECATED_WATCH = "deprecated: use the 'watch' parameter with a list operation instead";

/** `a Pod`, `an Ingress`; plurals have no article. */
function withArticle(kind: string): string {
  if (/[^s]s$/.test(kind)) return kind;
  return `${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

function descriptionOf(action: Action, { served: { kind }, subresource, custom, watchable }: Target): string {
  const part = subresource ? `${subresource} of ` : '';
  switch (action) {
    case 'list':
      return `list ${watchable && !custom ? 'or watch ' : ''}objects of kind ${kind}`;
    case 'post':
      return `create ${part}${withArticle(kind)}`;
    case 'deletecollection':
      return `delete collection of ${kind}`;
    case 'get':
      return `read ${part}the specified ${kind}`;
    case 'put':
      return `replace ${part}the specified ${kind}`;
    case 'patch':
      return `partially update ${part}the specified ${kind}`;
    case 'delete':
      return `delete ${withArticle(kind)}`;
    case 'watch':
      return `watch changes to an object of kind ${kind}. ${DEPRECATED_WATCH}, filtered to a single item with the 'fieldSelector' parameter.`;
    case 'watchlist':
      return `watch individual changes to a list of ${kind}. ${DEPRECATED_WATCH}.`;
  }
}

/** `readCoreV1NamespacedPodStatus`, `deleteCoreV1CollectionNamespacedPod`, `watchCoreV1PodListForAllNamespaces`. */
function idOf(action: Action, target: Target): string {
  const { served, namespaced, subresource = '', suffix = '' } = target;
  const collection = action === 'deletecollection' ? 'Collection' : '';
  const list = action === 'watchlist' ? 'List' : '';
  return `${IDS[action]}${idPrefix(served)}${collection}${namespaced ? 'Namespaced' : ''}${served.kind}${capital(subresource)}${list}${suffix}`;
}

/** Writes the operations that read and write objects; those of a document share the notes on their parameters. */
export class OperationWriter {
  readonly #noted = new Map<Parameter, Parameter>();
  readonly #notes: ParameterNotes;

  constructor(notes: ParameterNotes) {
    this.#notes = notes;
  }

  write(action: Action, target: Target): WholeOperation {
    const { served, object = served, path } = target;
    return {
      operationId: idOf(action, target),
      description: descriptionOf(action, target),
      tags: [tagOf(served)],
      consumes: consumedBy(action, target),
      produces: producedBy(action, target),
      schemes: HTTPS,
      parameters: [
        ...bodyOf(action, target),
        ...this.noted((target.custom && CUSTOM_QUERIES[action]) || QUERIES[action]),
        ...pathParameters(path, object.kind).map((parameter) => withNote(parameter, this.#notes)),
        ...this.noted(PRETTY),
      ],
      responses: responsesOf(action, target),
      'x-kubernetes-action': action,
      'x-kubernetes-group-version-kind': { group: object.group, kind: object.kind, version: object.version },
    };
  }

  /** An operation that is passed on, or answers with text. */
  writeOther(
    target: Target,
    operation: Pick<Operation, 'operationId' | 'description' | 'produces'> & { action: string },
    query: readonly Parameter[],
  ): WholeOperation {
    const { served, object = served, path } = target;
    const { action, ...named } = operation;
    return {
      ...named,
      tags: [tagOf(served)],
      consumes: ANY_TYPE,
      schemes: HTTPS,
      parameters: [
        ...this.noted(query),
        ...pathParameters(path, object.kind).map((parameter) => withNote(parameter, this.#notes)),
      ],
      responses: { 200: { description: 'OK', schema: { type: 'string' } }, 401: { description: 'Unauthorized' } },
      'x-kubernetes-action': action,
      'x-kubernetes-group-version-kind': { group: object.group, kind: object.kind, version: object.version },
    };
  }

  noted(parameters: readonly Parameter[]): Parameter[] {
    return parameters.map((parameter) => {
      let noted = this.#noted.get(parameter);
      if (!noted) {
        noted = withNote(parameter, this.#notes);
        this.#noted.set(parameter, noted);
      }
      return noted;
    });
  }
}

function consumedBy(action: Action, { custom }: Target): readonly string[] {
  if (action === 'patch') return custom ? PATCH_TYPES.filter((type) => type !== STRATEGIC) : PATCH_TYPES;
  return custom ? JSON_TYPES : ANY_TYPE;
}

function producedBy(action: Action, { custom }: Target): readonly string[] {
  if (custom) return JSON_TYPES;
  return action === 'list' || action === 'watch' || action === 'watchlist' ? WATCH_TYPES : ALL_TYPES;
}

function bodyOf(action: Action, { schema, custom }: Target): Parameter[] {
  const body = (of: SchemaObject, required?: true): Parameter[] => [
    { name: 'body', in: 'body', ...(required && { required }), schema: of },
  ];
  if (action === 'post' || action === 'put') return body(schema, true);
  if (action === 'patch') return body({ $ref: `${META}Patch` }, true);
  if (action === 'delete' || (action === 'deletecollection' && !custom)) return body({ $ref: `${META}DeleteOptions` });
  return [];
}

function responsesOf(action: Action, { schema, list, deleted, custom }: Target): Operation['responses'] {
  const status = { $ref: `${META}Status` };
  const answers: Readonly<Partial<Record<Action, SchemaObject>>> = {
    ...(list && { list }),
    delete: deleted ?? status,
    deletecollection: status,
    watch: { $ref: `${META}WatchEvent` },
    watchlist: { $ref: `${META}WatchEvent` },
  };
  const more = custom && action === 'patch' ? [] : (CODES[action] ?? []);
  const answer = answers[action] ?? schema;
  return {
    ...Object.fromEntries([200, ...more].map((code) => [code, { description: SAID[code]!, schema: answer }])),
    401: { description: 'Unauthorized' },
  };
}
