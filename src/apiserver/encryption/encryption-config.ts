import { invalidField, requiredField } from '../../api/machinery/field-error.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import { formatGoDuration, parseGoDuration } from '../../std/go-duration.ts';
import { parseGoUrl } from '../../std/go-url.ts';
import { listFieldErrors } from '../configuration-files/problem-list.ts';
import { type Configuration, type Shape, strictProblem, wrongFile } from '../configuration-files/read-configuration.ts';

export interface EncryptionKey {
  readonly name: string;
  /** Base64. */
  readonly secret: string;
}

interface KeyList {
  readonly keys?: readonly EncryptionKey[];
}

/** One form in which values may be stored; exactly one field is set. */
export interface ProviderConfiguration {
  readonly aescbc?: KeyList;
  readonly aesgcm?: KeyList;
  readonly secretbox?: KeyList;
  readonly identity?: object;
  readonly kms?: KmsConfiguration;
}

/** A plugin on a unix socket. */
export interface KmsConfiguration {
  readonly apiVersion?: string;
  readonly name?: string;
  readonly endpoint?: string;
  readonly timeout?: string;
  readonly cachesize?: number;
}

export interface ResourceConfiguration {
  readonly resources: readonly string[];
  readonly providers: readonly ProviderConfiguration[];
}

const KEYS: Shape = { fields: { keys: { listOf: { fields: { name: 'string', secret: 'string' } } } } };
export const ENCRYPTION_SHAPE: Shape = {
  fields: {
    resources: {
      listOf: {
        fields: {
          resources: 'strings',
          providers: {
            listOf: {
              fields: {
                aescbc: KEYS,
                aesgcm: KEYS,
                secretbox: KEYS,
                identity: { fields: {} },
                kms: {
                  fields: {
                    apiVersion: 'string',
                    name: 'string',
                    cachesize: 'int',
                    endpoint: 'string',
                    timeout: 'optional duration',
                  },
                },
              },
            },
          },
        },
      },
    },
  },
};

export const ENCRYPTION_FLAG = 'encryption-provider-config';

