import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';
import { type CredentialProvider, checkProviderDirectory, parseCredentialProviders } from './credential-provider-config.ts';
import { type CredentialProviders, type CredentialProvidersOptions, createCredentialProviders } from './credential-providers.ts';

/** Where the node's own credentials for registries come from: both of upstream's flags. */
export interface CredentialProviderPaths {
  /** `--image-credential-provider-config`: a file, or a directory of them. */
  readonly config: string;
  /** `--image-credential-provider-bin-dir`. */
  readonly directory: string;
}

const ENDINGS = new Set(['.json', '.yaml', '.yml']);
const LARGEST_FILE_BYTES = 1 << 20;

/**
 * Reads the configuration of credential providers and checks that their programs are there.
 *
 * @throws CREDENTIAL_PROVIDERS_INVALID naming the file, the field or the program
 */
export async function openCredentialProviders(
  { config, directory }: CredentialProviderPaths,
  options: Omit<CredentialProvidersOptions, 'providers' | 'directory'>,
): Promise<CredentialProviders> {
  checkProviderDirectory(directory);
  const providers: CredentialProvider[] = [];
  for (const path of await filesOf(config)) {
    for (const provider of parseCredentialProviders(await readDocument(path))) {
      if (providers.some(({ name }) => name === provider.name))
        throw fail(`${path}: provider name "${provider.name}" is not unique`);
      if (!(await isFile(join(directory, provider.name))))
        throw fail(`plugin binary executable ${join(directory, provider.name)} did not exist`);
      providers.push(provider);
    }
  }
  return createCredentialProviders({ ...options, providers, directory });
}

/** In the order of their names, as upstream merges them. */
async function filesOf(config: string): Promise<string[]> {
  const entry = await stat(config).catch((cause: Error) => {
    throw fail(`unable to access path "${config}": ${cause.message}`, cause);
  });
  if (!entry.isDirectory()) return [config];
  const names = (await readdir(config)).filter((name) => ENDINGS.has(extname(name).toLowerCase())).sort();
  if (names.length === 0) throw fail(`no configuration files found in directory "${config}"`);
  return names.map((name) => join(config, name));
}

async function readDocument(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8');
  if (text.length > LARGEST_FILE_BYTES) throw fail(`${path} is larger than ${LARGEST_FILE_BYTES} bytes`);
  const { parse } = await import('yaml'); // JSON is YAML too
  try {
    return parse(text, { maxAliasCount: 100, logLevel: 'error' });
  } catch (cause) {
    throw fail(`unable to decode ${path}: ${(cause as Error).message}`, cause);
  }
}

const isFile = (path: string) =>
  stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );

const fail = (message: string, cause?: unknown) => new CodedError(message, { code: 'CREDENTIAL_PROVIDERS_INVALID', cause });
