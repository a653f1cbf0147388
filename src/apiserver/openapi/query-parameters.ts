import type { Parameter } from './openapi-document.ts';

/** What the parameters of requests are for, by their name. */
export type ParameterNotes = Readonly<Record<string, string>>;

const INTEGERS = new Set(['gracePeriodSeconds', 'limit', 'limitBytes', 'ports', 'sinceSeconds', 'tailLines', 'timeoutSeconds']);
const BOOLEANS = new Set([
  'allowWatchBookmarks',
  'follow',
  'force',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
  'insecureSkipTLSVerifyBackend',
  'orphanDependents',
  'previous',
  'sendInitialEvents',
  'stderr',
  'stdin',
  'stdout',
  'timestamps',
  'tty',
  'watch',
]);

const named = (names: string): readonly Parameter[] =>
  names.split(' ').map((name) => ({
    name,
    in: 'query',
    type: INTEGERS.has(name) ? 'integer' : BOOLEANS.has(name) ? 'boolean' : 'string',
    uniqueItems: true,
  }));

export const PRETTY = named('pretty');
export const WRITE_QUERY = named('dryRun fieldManager fieldValidation');
export const PATCH_QUERY = named('dryRun fieldManager fieldValidation force');
export const DELETE_QUERY = named(
  'dryRun gracePeriodSeconds ignoreStoreReadErrorWithClusterBreakingPotential orphanDependents propagationPolicy',
);
export const LIST_QUERY = named(
  'allowWatchBookmarks continue fieldSelector labelSelector limit resourceVersion resourceVersionMatch sendInitialEvents shardSelector timeoutSeconds watch',
);
/** What reading one custom resource is said to take. */
export const CUSTOM_GET_QUERY = named('resourceVersion');
export const DELETE_COLLECTION_QUERY = named(
  'continue dryRun fieldSelector gracePeriodSeconds ignoreStoreReadErrorWithClusterBreakingPotential labelSelector limit orphanDependents propagationPolicy resourceVersion resourceVersionMatch sendInitialEvents shardSelector timeoutSeconds',
);

/** What subresources take that are no objects, by the kind of their options. */
export const OPTION_QUERIES: Readonly<Record<string, readonly Parameter[]>> = {
  PodAttachOptions: named('container stderr stdin stdout tty'),
  PodExecOptions: named('command container stderr stdin stdout tty'),
  PodPortForwardOptions: named('ports'),
  PodProxyOptions: named('path'),
  ServiceProxyOptions: named('path'),
  NodeProxyOptions: named('path'),
};
export const LOG_QUERY = named(
  'container follow insecureSkipTLSVerifyBackend limitBytes pretty previous sinceSeconds stream tailLines timestamps',
);

/** The parameters of a path like `/api/v1/namespaces/{namespace}/pods/{name}`. */
export function pathParameters(path: string, kind: string): Parameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    ...(name === 'name' && { description: `name of the ${kind}` }),
    ...(name === 'path' && { description: 'path to the resource' }),
    required: true,
    type: 'string',
    uniqueItems: true,
  }));
}

/** The parameter with what it is for, where that is known and it does not say it itself. */
export function withNote(parameter: Parameter, notes: ParameterNotes): Parameter {
  if (parameter.in === 'body' || parameter.description || !Object.hasOwn(notes, parameter.name)) return parameter;
  return { ...parameter, description: notes[parameter.name]! };
}
