/** RFC 6902, with the limits and errors of the API server's patch handler. */

import { exactJsonText } from '../../std/exact-json.ts';
import { cloneJson, equalJson, isJsonMap, setField } from '../machinery/clone.ts';
import { goJsonType } from '../machinery/json-syntax.ts';
import { badRequest, requestEntityTooLarge, StatusError } from '../machinery/status-error.ts';

const MOST_OPERATIONS = 10_000;
/** What all copies together may add: forty copies of a document into itself would fill any memory (--json-patch-max-copy-bytes). */
const MOST_COPIED_BYTES = 3 * 1024 * 1024;

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** Upstream's answer to a patch that does not apply, which does not say why; the error's cause does. */
export function patchDoesNotApply(why: string, cause: unknown = new Error(why)): StatusError {
  return new StatusError(
    {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'the server rejected our request due to an error in our request',
      reason: 'Invalid',
      details: {},
      code: 422,
    },
    { cause },
  );
}

/**
 * The document after all operations; the given one stays as it is and shares nothing with the result. Throws 400 when the patch is no
 * patch, 413 when it is too long, and 422 when an operation does not apply.
 */
export function applyJsonPatch<T>(document: T, patch: unknown): T {
  if (!Array.isArray(patch))
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${goJsonType(patch)} into Go value of type []handlers.jsonPatchOp`,
    );
  if (patch.length > MOST_OPERATIONS)
    throw requestEntityTooLarge(`The allowed maximum operations in a JSON patch is ${MOST_OPERATIONS}, got ${patch.length}`);
  const operations = patch.map(parseOperation);
  // Operations work on a holder, so that the whole document can be replaced like any other value.
  const holder = { '': cloneJson(document) as unknown };
  const copied = { bytes: 0 };
  for (const operation of operations) apply(holder, operation, copied);
  return holder[''] as T;
}

function parseOperation(raw: unknown): Operation {
  if (!isJsonMap(raw))
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${goJsonType(raw)} into Go value of type handlers.jsonPatchOp`,
    );
  for (const field of ['op', 'path', 'from']) {
    const value = raw[field] ?? '';
    if (typeof value !== 'string')
      throw badRequest(
        `error decoding patch: json: cannot unmarshal ${goJsonType(value)} into Go struct field jsonPatchOp.${field} of type string`,
      );
  }
  const { op, path, from, value } = raw as { op?: string; path?: string; from?: string; value?: unknown };
  if (typeof path !== 'string') throw patchDoesNotApply('an operation needs a path');
  if ((op === 'move' || op === 'copy') && typeof from !== 'string') throw patchDoesNotApply(`${op} needs from`);
  return { op: op ?? '', path, from, value };
}

function apply(holder: object, operation: Operation, copied: { bytes: number }): void {
  const { op, path } = operation;
  switch (op) {
    case 'add':
      add(find(holder, path, op), newValue(operation));
      break;
    case 'remove':
      remove(find(holder, path, op));
      break;
    case 'replace':
      replace(find(holder, path, op), newValue(operation));
      break;
    case 'move': {
      const source = find(holder, operation.from!, op);
      const value = read(source, op);
      remove(source);
      add(find(holder, path, op), value);
      break;
    }
    case 'copy': {
      const value = read(find(holder, operation.from!, op), op);
      copied.bytes += exactJsonText(value).length;
      if (copied.bytes > MOST_COPIED_BYTES)
        throw patchDoesNotApply(
          `Unable to complete the copy, the accumulated size increase of copy is ${copied.bytes}, exceeding the limit ${MOST_COPIED_BYTES}`,
        );
      add(find(holder, path, op), cloneJson(value));
      break;
    }
    case 'test':
      check(find(holder, path, op), operation);
      break;
    default:
      throw patchDoesNotApply(`Unexpected kind: ${op}`);
  }
}

/** RFC 6902 demands a value; upstream's library takes a missing one for null. */
const newValue = ({ value }: Operation): unknown => cloneJson(value ?? null);

/** A map or list, and what of it is meant. */
interface Place {
  readonly parent: Record<string, unknown> | unknown[];
  readonly key: string;
  readonly path: string;
}

function find(holder: object, pointer: string, op: string): Place {
  const missing = () =>
    patchDoesNotApply(`${op} operation does not apply: doc is missing path: ${JSON.stringify(pointer)}: missing value`);
  if (pointer !== '' && !pointer.startsWith('/')) throw missing();
  const segments = pointer.split('/').map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
  let parent: unknown = holder;
  for (const segment of segments.slice(0, -1)) {
    if (Array.isArray(parent)) parent = parent[indexIn(parent, segment, pointer, parent.length - 1)];
    else parent = isJsonMap(parent) && Object.hasOwn(parent, segment) ? parent[segment] : undefined;
  }
  if (!isJsonMap(parent) && !Array.isArray(parent)) throw missing();
  return { parent, key: segments.at(-1)!, path: pointer };
}

function indexIn(list: readonly unknown[], segment: string, path: string, last: number): number {
  const index = /^(0|[1-9]\d*)$/.test(segment) ? Number(segment) : Number.NaN;
  if (!(index <= last))
    throw patchDoesNotApply(
      `Unable to access invalid index: ${segment} (${path}, length ${list.length}): invalid index referenced`,
    );
  return index;
}

function exists({ parent, key }: Place): boolean {
  return Array.isArray(parent) ? /^(0|[1-9]\d*)$/.test(key) && Number(key) < parent.length : Object.hasOwn(parent, key);
}

function read(place: Place, op: string): unknown {
  const { parent, key, path } = place;
  if (!exists(place)) throw patchDoesNotApply(`${op} operation does not apply: doc is missing from path: ${path}: missing value`);
  return Array.isArray(parent) ? parent[Number(key)] : parent[key];
}

function add({ parent, key, path }: Place, value: unknown): void {
  if (!Array.isArray(parent)) setField(parent, key, value);
  else parent.splice(key === '-' ? parent.length : indexIn(parent, key, path, parent.length), 0, value);
}

function remove(place: Place): void {
  const { parent, key, path } = place;
  if (Array.isArray(parent)) parent.splice(indexIn(parent, key, path, parent.length - 1), 1);
  else if (exists(place)) delete parent[key];
  else throw patchDoesNotApply(`remove operation does not apply: Unable to remove nonexistent key: ${key}: missing value`);
}

function replace(place: Place, value: unknown): void {
  const { parent, key, path } = place;
  if (!exists(place)) throw patchDoesNotApply(`replace operation does not apply: doc is missing key: ${path}: missing value`);
  if (Array.isArray(parent)) parent[Number(key)] = value;
  else setField(parent, key, value);
}

function check(place: Place, { path, value }: Operation): void {
  const actual = exists(place) ? read(place, 'test') : null;
  if (!equalJson(actual, value ?? null)) throw patchDoesNotApply(`testing value ${path} failed: test failed`);
}
