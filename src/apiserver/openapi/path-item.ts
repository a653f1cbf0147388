import { createHash } from 'node:crypto';
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

/** Bodies that are the same for every kind. */
const SHARED_BODIES = /\.(?:Patch|DeleteOptions)$/;

/** A document's own list of parameters that many operations take: they have names like `limit-1NfNmdNH` there, by which they are referred to. */
export class SharedParameters {
  readonly #parameters: Record<string, Parameter> = {};
  /** By their text: the same ones come with every kind. */
  readonly #references = new Map<string, ParameterReference>();

  /** The item with references instead of what is shared, which is changed for that. */
  replaceIn(item: PathItem): PathItem {
    if (item.parameters) item.parameters = item.parameters.map((each) => this.#share(each));
    for (const [, operation] of operationsOf(item))
      if (operation.parameters) operation.parameters = operation.parameters.map((each) => this.#share(each));
    return item;
  }

  /** By their names. */
  all(): Record<string, Parameter> {
    return Object.fromEntries(Object.entries(this.#parameters).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #share(parameter: Parameter | ParameterReference): Parameter | ParameterReference {
    if ('$ref' in parameter || NEVER_SHARED.has(parameter.name)) return parameter;
    if (parameter.in === 'body' && !SHARED_BODIES.test(parameter.schema?.$ref ?? '')) return parameter;
    const text = JSON.stringify(parameter);
    let reference = this.#references.get(text);
    if (!reference) {
      const name = `${parameter.name}-${createHash('sha256').update(text).digest('base64url').slice(0, 8)}`;
      this.#parameters[name] = parameter;
      reference = { $ref: `#/parameters/${name}` };
      this.#references.set(text, reference);
    }
    return reference;
  }
}