/** Checks an EncryptionConfiguration in upstream's words. Throws a CodedError that names the file; never shows a key. */
export function checkEncryptionConfiguration(path: string, configuration: Configuration): readonly ResourceConfiguration[] {
  const { apiVersion, kind, document, strictProblems } = configuration;
  const fail = (problem: string) => wrongFile(ENCRYPTION_FLAG, path, problem);
  const current = apiVersion === 'apiserver.config.k8s.io/v1' && kind === 'EncryptionConfiguration';
  // Until 1.13 the file was called so; what it holds is the same.
  const old = apiVersion === 'v1' && kind === 'EncryptionConfig';
  if (!current && !old) throw fail(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  if (strictProblems.length) throw fail(strictProblem(strictProblems));
  const resources = (document['resources'] ?? []) as ResourceConfiguration[];
  const errors = validate(resources);
  if (errors.length) throw fail(listFieldErrors(errors));
  const masked = maskedRule(resources);
  if (masked) throw fail(masked);
  for (const { providers } of resources)
    for (const { kms } of providers)
      if (kms && kmsVersion(kms) === 'v1')
        throw fail(`the kms provider ${JSON.stringify(kms.name ?? '')} of apiVersion v1 is not offered; use apiVersion v2`);
  return resources;
}

function validate(resources: readonly ResourceConfiguration[]): FieldError[] {
  if (!resources.length) return [requiredField('resources', 'at least one resources is required')];
  const errors: FieldError[] = [];
  const pluginNames = new Set<string>();
  for (const [i, { resources: names = [], providers = [] }] of resources.entries()) {
    const at = `resources[${i}]`;
    if (!names.length) errors.push(requiredField(`${at}.resources`, `at least one ${at}.resources is required`));
    errors.push(...validateTogether(names, `${at}.resources`));
    for (const [j, name] of names.entries()) errors.push(...validateName(name, `${at}.resources[${j}]`));
    if (!providers.length) errors.push(requiredField(`${at}.providers`, `at least one ${at}.providers is required`));
    for (const [j, provider] of providers.entries())
      errors.push(...validateProvider(provider, `${at}.providers[${j}]`, pluginNames));
  }
  return errors;
}

function validateName(name: string, at: string): FieldError[] {
  const wrong = (detail: string) => [invalidField(at, name, detail)];
  if (name !== name.toLowerCase()) return wrong('resource name should not contain capital letters');
  if (name === '*') return wrong("use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources");
  if (WITHOUT_API.includes(name)) return wrong('resources which do not have REST API/s cannot be encrypted');
  const { resource, group } = parseGroupResource(name);
  if (group === 'events.k8s.io')
    return wrong(
      "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file",
    );
  if (group === 'extensions') return wrong("'extensions' group has been removed and cannot be used for encryption");
  if (group === '*' && resource !== '*') return wrong('encrypting the same resource across groups is not supported');
  return [];
}

const WITHOUT_API: readonly string[] = ['apiserveripinfo', 'serviceipallocations', 'servicenodeportallocations'];

/** What is wrong with the names of one list beside each other. */
function validateTogether(names: readonly string[], at: string): FieldError[] {
  const parsed = names.map(parseGroupResource);
  const pairs = parsed.flatMap((one, i) => parsed.slice(i + 1).map((other) => [one, other] as const));
  const again = pairs.some(([one, other]) => one.group === other.group && one.resource === other.resource);
  const all = ({ group, resource }: (typeof parsed)[number]) => group === '*' && resource === '*';
  const overlapping = pairs.some(
    ([one, other]) => all(one) || all(other) || (one.group === other.group && (one.resource === '*' || other.resource === '*')),
  );
  return [
    ...(again ? [invalidField(at, names, 'the same resource cannot be specified multiple times')] : []),
    ...(overlapping
      ? [
          invalidField(
            at,
            names,
            "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked",
          ),
        ]
      : []),
  ];
}

/** A rule for all resources hides what stands below it: upstream's words for the first that is hidden. */
function maskedRule(resources: readonly ResourceConfiguration[]): string | undefined {
  const seen = new Set<string>();
  for (const { resources: names } of resources)
    for (const name of names) {
      const { resource, group } = parseGroupResource(name);
      const rule = [`*.${group}`, '*.*'].find((wildcard) => seen.has(wildcard));
      const shown = resource === '*' && !group ? '*.' : group ? `${resource}.${group}` : resource;
      if (rule) return `resource ${JSON.stringify(shown)} is masked by earlier rule ${JSON.stringify(rule)}`;
      seen.add(`${resource}.${group}`);
    }
  return undefined;
}

/** `secrets` is of the core group, `deployments.apps` of apps, `*.` all of the core group. */
export function parseGroupResource(name: string): { readonly resource: string; readonly group: string } {
  const dot = name.indexOf('.');
  return dot < 0 ? { resource: name, group: '' } : { resource: name.slice(0, dot), group: name.slice(dot + 1) };
}

/** In the order in which upstream looks at those that are given together. */
const PROVIDERS = ['kms', 'aesgcm', 'aescbc', 'secretbox', 'identity'] as const;
const KEY_BYTES = { aescbc: [16, 24, 32], aesgcm: [16, 24, 32], secretbox: [32] } as const;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function validateProvider(provider: ProviderConfiguration, at: string, pluginNames: Set<string>): FieldError[] {
  const given = PROVIDERS.filter((name) => provider[name] !== undefined);
  const [name] = given;
  if (name === undefined) {
    const none = { AESGCM: null, AESCBC: null, Secretbox: null, Identity: null, KMS: null };
    const detail = 'provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity';
    return [invalidField(at, none, detail)];
  }
  // Upstream shows the whole provider here, and with it its keys.
  const several = given.length > 1 && [
    invalidField(
      at,
      given.join(','),
      'more than one provider specified in a single element, should split into different list elements',
    ),
  ];
  const errors: FieldError[] = several || [];
  if (name === 'kms') return [...errors, ...validateKms(provider.kms!, `${at}.kms`, pluginNames)];
  if (name === 'identity') return errors;
  const { keys = [] } = provider[name]!;
  if (!keys.length) return [...errors, requiredField(`${at}.${name}.keys`, 'at least one keys is required')];
  return [...errors, ...keys.flatMap((key, i) => validateKey(key, KEY_BYTES[name], `${at}.${name}.keys[${i}]`))];
}

/** As upstream: what says nothing is v1. */
const kmsVersion = ({ apiVersion }: KmsConfiguration) => apiVersion || 'v1';

const KMS_TIMEOUT_MS = 3_000;

/** How long the plugin may take. */
export const kmsTimeoutMs = (text: string | undefined): number => (text === undefined ? KMS_TIMEOUT_MS : parseGoDuration(text));

function validateKms(kms: KmsConfiguration, at: string, names: Set<string>): FieldError[] {
  const { name = '', endpoint = '', timeout, cachesize } = kms;
  const errors: FieldError[] = [];
  const wrong = (field: string, value: unknown, detail: string) => errors.push(invalidField(`${at}.${field}`, value, detail));
  const isV1 = kmsVersion(kms) === 'v1';
  if (!name) errors.push(requiredField(`${at}.name`, 'name is a mandatory field for a provider'));
  if (!isV1 && name.includes(':')) wrong('name', name, `invalid KMS provider name ${name}, must not contain ':'`);
  if (!isV1 && names.has(name)) wrong('name', name, `duplicate KMS provider name ${name}, names must be unique`);
  names.add(name);
  const timeoutMs = kmsTimeoutMs(timeout);
  if (timeoutMs <= 0) wrong('timeout', formatGoDuration(timeoutMs), 'timeout should be a positive value');
  const problem = endpointProblem(endpoint);
  if (problem) wrong('endpoint', endpoint, problem);
  if (!isV1 && cachesize !== undefined) wrong('cachesize', cachesize, 'cachesize is not supported in v2');
  if (isV1 && cachesize === 0) wrong('cachesize', cachesize, 'cachesize should be a positive value, or negative to disable');
  if (!isV1 && kms.apiVersion !== 'v2')
    wrong('apiVersion', kms.apiVersion, 'unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported');
  return errors;
}

function endpointProblem(endpoint: string): string | undefined {
  if (!endpoint) return 'endpoint is a mandatory field for a kms';
  try {
    const { scheme } = parseGoUrl(endpoint);
    return scheme === 'unix'
      ? undefined
      : `unsupported scheme ${JSON.stringify(scheme)} for KMS provider, only unix is supported`;
  } catch (error) {
    return `invalid endpoint for kms provider, error: ${(error as Error).message}`;
  }
}

function validateKey(key: EncryptionKey, lengths: readonly number[], at: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!key?.name) errors.push(requiredField(`${at}.name`, 'name is a mandatory field for a key'));
  if (!key?.secret) return [...errors, requiredField(`${at}.secret`, 'secret is a mandatory field for a key')];
  // Go passes over the ends of lines. Upstream shows REDACTED, too.
  const secret = key.secret.replace(/[\r\n]/g, '');
  if (!BASE64.test(secret)) return [...errors, invalidField(`${at}.secret`, 'REDACTED', 'secrets must be base64 encoded')];
  const { length } = Buffer.from(secret, 'base64');
  if (!lengths.includes(length))
    errors.push(
      invalidField(
        `${at}.secret`,
        'REDACTED',
        `secret is not of the expected length, got ${length}, expected one of [${lengths.join(' ')}]`,
      ),
    );
  return errors;
}
