import { duplicateField, invalidField, requiredField } from '../../api/machinery/field-error.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import { SIGNING_ALGORITHMS } from '../authentication/oidc/json-web-key.ts';
import type { JwtAuthenticatorConfig } from '../authentication/oidc/jwt-authenticator.ts';
import { readConfiguration, type Shape, strictProblem, wrongFile } from '../configuration-files/read-configuration.ts';

const FLAG = 'authentication-config';
const VERSIONS: readonly string[] = ['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1beta1'];

const PREFIXED: Shape = { fields: { claim: 'string', prefix: 'string', expression: 'string' } };
const SHAPE: Shape = {
  fields: {
    jwt: {
      listOf: {
        fields: {
          issuer: {
            fields: {
              url: 'string',
              discoveryURL: 'string',
              certificateAuthority: 'string',
              audiences: 'strings',
              audienceMatchPolicy: 'string',
              egressSelectorType: 'string',
            },
          },
          claimValidationRules: {
            listOf: { fields: { claim: 'string', requiredValue: 'string', expression: 'string', message: 'string' } },
          },
          claimMappings: {
            fields: {
              username: PREFIXED,
              groups: PREFIXED,
              uid: { fields: { claim: 'string', expression: 'string' } },
              extra: { listOf: { fields: { key: 'string', valueExpression: 'string' } } },
            },
          },
          userValidationRules: { listOf: { fields: { expression: 'string', message: 'string' } } },
        },
      },
    },
    anonymous: { fields: { enabled: 'bool', conditions: { listOf: { fields: { path: 'string' } } } } },
  },
};

interface Prefixed {
  readonly claim?: string;
  readonly prefix?: string;
  readonly expression?: string;
}

interface JwtEntry {
  readonly issuer?: {
    readonly url?: string;
    readonly discoveryURL?: string;
    readonly certificateAuthority?: string;
    readonly audiences?: readonly string[];
    readonly audienceMatchPolicy?: string;
    readonly egressSelectorType?: string;
  };
  readonly claimValidationRules?: readonly {
    readonly claim?: string;
    readonly requiredValue?: string;
    readonly expression?: string;
  }[];
  readonly claimMappings?: {
    readonly username?: Prefixed;
    readonly groups?: Prefixed;
    readonly uid?: { readonly claim?: string; readonly expression?: string };
    readonly extra?: readonly unknown[];
  };
  readonly userValidationRules?: readonly unknown[];
}

interface Anonymous {
  readonly enabled?: boolean;
  readonly conditions?: readonly { readonly path?: string }[];
}

export interface AuthenticationConfiguration {
  readonly jwt: readonly JwtAuthenticatorConfig[];
  /** Absent: `--anonymous-auth` says. */
  readonly anonymous?: (path: string) => boolean;
}

