import { createHash } from 'node:crypto';
import { Pace, type Steps } from '../../std/pauses.ts';
import {
  type Operation,
  type OperationMethod,
  operationsOf,
  type Parameter,
  type ParameterReference,
  type PathItem,
} from './openapi-document.ts';

/** An operation whose parameters are all written out. */
export type WholeOperation = Omit<Operation, 'parameters'> & { parameters: readonly Parameter[] };

const isSame = (a: Parameter) => (b: Parameter) => a.name === b.name && a.in === b.in;
const byName = (a: Parameter, b: Parameter) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.in < b.in ? -1 : 1);

/** The operations of one path; what all of them take is said once, for the path. */
export function pathItemOf(operations: readonly (readonly [OperationMethod, WholeOperation])[]): PathItem {
  const [first, ...others] = operations.map(([, operation]) => operation);
  const shared = (first?.parameters ?? []).filter(
    (parameter) => parameter.in !== 'body' && others.every((operation) => operation.parameters.some(isSame(parameter))),
  );
  const item: PathItem = {};
  for (const [method, { parameters, ...operation }] of operations) {
    const own = parameters.filter((parameter) => !shared.some(isSame(parameter)));
    item[method] = own.length ? { ...operation, parameters: own } : operation;
  }
  if (shared.length) item.parameters = shared.sort(byName);
  return item;
}

/**
 * Kept where they are used: kubectl looks for the first two in operations and does not follow references, and the others differ from
 * kind to kind.
 */
const NEVER_SHARED = new Set(['dryRun', 'fieldValidation', 'name']);

/** So many paths are gone through between two pauses, some milliseconds. */
const PATHS = 200;

/** Bodies that are the same for every kind. */
const SHARED_BODIES = /\.(?:Patch|DeleteOptions)$/;

/**
 * Moves parameters that many operations take into the document's own list, under names like `limit-1NfNmdNH`, and refers to them there.
 * Changes `paths`.
 */
export function* shareParameters(paths: Readonly<Record<string, PathItem>>): Steps<Record<string, Parameter>> {
  const pace = new Pace(PATHS);
  const shared: Record<string, Parameter> = {};
  const share = (parameter: Parameter | ParameterReference): Parameter | ParameterReference => {
    if ('$ref' in parameter || NEVER_SHARED.has(parameter.name)) return parameter;
    if (parameter.in === 'body' && !SHARED_BODIES.test(parameter.schema?.$ref ?? '')) return parameter;
    const hash = createHash('sha256').update(JSON.stringify(parameter)).digest('base64url').slice(0, 8);
    const name = `${parameter.name}-${hash}`;
    shared[name] ??= parameter;
    return { $ref: `#/parameters/${name}` };
  };
  for (const item of Object.values(paths)) {
    if (item.parameters) item.parameters = item.parameters.map(share);
    for (const [, operation] of operationsOf(item))
      if (operation.parameters) operation.parameters = operation.parameters.map(share);
    if (pace.due(1)) yield;
  }
  return Object.fromEntries(Object.entries(shared).sort(([a], [b]) => (a < b ? -1 : 1)));
}
