import { badRequest, requestEntityTooLarge } from '../../api/machinery/status-error.ts';
import type { ServerRequest } from '../contracts.ts';
import { bodyFormat } from './negotiation.ts';

/** As upstream's limit for objects that etcd would take. */
export const BODY_LIMIT_BYTES = 3 * 1024 * 1024;

/** YAML takes a hundred times as long to read as JSON, and nothing else is answered meanwhile. */
export const YAML_LIMIT_BYTES = 256 * 1024;

export const tooLarge = (limitBytes: number) => requestEntityTooLarge(`Request entity too large: limit is ${limitBytes}`);

/**
 * The parsed body of a write, in JSON, YAML or protobuf; undefined when it is empty. `schema` says what a protobuf body is.
 *
 * @throws StatusError 400, 413 or 415
 */
export async function readObject(request: ServerRequest, schema: string): Promise<unknown> {
  const format = bodyFormat(request);
  const bytes = await request.readBody(format === 'yaml' ? YAML_LIMIT_BYTES : BODY_LIMIT_BYTES);
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

/** @throws StatusError 400 for what is no YAML, holds a key twice, or grows by its aliases */
export async function parseYaml(bytes: Buffer): Promise<unknown> {
  const { isMap, isScalar, parseDocument, visit } = await import('yaml');
  try {
    // The library compares each key with each other one: a map of 50,000 would take minutes.
    const document = parseDocument(bytes.toString('utf8'), { schema: 'core', uniqueKeys: false, logLevel: 'error' });
    if (document.errors[0]) throw document.errors[0];
    visit(document, (_, node) => {
      if (!isMap(node)) return;
      const seen = new Set<unknown>();
      for (const { key } of node.items) {
        const name = isScalar(key) ? String(key.value) : key;
        if (seen.has(name)) throw new Error(`key ${JSON.stringify(name)} already set in map`);
        seen.add(name);
      }
    });
    // Aliases are how a small document becomes a huge one.
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw badRequest(`error converting YAML to JSON: ${(error as Error).message}`);
  }
}
