import { isAbsolute } from 'node:path';
import { parseDuration } from '../../api/machinery/duration.ts';
import { CodedError } from '../../std/coded-error.ts';
import { matchesRegistry } from './registry-match.ts';

/** One program of a CredentialProviderConfig (kubelet.config.k8s.io/v1). */
export interface CredentialProvider {
  readonly name: string;
  readonly matchImages: readonly string[];
  /** How long an answer holds that does not say it itself. */
  readonly defaultCacheMs: number;
  readonly apiVersion: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const CONFIG_VERSIONS = new Set(['v1', 'v1beta1', 'v1alpha1'].map((version) => `kubelet.config.k8s.io/${version}`));
const PROTOCOLS = new Set(['v1', 'v1beta1', 'v1alpha1'].map((version) => `credentialprovider.kubelet.k8s.io/${version}`));
const FIELDS = new Set(['name', 'matchImages', 'defaultCacheDuration', 'apiVersion', 'args', 'env', 'tokenAttributes']);

const fail = (message: string) => new CodedError(message, { code: 'CREDENTIAL_PROVIDERS_INVALID' });

/**
 * Checks what a file of `--image-credential-provider-config` says, as far as it has been parsed from YAML or JSON.
 *
 * @throws CREDENTIAL_PROVIDERS_INVALID naming the field
 */
export function parseCredentialProviders(document: unknown): CredentialProvider[] {
  const config = record(document, 'the file');
  if (config['kind'] !== 'CredentialProviderConfig' || !CONFIG_VERSIONS.has(String(config['apiVersion'])))
    throw fail(`kind ${quote(config['kind'])} of ${quote(config['apiVersion'])} is no CredentialProviderConfig`);
  const given = config['providers'];
  if (!Array.isArray(given) || given.length === 0) throw fail('at least 1 item in plugins is required');
  const providers = given.map((provider, index) => parseProvider(provider, `providers[${index}]`));
  const names = providers.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw fail(`provider name "${twice}" is not unique`);
  return providers;
}

function parseProvider(value: unknown, at: string): CredentialProvider {
  const provider = record(value, at);
  const unknown = Object.keys(provider).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) throw fail(`${at}.${unknown} is not a field of a credential provider`);
  if (provider['tokenAttributes'])
    throw fail(`${at}.tokenAttributes is not supported: tokens of service accounts are not given to plugins`);
  const name = provider['name'];
  if (typeof name !== 'string' || name === '') throw fail(`${at}.name is required`);
  if (/[/\\\s]/.test(name) || name === '.' || name === '..')
    throw fail(`${at}.name ${quote(name)} must be the name of a program, without path or space`);
  const matchImages = strings(provider['matchImages'], `${at}.matchImages`);
  if (matchImages.length === 0) throw fail(`${at}.matchImages: at least 1 item in matchImages is required`);
  for (const pattern of matchImages)
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(pattern)) throw fail(`${at}.matchImages ${quote(pattern)} must not have a scheme`);
  const { defaultCacheDuration, apiVersion } = provider;
  if (typeof defaultCacheDuration !== 'string') throw fail(`${at}.defaultCacheDuration is required`);
  const defaultCacheMs = parseDuration(defaultCacheDuration);
  if (defaultCacheMs < 0) throw fail(`${at}.defaultCacheDuration must be greater than or equal to 0`);
  if (typeof apiVersion !== 'string' || !PROTOCOLS.has(apiVersion))
    throw fail(`${at}.apiVersion ${quote(apiVersion)} is not supported: ${[...PROTOCOLS].join(', ')}`);
  const env = (provider['env'] ?? []) as unknown;
  if (!Array.isArray(env)) throw fail(`${at}.env must be a list`);
  const variables = env.map((one, index) => {
    const { name: variable, value: text } = record(one, `${at}.env[${index}]`);
    if (typeof variable !== 'string' || typeof text !== 'string') throw fail(`${at}.env[${index}] needs a name and a value`);
    return [variable, text] as const;
  });
  return {
    name,
    matchImages,
    defaultCacheMs,
    apiVersion,
    args: strings(provider['args'] ?? [], `${at}.args`),
    env: Object.fromEntries(variables),
  };
}

export function checkProviderDirectory(directory: string): void {
  if (!isAbsolute(directory)) throw fail(`--image-credential-provider-bin-dir ${quote(directory)} must be an absolute path`);
}

export const providesFor = ({ matchImages }: CredentialProvider, repository: string) =>
  matchImages.some((pattern) => matchesRegistry(pattern, repository));

function record(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail(`${at} must be an object`);
  return value as Record<string, unknown>;
}

function strings(value: unknown, at: string): string[] {
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) throw fail(`${at} must be a list of texts`);
  return value as string[];
}

const quote = (value: unknown) => JSON.stringify(value) ?? 'undefined';
