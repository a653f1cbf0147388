import { invalidField, requiredField } from '../../api/machinery/field-error.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
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
                  fields: { apiVersion: 'string', name: 'string', cachesize: 'int', endpoint: 'string', timeout: 'string' },
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
  const { apiVersion, kind, document, unknownFields } = configuration;
  const fail = (problem: string) => wrongFile(ENCRYPTION_FLAG, path, problem);
  const current = apiVersion === 'apiserver.config.k8s.io/v1' && kind === 'EncryptionConfiguration';
  // Until 1.13 the file was called so; what it holds is the same.
  const old = apiVersion === 'v1' && kind === 'EncryptionConfig';
  if (!current && !old) throw fail(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  if (unknownFields.length) throw fail(strictProblem(unknownFields));
  const resources = (document['resources'] ?? []) as ResourceConfiguration[];
  const errors = validate(resources);
  if (errors.length) throw fail(errors.map(({ field, message }) => `${field}: ${message}`).join(', '));
  for (const { providers } of resources)
    for (const { kms } of providers)
      if (kms && kmsVersion(kms) === 'v1')
        throw fail(`the kms provider ${JSON.stringify(kms.name ?? '')} of apiVersion v1 is not offered; use apiVersion v2`);
  return resources;
}

function validate(resources: readonly ResourceConfiguration[]): FieldError[] {
  if (!resources.length) return [requiredField('resources', 'at least one resources is required')];
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  const pluginNames = new Set<string>();
  for (const [i, { resources: names, providers }] of resources.entries()) {
    const at = `resources[${i}]`;
    if (!names?.length) errors.push(requiredField(`${at}.resources`, `at least one ${at}.resources is required`));
    for (const [j, name] of (names ?? []).entries()) errors.push(...validateName(name, `${at}.resources[${j}]`, seen));
    if (overlaps(names ?? []))
      errors.push(
        invalidField(
          `${at}.resources`,
          names,
          "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked",
        ),
      );
    if (!providers?.length) errors.push(requiredField(`${at}.providers`, `at least one ${at}.providers is required`));
    for (const [j, provider] of (providers ?? []).entries()) {
      errors.push(...validateProvider(provider, `${at}.providers[${j}]`));
      if (provider?.kms) errors.push(...validateKms(provider.kms, `${at}.providers[${j}].kms`, pluginNames));
    }
  }
  return errors;
}

function validateName(name: string, at: string, seen: Set<string>): FieldError[] {
  const wrong = (detail: string) => [invalidField(at, name, detail)];
  if (seen.has(name)) return wrong('the same resource cannot be specified multiple times');
  seen.add(name);
  if (name === '') return [invalidField(at, name, 'group resource cannot be empty')];
  if (name !== name.toLowerCase()) return wrong('resource name should not contain capital letters');
  const { resource, group } = parseGroupResource(name);
  if (name === '*') return wrong("use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources");
  if (resource !== '*' && group.includes('*')) return wrong('encrypting the same resource across groups is not supported');
  if (group === 'extensions') return wrong("'extensions' group has been removed and cannot be used for encryption");
  if (group === 'events.k8s.io')
    return wrong(
      "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file",
    );
  if (name === 'serviceipallocations' || name === 'servicenodeportallocations')
    return wrong('resources which do not have REST API/s cannot be encrypted');
  return [];
}

/** Whether a name of the list is among those that a wildcard of the same list stands for. */
function overlaps(names: readonly string[]): boolean {
  const wildcards = names.filter((name) => name.startsWith('*.'));
  return names.some((name) =>
    wildcards.some(
      (wildcard) => wildcard !== name && (wildcard === '*.*' || parseGroupResource(name).group === wildcard.slice(2)),
    ),
  );
}

/** `secrets` is of the core group, `deployments.apps` of apps, `*.` all of the core group. */
export function parseGroupResource(name: string): { readonly resource: string; readonly group: string } {
  const dot = name.indexOf('.');
  return dot < 0 ? { resource: name, group: '' } : { resource: name.slice(0, dot), group: name.slice(dot + 1) };
}

const KEY_BYTES = { aescbc: [16, 24, 32], aesgcm: [16, 24, 32], secretbox: [32] } as const;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function validateProvider(provider: ProviderConfiguration, at: string): FieldError[] {
  const set = Object.entries(provider ?? {}).filter(([, value]) => value !== undefined && value !== null);
  if (set.length === 0)
    return [
      requiredField(at, 'provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity'),
    ];
  if (set.length > 1)
    return [
      invalidField(
        at,
        set.map(([name]) => name).join(','),
        'more than one provider specified in a single element, should split into different list elements',
      ),
    ];
  const [name, value] = set[0]! as [keyof ProviderConfiguration, KeyList];
  if (name === 'identity' || name === 'kms') return [];
  if (!value.keys?.length) return [requiredField(`${at}.${name}.keys`, `at least one ${at}.${name}.keys is required`)];
  return value.keys.flatMap((key, i) => validateKey(key, KEY_BYTES[name], `${at}.${name}.keys[${i}]`));
}

/** As upstream: what says nothing is v1. */
const kmsVersion = ({ apiVersion }: KmsConfiguration) => apiVersion || 'v1';

const KMS_TIMEOUT_MS = 3_000;

/** How long the plugin may take; undefined for what is no duration. */
export function kmsTimeoutMs(text: string | undefined): number | undefined {
  if (!text) return KMS_TIMEOUT_MS;
  try {
    return parseGoDuration(text);
  } catch {
    return undefined;
  }
}

function validateKms(kms: KmsConfiguration, at: string, names: Set<string>): FieldError[] {
  const { name = '', endpoint = '', timeout, cachesize } = kms;
  const errors: FieldError[] = [];
  const wrong = (field: string, value: unknown, detail: string) => errors.push(invalidField(`${at}.${field}`, value, detail));
  const isV1 = kmsVersion(kms) === 'v1';
  if (!name) errors.push(requiredField(`${at}.name`, 'name is a mandatory field for a provider'));
  else if (!isV1 && name.includes(':')) wrong('name', name, `invalid KMS provider name ${name}, must not contain ':'`);
  if (!isV1 && names.has(name)) wrong('name', name, `duplicate KMS provider name ${name}, names must be unique`);
  names.add(name);
  const timeoutMs = kmsTimeoutMs(timeout);
  if (timeoutMs === undefined || timeoutMs <= 0) wrong('timeout', timeout, 'timeout should be a positive value');
  const [, scheme = ''] = /^([a-z][a-z0-9+.-]*):/i.exec(endpoint) ?? [];
  if (!endpoint) wrong('endpoint', '', 'endpoint is a mandatory field for a kms');
  else if (scheme !== 'unix')
    wrong('endpoint', endpoint, `unsupported scheme ${JSON.stringify(scheme)} for KMS provider, only unix is supported`);
  if (!isV1 && cachesize !== undefined) wrong('cachesize', cachesize, 'cachesize is not supported in v2');
  if (!isV1 && kms.apiVersion !== 'v2')
    wrong('apiVersion', kms.apiVersion, 'unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported');
  return errors;
}

function validateKey(key: EncryptionKey, lengths: readonly number[], at: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!key?.name) errors.push(requiredField(`${at}.name`, 'name is a mandatory field for a key'));
  if (!key?.secret) return [...errors, requiredField(`${at}.secret`, 'secret is a mandatory field for a key')];
  // Upstream shows REDACTED, too.
  if (!BASE64.test(key.secret)) return [...errors, invalidField(`${at}.secret`, 'REDACTED', 'secret must be base64 encoded')];
  const { length } = Buffer.from(key.secret, 'base64');
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
