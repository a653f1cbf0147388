import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CodedError } from '../std/coded-error.ts';
import { formatBlockYaml, parseBlockYaml } from './block-yaml.ts';
import { checkKubeconfig } from './kubeconfig-fields.ts';
import { withAbsolutePaths } from './kubeconfig-paths.ts';

export { type ResolvedContext, resolveContext } from './kubeconfig-context.ts';

/** Fields as in client-go/tools/clientcmd/api/v1/types.go. Unknown ones are kept and written again. */
export interface KubeconfigCluster {
  server?: string;
  'tls-server-name'?: string;
  'insecure-skip-tls-verify'?: boolean;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'proxy-url'?: string;
  [field: string]: unknown;
}

export interface KubeconfigUser {
  'client-certificate'?: string;
  'client-certificate-data'?: string;
  'client-key'?: string;
  'client-key-data'?: string;
  token?: string;
  tokenFile?: string;
  [field: string]: unknown;
}

export interface KubeconfigContext {
  cluster?: string;
  user?: string;
  namespace?: string;
  [field: string]: unknown;
}

export interface Kubeconfig {
  apiVersion?: string;
  kind?: string;
  clusters: { name: string; cluster: KubeconfigCluster }[];
  contexts: { name: string; context: KubeconfigContext }[];
  users: { name: string; user: KubeconfigUser }[];
  'current-context'?: string;
  preferences?: Record<string, unknown>;
  /** Where relative paths start, and what errors call the file; never written. */
  readonly origin?: { readonly directory: string; readonly path?: string };
  [field: string]: unknown;
}

const MAX_BYTES = 4 * 1024 * 1024;

const malformed = (source: string, problem: string, cause?: unknown) =>
  new CodedError(`${source}: ${problem}`, { code: 'KUBECONFIG_MALFORMED', cause });

/**
 * Reads a kubeconfig, YAML or JSON. `directory` is where its relative paths start. Throws a CodedError (KUBECONFIG_MALFORMED)
 * that names the field. Asynchronous because YAML beyond the plain style loads a parser.
 */
export async function parseKubeconfig(text: string, directory: string, path?: string): Promise<Kubeconfig> {
  const source = path === undefined ? 'kubeconfig' : `kubeconfig ${path}`;
  if (text.length > MAX_BYTES) throw malformed(source, `${text.length} bytes are more than ${MAX_BYTES}`);
  const document = (await parseDocument(text, source)) ?? {};
  const problem = checkKubeconfig(document);
  if (problem) throw malformed(source, problem);
  const config = document as Partial<Kubeconfig>;
  return {
    ...config,
    clusters: config.clusters ?? [],
    contexts: config.contexts ?? [],
    users: config.users ?? [],
    origin: { directory, path },
  };
}

async function parseDocument(text: string, source: string): Promise<unknown> {
  if (text.trim() === '') return undefined;
  try {
    if (text.trimStart().startsWith('{')) {
      try {
        return JSON.parse(text);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error; // else it may be YAML's flow style
      }
    }
    const plain = parseBlockYaml(text);
    if (plain !== undefined) return plain;
    const yaml = await import('yaml');
    return yaml.parse(text, { maxAliasCount: 0, logLevel: 'error' });
  } catch (error) {
    throw malformed(source, error instanceof Error ? error.message.split('\n')[0]! : String(error), error);
  }
}

/** Reads the file at `path`. Throws a CodedError: KUBECONFIG_UNREADABLE, KUBECONFIG_MALFORMED. */
export async function readKubeconfig(path: string): Promise<Kubeconfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (cause as Error).message;
    throw new CodedError(`kubeconfig ${path}: ${why}`, { code: 'KUBECONFIG_UNREADABLE', cause });
  }
  return parseKubeconfig(text, dirname(resolve(path)), path);
}

/** The file's text, in the order of fields that kubectl writes. */
export function formatKubeconfig(config: Kubeconfig): string {
  const { origin: _, apiVersion, kind, clusters, contexts, users, preferences, ...others } = config;
  const currentContext = others['current-context'] ?? '';
  return formatBlockYaml({
    apiVersion: apiVersion ?? 'v1',
    clusters,
    contexts,
    ...others,
    'current-context': currentContext,
    kind: kind ?? 'Config',
    preferences: preferences ?? {},
    users,
  });
}

/**
 * `existing` with the clusters, contexts and users of `addition` in place of those of the same names, and `addition`'s current
 * context selected. Relative paths of `addition` become absolute, since they started elsewhere.
 */
export function mergeContext(existing: Kubeconfig | undefined, addition: Kubeconfig): Kubeconfig {
  if (!existing) return addition;
  const put = <T extends { name: string }>(old: readonly T[], added: readonly T[]): T[] => [
    ...old.filter(({ name }) => !added.some((entry) => entry.name === name)),
    ...added,
  ];
  const moved = withAbsolutePaths(addition);
  return {
    ...existing,
    clusters: put(existing.clusters, moved.clusters),
    contexts: put(existing.contexts, moved.contexts),
    users: put(existing.users, moved.users),
    'current-context': addition['current-context'] || existing['current-context'],
  };
}
