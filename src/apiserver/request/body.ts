import { jsonSyntaxError } from '../../api/machinery/json-syntax.ts';
import { badRequest, requestEntityTooLarge } from '../../api/machinery/status-error.ts';
import { parseExactJson } from '../../std/exact-json.ts';
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
  if (format === 'json') return parseJson(bytes);
  return format === 'yaml' ? parseYaml(bytes) : (await import('./protobuf-body.ts')).parseProtobuf(bytes, schema);
}

/** @throws StatusError 400 that says, as Go does, what is wrong with a text that is no JSON */
export function parseJson(bytes: Buffer): unknown {
  const text = bytes.toString('utf8');
  try {
    return parseExactJson(text);
  } catch (error) {
    throw badRequest(jsonSyntaxError(text) ?? (error as Error).message);
  }
}

/** @throws StatusError 400 for what is no YAML, or grows by its aliases */
export const parseYaml = async (bytes: Buffer): Promise<unknown> => (await readYaml(bytes)).value;
