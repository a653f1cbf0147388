import { readFile } from 'node:fs/promises';
import { CodedError } from '../../std/coded-error.ts';
import { complete, type Shape } from './complete-document.ts';
import { parseDocument } from './parse-document.ts';

export type { Shape } from './complete-document.ts';

export interface Configuration {
  readonly apiVersion: string;
  readonly kind: string;
  /** What the shape has; fields that are null are not there. */
  readonly document: Readonly<Record<string, unknown>>;
  /** What a strict decoder refuses, in upstream's words: `unknown field "rules[0].foo"`, fields given twice. */
  readonly strictProblems: readonly string[];
}

/**
 * Reads one of upstream's configuration files (audit policy, EncryptionConfiguration, …), YAML or JSON.
 *
 * @throws CodedError CONFIGURATION_FILE that names the flag, the file and the field
 */
export async function readConfiguration(
  path: string,
  flag: string,
  shape: Shape,
  otherwise: Pick<ConfigurationSource, 'kind'> = {},
): Promise<Configuration> {
  return parseConfiguration(await readConfigurationText(path, flag), { flag, path, shape, ...otherwise });
}

/** One of those few files that have neither apiVersion nor kind. */
export async function readPlainObject(path: string, flag: string): Promise<Readonly<Record<string, unknown>>> {
  const { value } = await parseText(await readConfigurationText(path, flag), { flag, path });
  if (!isObject(value)) throw wrongFile(flag, path, 'the document is no object');
  return value;
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
  /** What a file is that says nothing of it. Default: such a file is refused. */
  readonly kind?: string;
}

/** The same from a text that has been read. */
export async function parseConfiguration(text: string, source: ConfigurationSource): Promise<Configuration> {
  const { flag, path, shape } = source;
  const fail = (problem: string) => wrongFile(flag, path, problem);
  const { value, strictProblems } = await parseText(text, source);
  if (value !== null && !isObject(value)) throw fail('the document is no object');
  const { apiVersion, kind = source.kind, ...rest } = value ?? {};
  for (const [name, given] of Object.entries({ kind, apiVersion }))
    if (typeof (given ?? '') !== 'string') throw fail(`couldn't get version/kind; ${name}: must be a string`);
  const named = kind === '' ? source.kind : kind;
  if (typeof named !== 'string') throw fail("Object 'Kind' is missing");
  if (typeof apiVersion !== 'string' || !apiVersion) throw fail("Object 'apiVersion' is missing");
  const completed = complete(rest, shape);
  if ('problem' in completed) throw fail(completed.problem);
  return {
    apiVersion,
    kind: named,
    document: completed.value as Readonly<Record<string, unknown>>,
    strictProblems: strictProblems(completed.unknownFields),
  };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

async function parseText(text: string, { flag, path }: Pick<ConfigurationSource, 'flag' | 'path'>) {
  try {
    return await parseDocument(text);
  } catch (cause) {
    throw wrongFile(flag, path, (cause as Error).message, cause);
  }
}

export function wrongFile(flag: string, path: string, problem: string, cause?: unknown): CodedError {
  return new CodedError(`--${flag} ${path}: ${problem}`, { code: 'CONFIGURATION_FILE', cause });
}

/** Upstream's words for what a strict decoder refuses. */
export const strictProblem = (problems: readonly string[]) => `strict decoding error: ${problems.join(', ')}`;
