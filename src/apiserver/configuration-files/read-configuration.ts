import { readFile } from 'node:fs/promises';
import { CodedError } from '../../std/coded-error.ts';

/** What a field of a configuration file may hold. */
export type Shape =
  | 'string'
  | 'bool'
  | 'int'
  | 'strings'
  | 'any'
  | { readonly listOf: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

export interface Configuration {
  readonly apiVersion: string;
  readonly kind: string;
  readonly document: Readonly<Record<string, unknown>>;
  /** Fields that the shape does not have, as upstream's strict decoder names them: `rules[0].foo`. */
  readonly unknownFields: readonly string[];
}

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads one of upstream's configuration files (audit policy, EncryptionConfiguration, …), YAML or JSON.
 *
 * @throws CodedError CONFIGURATION_FILE that names the flag, the file and the field
 */
export async function readConfiguration(path: string, flag: string, shape: Shape): Promise<Configuration> {
  return parseConfiguration(await readConfigurationText(path, flag), { flag, path, shape });
}

/** One of those few files that have neither apiVersion nor kind. */
export async function readPlainObject(path: string, flag: string): Promise<Readonly<Record<string, unknown>>> {
  return parseObject(await readConfigurationText(path, flag), { flag, path });
}

/** The text of a configuration file. Throws a CodedError that names flag and file. */
export async function readConfigurationText(path: string, flag: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : (cause as Error).message;
    throw wrongFile(flag, path, `open ${path}: ${why}`, cause);
  }
}

export interface ConfigurationSource {
  readonly flag: string;
  readonly path: string;
  readonly shape: Shape;
}

/** The same from a text that has been read. */
export async function parseConfiguration(text: string, { flag, path, shape }: ConfigurationSource): Promise<Configuration> {
  const { apiVersion, kind, ...rest } = await parseObject(text, { flag, path });
  const fail = (problem: string) => wrongFile(flag, path, problem);
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || !apiVersion || !kind)
    throw fail(`Object '${kind === undefined ? 'Kind' : 'apiVersion'}' is missing`);
  const unknownFields: string[] = [];
  const problem = checkShape(rest, shape, '', unknownFields);
  if (problem) throw fail(problem);
  return { apiVersion, kind, document: rest, unknownFields };
}

async function parseObject(
  text: string,
  { flag, path }: Omit<ConfigurationSource, 'shape'>,
): Promise<Readonly<Record<string, unknown>>> {
  const fail = (problem: string, cause?: unknown) => wrongFile(flag, path, problem, cause);
  if (text.length > MAX_BYTES) throw fail(`${text.length} bytes are more than ${MAX_BYTES}`);
  let document: unknown;
  try {
    const { parse } = await import('yaml');
    document = text.trimStart().startsWith('{') ? JSON.parse(text) : parse(text, { maxAliasCount: 0, logLevel: 'error' });
  } catch (cause) {
    throw fail(`error converting YAML to JSON: ${(cause as Error).message.split('\n')[0]}`, cause);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) throw fail('the document is no object');
  return document as Record<string, unknown>;
}

/** Says what is wrong with a value's type; unknown fields are gathered. */
function checkShape(value: unknown, shape: Shape, path: string, unknownFields: string[]): string | undefined {
  if (value === null || value === undefined || shape === 'any') return undefined;
  const expected = (what: string) => `${path}: must be ${what}`;
  if (shape === 'string') return typeof value === 'string' ? undefined : expected('a string');
  if (shape === 'bool') return typeof value === 'boolean' ? undefined : expected('a boolean');
  if (shape === 'int') return Number.isInteger(value) ? undefined : expected('an integer');
  if (shape === 'strings' || 'listOf' in shape) {
    if (!Array.isArray(value)) return expected('a list');
    const item = shape === 'strings' ? 'string' : shape.listOf;
    for (const [i, entry] of value.entries()) {
      const problem = checkShape(entry, item, `${path}[${i}]`, unknownFields);
      if (problem) return problem;
    }
    return undefined;
  }
  if (typeof value !== 'object' || Array.isArray(value)) return expected('an object');
  for (const [name, entry] of Object.entries(value)) {
    const at = path ? `${path}.${name}` : name;
    const inner = Object.hasOwn(shape.fields, name) ? shape.fields[name]! : undefined;
    if (!inner) {
      unknownFields.push(at);
      continue;
    }
    const problem = checkShape(entry, inner, at, unknownFields);
    if (problem) return problem;
  }
  return undefined;
}

export function wrongFile(flag: string, path: string, problem: string, cause?: unknown): CodedError {
  return new CodedError(`--${flag} ${path}: ${problem}`, { code: 'CONFIGURATION_FILE', cause });
}

/** Upstream's words for fields that a strict decoder refuses. */
export function strictProblem(unknownFields: readonly string[]): string {
  return `strict decoding error: ${unknownFields.map((name) => `unknown field ${JSON.stringify(name)}`).join(', ')}`;
}
