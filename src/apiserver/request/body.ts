import { badRequest, requestEntityTooLarge } from '../../api/machinery/status-error.ts';
import type { ServerRequest } from '../contracts.ts';
import { bodyFormat } from './negotiation.ts';

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

/** @throws StatusError 400 that says where the text is no JSON */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
}

async function parseYaml(bytes: Buffer): Promise<unknown> {
  const { parse } = await import('yaml');
  try {
    // Aliases are how a small document becomes a huge one.
    return parse(bytes.toString('utf8'), { maxAliasCount: 100, schema: 'core' });
  } catch (error) {
    throw badRequest(`error converting YAML to JSON: ${(error as Error).message}`);
  }
}
