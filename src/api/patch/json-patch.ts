/**
 * RFC 6902 as the library of the API server has it (json-patch v4), with the limits and errors of its patch handler. It takes more than
 * the RFC: replacing and copying what is not there, and indices that count from the end.
 */

import { exactJsonText } from '../../std/exact-json.ts';
import { Pace, runAtOnce, type Steps } from '../../std/pauses.ts';
import { cloneJson, equalJson, isJsonMap, setField } from '../machinery/clone.ts';
import { goJsonType } from '../machinery/json-syntax.ts';
import { badRequest, requestEntityTooLarge, StatusError } from '../machinery/status-error.ts';

/** Of one patch. */
export const MOST_OPERATIONS = 10_000;
/** What all copies together may add: forty copies of a document into itself would fill any memory (--json-patch-max-copy-bytes). */
const MOST_COPIED_BYTES = 3 * 1024 * 1024;

interface Operation {
  readonly op: string;
  readonly path: string | undefined;
  readonly from: string | undefined;
  readonly value: unknown;
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
  return runAtOnce(applyJsonPatchInSteps(document, patch));
}

/** The same, with a pause after so many operations, or after those that move much in long lists. */
export function* applyJsonPatchInSteps<T>(document: T, patch: unknown): Steps<T> {
  if (!Array.isArray(patch))
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${goJsonType(patch)} into Go value of type []handlers.jsonPatchOp`,
    );
  if (patch.length > MOST_OPERATIONS)
    throw requestEntityTooLarge(`The allowed maximum operations in a JSON patch is ${MOST_OPERATIONS}, got ${patch.length}`);
  return yield* applyAll(document, patch.map(parseOperation));
}

/** One operation as others wrote it; to the library, null is one without fields. */
export type PatchOperation = Readonly<Record<string, unknown>> | null;

/** The same past the patch handler, for patches that clients did not send: a field of a wrong type is one that is not there. */
export function applyPatchOperations<T>(document: T, patch: readonly PatchOperation[]): Steps<T> {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const operations = patch.map((raw) => {
    const { op, path, from, value } = raw ?? {};
    return { op: text(op) ?? 'unknown', path: text(path), from: text(from), value };
  });
  return applyAll(document, operations);
}

/** Items of lists that are moved between two pauses: some milliseconds. */
const MOVED_ITEMS = 2_000_000;
/** What a copied byte takes of them, and an operation besides. */
const COPIED_BYTE = 10;
const OPERATION = 2_000;

function* applyAll<T>(document: T, operations: readonly Operation[]): Steps<T> {
  // A holder, so that the whole document can be replaced.
  const holder: Holder = { document: cloneJson(document) as unknown, moved: 0 };
  const copied = { bytes: 0 };
  const pace = new Pace(MOVED_ITEMS);
  for (const operation of operations) {
    if (pace.due(OPERATION + holder.moved)) yield;
    holder.moved = 0;
    apply(holder, operation, copied);
  }
  return holder.document as T;
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
  return { op: op ?? 'unknown', path: path ?? undefined, from: from ?? undefined, value };
}

interface Holder {
  document: unknown;
  /** Items that had to make room, or filled it. */
  moved: number;
}

const heedMoved = (holder: Holder, { parent }: Place) => {
  if (Array.isArray(parent)) holder.moved += parent.length;
};

function apply(holder: Holder, operation: Operation, copied: { bytes: number }): void {
  const { op } = operation;
  switch (op) {
    case 'add': {
      const path = pathOf(operation);
      const place = find(holder, path) ?? missing(`add operation does not apply: doc is missing path: "${path}"`);
      heedMoved(holder, place);
      inside(`error in add for path: '${path}'`, () => add(place, newValue(operation)));
      break;
    }
    case 'remove': {
      const path = pathOf(operation);
      const place = find(holder, path) ?? missing(`remove operation does not apply: doc is missing path: "${path}"`);
      heedMoved(holder, place);
      inside(`error in remove for path: '${path}'`, () => remove(place));
      break;
    }
    case 'replace':
      replace(holder, operation);
      break;
    case 'move':
      move(holder, operation);
      break;
    case 'copy':
      copy(holder, operation, copied);
      break;
    case 'test':
      check(holder, operation);
      break;
    default:
      throw patchDoesNotApply(`Unexpected kind: ${op}`);
  }
}

/** Operations that do not say which of their fields is missing. */
const SILENT_ABOUT_PATHS: ReadonlySet<string> = new Set(['add', 'remove', 'copy']);

function pathOf({ op, path }: Operation): string {
  const why = SILENT_ABOUT_PATHS.has(op) ? '' : 'operation missing path field: ';
  return path ?? missing(`${op} operation failed to decode path`, why);
}

const fromOf = ({ op, from }: Operation): string =>
  from ?? missing(`${op} operation failed to decode from`, 'operation, missing from field: ');

function missing(what: string, why = ''): never {
  throw patchDoesNotApply(`${what}: ${why}missing value`);
}

/** Why a map or list does not take an operation, before it is known which. */
class Refusal extends Error {}

function inside<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) throw patchDoesNotApply(`${what}: ${error.message}`);
    throw error;
  }
}

/** RFC 6902 demands a value; upstream's library takes a missing one for null. */
const newValue = ({ value }: Operation): unknown => cloneJson(value ?? null);

/** A map or list, and what of it is meant. */
interface Place {
  readonly parent: Record<string, unknown> | unknown[];
  readonly key: string;
}

/** What stands before the first slash is not looked at; without one, nothing is meant. */
function find({ document }: Holder, pointer: string): Place | undefined {
  const segments = pointer.split('/').map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (segments.length < 2) return undefined;
  let parent: unknown = document;
  for (const segment of segments.slice(1, -1)) {
    if (!isContainer(parent)) return undefined;
    parent = lookUp({ parent, key: segment });
  }
  return isContainer(parent) ? { parent, key: segments.at(-1)! } : undefined;
}

const isContainer = (value: unknown): value is Place['parent'] => isJsonMap(value) || Array.isArray(value);

function lookUp(place: Place): unknown {
  try {
    return read(place);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** The number that a key of a list is, from its beginning. The length counts places, of which there is one more when something is added. */
function indexOf(key: string, length: number): number {
  const number = /^[+-]?\d+$/.test(key) ? Number(key) : Number.NaN;
  const wrong = Number.isNaN(number) ? 'invalid syntax' : Math.abs(number) >= 2 ** 63 ? 'value out of range' : undefined;
  if (wrong) throw new Refusal(`strconv.Atoi: parsing ${JSON.stringify(key)}: ${wrong}`);
  if (number >= length || number < -length)
    throw new Refusal(`Unable to access invalid index: ${BigInt(key.replace('+', ''))}: invalid index referenced`);
  return number < 0 ? number + length : Math.abs(number);
}

/** Null for what a map does not have. */
function read({ parent, key }: Place): unknown {
  if (Array.isArray(parent)) return parent[indexOf(key, parent.length)];
  return Object.hasOwn(parent, key) ? parent[key] : null;
}

function add({ parent, key }: Place, value: unknown): void {
  if (!Array.isArray(parent)) setField(parent, key, value);
  else if (key === '-') parent.push(value);
  else parent.splice(newIndex(key, parent.length + 1), 0, value);
}

function newIndex(key: string, length: number): number {
  try {
    return indexOf(key, length);
  } catch (error) {
    if (error instanceof Refusal && error.message.startsWith('strconv'))
      throw new Refusal(`value was not a proper array index: '${key}': ${error.message}`);
    throw error;
  }
}

function remove({ parent, key }: Place): void {
  if (Array.isArray(parent)) parent.splice(indexOf(key, parent.length), 1);
  else if (Object.hasOwn(parent, key)) delete parent[key];
  else throw new Refusal(`Unable to remove nonexistent key: ${key}: missing value`);
}

function replace(holder: Holder, operation: Operation): void {
  const path = pathOf(operation);
  const value = newValue(operation);
  if (path === '') {
    if (!isContainer(value)) throw patchDoesNotApply('replace operation value must be object or array');
    holder.document = value;
    return;
  }
  const place = find(holder, path) ?? missing(`replace operation does not apply: doc is missing path: ${path}`);
  const { parent, key } = place;
  if (!Array.isArray(parent)) setField(parent, key, value);
  else if (lookUp(place) === undefined) missing(`replace operation does not apply: doc is missing key: ${path}`);
  else parent[indexOf(key, parent.length)] = value;
}

function move(holder: Holder, operation: Operation): void {
  const from = fromOf(operation);
  const source = find(holder, from) ?? missing(`move operation does not apply: doc is missing from path: ${from}`);
  heedMoved(holder, source);
  const value = inside(`error in move for path: '${source.key}'`, () => {
    const moved = read(source);
    remove(source);
    return moved;
  });
  const path = pathOf(operation);
  const place = find(holder, path) ?? missing(`move operation does not apply: doc is missing destination path: ${path}`);
  heedMoved(holder, place);
  inside(`error in move for path: '${path}'`, () => add(place, value));
}

function copy(holder: Holder, operation: Operation, copied: { bytes: number }): void {
  const from = fromOf(operation);
  const source = find(holder, from) ?? missing(`copy operation does not apply: doc is missing from path: ${from}`);
  const value = inside(`error in copy for from: '${from}'`, () => read(source));
  const path = pathOf(operation);
  const place = find(holder, path) ?? missing(`copy operation does not apply: doc is missing destination path: ${path}`);
  const bytes = value === null ? 0 : exactJsonText(value).length;
  holder.moved += bytes * COPIED_BYTE;
  copied.bytes += bytes;
  if (copied.bytes > MOST_COPIED_BYTES)
    throw patchDoesNotApply(
      `Unable to complete the copy, the accumulated size increase of copy is ${copied.bytes}, exceeding the limit ${MOST_COPIED_BYTES}`,
    );
  inside('error while adding value during copy', () => add(place, cloneJson(value)));
}

function check(holder: Holder, operation: Operation): void {
  const path = pathOf(operation);
  let actual = holder.document;
  if (path !== '') {
    const place = find(holder, path) ?? missing(`test operation does not apply: is missing path: ${path}`);
    actual = inside(`error in test for path: '${path}'`, () => read(place));
  }
  if (!equalJson(actual, operation.value ?? null)) throw patchDoesNotApply(`testing value ${path} failed: test failed`);
}
