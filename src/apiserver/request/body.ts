import { jsonSyntaxError } from '../../api/machinery/json-syntax.ts';
import { badRequest, requestEntityTooLarge, StatusError } from '../../api/machinery/status-error.ts';
import { NumberOutOfRange, parseExactJson } from '../../std/exact-json.ts';
import { parseInSteps } from '../../std/json-in-steps.ts';
import type { Steps } from '../../std/pauses.ts';
import type { ServerRequest } from '../contracts.ts';
import { bodyFormat } from './negotiation.ts';
import { readYaml } from './yaml-body.ts';

/** As upstream's limit for objects that etcd would take. */
export const BODY_LIMIT_BYTES = 3 * 1024 * 1024;

export const tooLarge = (limitBytes: number) => requestEntityTooLarge(`Request entity too large: limit is ${limitBytes}`);

/**
 * The parsed body of a write, in JSON, YAML or protobuf; undefined when it is empty. `schema` says what a protobuf body is.
 *
 * @throws StatusError 400, 413 or 415
 */
export async function readObject(request: ServerRequest, schema: string): Promise<unknown> {
  const format = bodyFormat(request);
  const bytes = await request.readBody(BODY_LIMIT_BYTES);
  if (bytes.length === 0) return undefined;
  if (format === 'json') return parseTypedJson(bytes);
  return format === 'yaml' ? parseYaml(bytes) : (await import('./protobuf-body.ts')).parseProtobuf(bytes, schema);
}

/** Upstream looks for the type of what is sent first, and tells there of what is no JSON. */
function parseTypedJson(bytes: Buffer): unknown {
  try {
    return parseJson(bytes);
  } catch (error) {
    const { message, cause } = error as Error;
    throw cause instanceof NumberOutOfRange ? error : badRequest(`couldn't get version/kind; json parse error: ${message}`);
  }
}

/** @throws StatusError 400 that says, as Go does, what is wrong with a text that is no JSON, or one that nests too deep */
export function parseJson(bytes: Buffer): unknown {
  checkDepth(bytes);
  const text = bytes.toString('utf8');
  try {
    return parseExactJson(text);
  } catch (error) {
    throw notJson(text, error as Error);
  }
}

const notJson = (text: string, cause: Error) =>
  new StatusError(badRequest(jsonSyntaxError(text) ?? cause.message).status, { cause });

/** The same of a large body. */
export function* parseJsonInSteps(bytes: Buffer): Steps<unknown> {
  checkDepth(bytes);
  const text = bytes.toString('utf8');
  try {
    return yield* parseInSteps(text);
  } catch (error) {
    throw notJson(text, error as Error);
  }
}

/** @throws StatusError 400 for what is no YAML, or grows by its aliases */
export const parseYaml = async (bytes: Buffer): Promise<unknown> => (await readYaml(bytes)).value;

/** Go's decoder goes no deeper. */
const DEEPEST = 10_000;

/**
 * Nothing that comes after this has to bear endless nesting. Brackets in strings count at first: only what has more than anybody would
 * write is read again without them.
 *
 * @throws StatusError 400
 */
export function checkDepth(bytes: Buffer): void {
  if (bytes.length > DEEPEST && depthOf(bytes, false) > DEEPEST && depthOf(bytes, true) > DEEPEST)
    throw badRequest('exceeded max depth');
}

function depthOf(bytes: Buffer, minding: boolean): number {
  let depth = 0;
  let most = 0;
  let quoted = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (minding && byte === QUOTE) quoted = !quoted;
    else if (quoted) {
      if (byte === BACKSLASH) i++;
    } else if (byte === OPEN_LIST || byte === OPEN_MAP) {
      depth++;
      if (depth > most) most = depth;
    } else if (byte === CLOSE_LIST || byte === CLOSE_MAP) depth--;
  }
  return most;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;