/** Reads `--authentication-config`. Expressions (CEL) are refused by name. Throws a CodedError that names file and field. */
export async function readAuthenticationConfiguration(path: string): Promise<AuthenticationConfiguration> {
  const { apiVersion, kind, document, unknownFields } = await readConfiguration(path, FLAG, SHAPE);
  const fail = (problem: string) => wrongFile(FLAG, path, problem);
  if (kind !== 'AuthenticationConfiguration' || !VERSIONS.includes(apiVersion))
    throw fail(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  if (unknownFields.length) throw fail(strictProblem(unknownFields));
  const entries = (document['jwt'] ?? []) as readonly JwtEntry[];
  const anonymous = document['anonymous'] as Anonymous | undefined;
  const unsupported = entries.flatMap((entry, i) => expressionsIn(entry, `jwt[${i}]`));
  if (unsupported.length) throw fail(`${unsupported.join(', ')}: is not offered; map claims by name`);
  const errors = [...validate(entries), ...validateAnonymous(anonymous)];
  if (errors.length) throw fail(errors.map(({ field, message }) => `${field}: ${message}`).join(', '));
  return { jwt: entries.map(toConfig), ...(anonymous && { anonymous: anonymousRule(anonymous) }) };
}

function expressionsIn(entry: JwtEntry, at: string): string[] {
  const { issuer, claimMappings, claimValidationRules, userValidationRules } = entry;
  const found: string[] = [];
  for (const name of ['username', 'groups', 'uid'] as const)
    if (claimMappings?.[name]?.expression) found.push(`${at}.claimMappings.${name}.expression`);
  if (claimMappings?.extra?.length) found.push(`${at}.claimMappings.extra`);
  for (const [i, rule] of (claimValidationRules ?? []).entries())
    if (rule.expression) found.push(`${at}.claimValidationRules[${i}].expression`);
  if (userValidationRules?.length) found.push(`${at}.userValidationRules`);
  if (issuer?.egressSelectorType) found.push(`${at}.issuer.egressSelectorType`);
  return found;
}

function validate(entries: readonly JwtEntry[]): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  if (entries.length > 64) errors.push(invalidField('jwt', entries.length, 'must have at most 64 items'));
  for (const [i, { issuer, claimMappings, claimValidationRules }] of entries.entries()) {
    const at = `jwt[${i}]`;
    errors.push(...validateUrl(issuer?.url, `${at}.issuer.url`));
    if (issuer?.url) {
      if (seen.has(issuer.url)) errors.push(duplicateField(`${at}.issuer.url`, issuer.url));
      seen.add(issuer.url);
    }
    if (issuer?.discoveryURL) {
      errors.push(...validateUrl(issuer.discoveryURL, `${at}.issuer.discoveryURL`));
      if (issuer.discoveryURL.replace(/\/$/, '') === issuer.url?.replace(/\/$/, ''))
        errors.push(invalidField(`${at}.issuer.discoveryURL`, issuer.discoveryURL, 'discoveryURL must be different from URL'));
    }
    const { audiences = [], audienceMatchPolicy = '' } = issuer ?? {};
    if (!audiences.length)
      errors.push(requiredField(`${at}.issuer.audiences`, `at least one ${at}.issuer.audiences is required`));
    if (audiences.length > 1 && audienceMatchPolicy !== 'MatchAny')
      errors.push(
        invalidField(
          `${at}.issuer.audienceMatchPolicy`,
          audienceMatchPolicy,
          'audienceMatchPolicy must be MatchAny for multiple audiences',
        ),
      );
    if (!claimMappings?.username?.claim)
      errors.push(requiredField(`${at}.claimMappings.username`, 'claim or expression is required'));
    for (const name of ['username', 'groups'] as const) {
      const mapping = claimMappings?.[name];
      if (mapping?.claim && mapping.prefix === undefined)
        errors.push(
          requiredField(
            `${at}.claimMappings.${name}.prefix`,
            'prefix is required when claim is set. It can be set to an empty string to disable prefixing',
          ),
        );
    }
    for (const [j, rule] of (claimValidationRules ?? []).entries())
      if (!rule.claim) errors.push(requiredField(`${at}.claimValidationRules[${j}]`, 'claim or expression is required'));
  }
  return errors;
}

function validateUrl(url: string | undefined, at: string): FieldError[] {
  if (!url) return [requiredField(at, 'URL is required')];
  if (!URL.canParse(url)) return [invalidField(at, url, 'the URL cannot be parsed')];
  const { protocol, username, search, hash } = new URL(url);
  if (protocol !== 'https:') return [invalidField(at, url, 'URL scheme must be https')];
  if (username) return [invalidField(at, url, 'URL must not contain a username or password')];
  if (search) return [invalidField(at, url, 'URL must not contain a query')];
  return hash ? [invalidField(at, url, 'URL must not contain a fragment')] : [];
}

function validateAnonymous(anonymous: Anonymous | undefined): FieldError[] {
  if (!anonymous?.conditions?.length) return [];
  if (!anonymous.enabled)
    return [
      invalidField('anonymous.conditions', anonymous.conditions, 'enabled should be set to true when conditions are defined'),
    ];
  return anonymous.conditions.flatMap(({ path }, i) => (path ? [] : [requiredField(`anonymous.conditions[${i}].path`)]));
}

function anonymousRule({ enabled, conditions }: Anonymous): (path: string) => boolean {
  if (!enabled) return () => false;
  if (!conditions?.length) return () => true;
  const paths = new Set(conditions.map(({ path }) => path));
  return (path) => paths.has(path);
}

function toConfig({ issuer, claimMappings, claimValidationRules }: JwtEntry): JwtAuthenticatorConfig {
  const { url, discoveryURL, certificateAuthority, audiences } = issuer!;
  const { username, groups, uid } = claimMappings!;
  return {
    issuer: {
      url: url!,
      audiences: audiences!,
      ...(discoveryURL && { discoveryUrl: discoveryURL }),
      ...(certificateAuthority && { caPem: certificateAuthority }),
    },
    username: { claim: username!.claim!, prefix: username!.prefix ?? '' },
    ...(groups?.claim && { groups: { claim: groups.claim, prefix: groups.prefix ?? '' } }),
    ...(uid?.claim && { uid: { claim: uid.claim } }),
    requiredClaims: (claimValidationRules ?? []).map((rule) => ({ claim: rule.claim!, value: rule.requiredValue ?? '' })),
    signingAlgorithms: SIGNING_ALGORITHMS,
  };
}
