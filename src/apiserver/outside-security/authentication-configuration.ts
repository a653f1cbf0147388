import { invalidField } from '../../api/machinery/field-error.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import type { RuleSource } from '../authentication/oidc/claim-rules.ts';
import { SIGNING_ALGORITHMS } from '../authentication/oidc/json-web-key.ts';
import type { ClaimRules, JwtAuthenticatorConfig } from '../authentication/oidc/jwt-authenticator.ts';
import { listFieldErrors } from '../configuration-files/problem-list.ts';
import { parseConfiguration, type Shape, strictProblem, wrongFile } from '../configuration-files/read-configuration.ts';
import { checkJwtEntries, type JwtEntry } from './jwt-entries.ts';

export const AUTHENTICATION_FLAG = 'authentication-config';
const VERSIONS: readonly string[] = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`);

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

interface Anonymous {
  readonly enabled?: boolean;
  readonly conditions?: readonly { readonly path?: string }[];
}

export interface AuthenticationConfiguration {
  readonly jwt: readonly JwtAuthenticatorConfig[];
  /** Absent: `--anonymous-auth` says. */
  readonly anonymous?: (path: string) => boolean;
}

export interface AuthenticationSource {
  readonly path: string;
  readonly text: string;
  /** Issuers that are the server's own. */
  readonly ownIssuers: readonly string[];
}

/** Reads what the file of `--authentication-config` holds, and compiles its expressions. Throws a CodedError that names file and field. */
export async function readAuthenticationConfiguration({
  path,
  text,
  ownIssuers,
}: AuthenticationSource): Promise<AuthenticationConfiguration> {
  const source = { flag: AUTHENTICATION_FLAG, path, shape: SHAPE };
  const fail = (problem: string) => wrongFile(AUTHENTICATION_FLAG, path, problem);
  if (text === '') throw fail('empty config data');
  const { apiVersion, kind, document, strictProblems } = await parseConfiguration(text, source);
  if (kind !== 'AuthenticationConfiguration' || !VERSIONS.includes(apiVersion))
    throw fail(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  if (strictProblems.length) throw fail(strictProblem(strictProblems));
  const entries = (document['jwt'] ?? []) as readonly JwtEntry[];
  const anonymous = document['anonymous'] as Anonymous | undefined;
  const errors = [...checkJwtEntries(entries, ownIssuers), ...validateAnonymous(anonymous)];
  const rules: (ClaimRules | undefined)[] = [];
  for (const [i, entry] of entries.entries()) rules.push(await compileRules(entry, `jwt[${i}]`, errors));
  if (errors.length) throw fail(listFieldErrors(errors));
  refuseSelectors(entries, fail);
  return {
    jwt: entries.map((entry, i) => toConfig(entry, rules[i])),
    ...(anonymous && { anonymous: anonymousRule(anonymous) }),
  };
}

/** The engine is loaded for those who have expressions. */
async function compileRules(entry: JwtEntry, at: string, errors: FieldError[]): Promise<ClaimRules | undefined> {
  const { claimMappings, claimValidationRules = [], userValidationRules = [] } = entry;
  const mapping = (name: 'username' | 'groups' | 'uid') => {
    const expression = claimMappings?.[name]?.expression;
    return expression ? { [name]: { field: `${at}.claimMappings.${name}.expression`, expression } } : {};
  };
  const sources = {
    ...mapping('username'),
    ...mapping('groups'),
    ...mapping('uid'),
    extra: (claimMappings?.extra ?? []).flatMap(({ key = '', valueExpression: expression }, i) =>
      expression ? [{ key, field: `${at}.claimMappings.extra[${i}].valueExpression`, expression }] : [],
    ),
    claimRules: ruleSources(claimValidationRules, `${at}.claimValidationRules`),
    userRules: ruleSources(userValidationRules, `${at}.userValidationRules`),
  };
  const { extra, claimRules, userRules } = sources;
  if (Object.keys(sources).length === 3 && !extra.length && !claimRules.length && !userRules.length) return undefined;
  const { compileClaimRules } = await import('../authentication/oidc/claim-rules.ts');
  const compiled = compileClaimRules(sources);
  errors.push(...compiled.errors);
  return compiled.rules;
}

/** Each expression once: that it comes again has been told, and that one stands beside a claim. */
function ruleSources(rules: NonNullable<JwtEntry['claimValidationRules']>, at: string) {
  const sources = new Map<string, RuleSource & { readonly message: string }>();
  for (const [i, { claim, expression, message = '' }] of rules.entries())
    if (expression && !claim && !sources.has(expression))
      sources.set(expression, { field: `${at}[${i}].expression`, expression, message });
  return [...sources.values()];
}

/** Nothing is dialled by way of an egress selector here; upstream's words for a server that has none. */
function refuseSelectors(entries: readonly JwtEntry[], fail: (problem: string) => Error): void {
  for (const [i, { issuer }] of entries.entries()) {
    const type = issuer?.egressSelectorType;
    if (type)
      throw fail(
        `jwt[${i}].issuer.egressSelectorType: oidc: egress lookup required with egress selector type ${JSON.stringify(type)}`,
      );
  }
}

function validateAnonymous(anonymous: Anonymous | undefined): FieldError[] {
  if (!anonymous?.conditions?.length || anonymous.enabled) return [];
  const shown = anonymous.conditions.map(({ path = '' }) => ({ Path: path }));
  return [invalidField('anonymous.conditions', shown, 'enabled should be set to true when conditions are defined')];
}

function anonymousRule({ enabled, conditions }: Anonymous): (path: string) => boolean {
  if (!enabled) return () => false;
  if (!conditions?.length) return () => true;
  const paths = new Set(conditions.map(({ path }) => path));
  return (path) => paths.has(path);
}

function toConfig(
  { issuer, claimMappings, claimValidationRules }: JwtEntry,
  rules: ClaimRules | undefined,
): JwtAuthenticatorConfig {
  const { url, discoveryURL, certificateAuthority, audiences } = issuer!;
  const { username, groups, uid } = claimMappings!;
  return {
    issuer: {
      url: url!,
      audiences: audiences!,
      ...(discoveryURL && { discoveryUrl: discoveryURL }),
      ...(certificateAuthority && { caPem: certificateAuthority }),
    },
    ...(username?.claim && { username: { claim: username.claim, prefix: username.prefix ?? '' } }),
    ...(groups?.claim && { groups: { claim: groups.claim, prefix: groups.prefix ?? '' } }),
    ...(uid?.claim && { uid: { claim: uid.claim } }),
    ...(rules && { rules }),
    requiredClaims: (claimValidationRules ?? []).flatMap(({ claim, requiredValue = '' }) =>
      claim ? [{ claim, value: requiredValue }] : [],
    ),
    signingAlgorithms: SIGNING_ALGORITHMS,
  };
}
