/** What an AuthenticationConfiguration may say of issuers (apiserver/pkg/apis/apiserver/validation), but for its expressions. */
import { checkDomainPrefixedPath } from '../../api/machinery/domain-names.ts';
import { duplicateField, invalidField, requiredField, tooManyField } from '../../api/machinery/field-error.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import { type GoUrl, parseGoUrl } from '../../std/go-url.ts';
import { authorityProblem } from './authority-problem.ts';

export interface PrefixedClaim {
  readonly claim?: string;
  readonly prefix?: string;
  readonly expression?: string;
}

export interface JwtEntry {
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
    readonly message?: string;
  }[];
  readonly claimMappings?: {
    readonly username?: PrefixedClaim;
    readonly groups?: PrefixedClaim;
    readonly uid?: { readonly claim?: string; readonly expression?: string };
    readonly extra?: readonly { readonly key?: string; readonly valueExpression?: string }[];
  };
  readonly userValidationRules?: readonly { readonly expression?: string; readonly message?: string }[];
}

const MOST_ISSUERS = 64;
const NOT_BOTH = "claim and expression can't both be set";

/** All that is wrong with entries. `ownIssuers` are the server's own, whose tokens nobody else may sign. */
export function checkJwtEntries(entries: readonly JwtEntry[], ownIssuers: readonly string[]): FieldError[] {
  if (entries.length > MOST_ISSUERS) return [tooManyField('jwt', entries.length, MOST_ISSUERS)];
  const urls = duplicates();
  const discoveryUrls = duplicates();
  return entries.flatMap((entry, i) => {
    const at = `jwt[${i}]`;
    const { url, discoveryURL } = entry.issuer ?? {};
    return [
      ...checkIssuer(entry.issuer ?? {}, `${at}.issuer`, ownIssuers),
      ...checkClaimRules(entry.claimValidationRules ?? [], `${at}.claimValidationRules`),
      ...checkMappings(entry.claimMappings ?? {}, `${at}.claimMappings`),
      ...checkUserRules(entry.userValidationRules ?? [], `${at}.userValidationRules`),
      ...urls(`${at}.issuer.url`, url ?? ''),
      ...(discoveryURL ? discoveryUrls(`${at}.issuer.discoveryURL`, discoveryURL) : []),
    ];
  });
}

/** Tells a value that has been there before. */
function duplicates(): (field: string, value: string) => FieldError[] {
  const seen = new Set<string>();
  return (field, value) => {
    if (seen.has(value)) return [duplicateField(field, value)];
    seen.add(value);
    return [];
  };
}

function checkIssuer(issuer: NonNullable<JwtEntry['issuer']>, at: string, ownIssuers: readonly string[]): FieldError[] {
  const { url, discoveryURL, audiences = [], audienceMatchPolicy = '', certificateAuthority, egressSelectorType } = issuer;
  const errors = url ? checkUrl(url, `${at}.url`) : [requiredField(`${at}.url`)];
  if (url && ownIssuers.includes(url))
    errors.unshift(
      invalidField(`${at}.url`, url, `URL must not overlap with disallowed issuers: [${ownIssuers.toSorted().join(' ')}]`),
    );
  if (discoveryURL) {
    if (discoveryURL.replace(/\/+$/, '') === url?.replace(/\/+$/, ''))
      errors.push(invalidField(`${at}.discoveryURL`, discoveryURL, 'discoveryURL must be different from URL'));
    errors.push(...checkUrl(discoveryURL, `${at}.discoveryURL`));
  }
  errors.push(...checkAudiences(audiences, audienceMatchPolicy, at));
  const problem = certificateAuthority ? authorityProblem(certificateAuthority) : undefined;
  if (problem) errors.push(invalidField(`${at}.certificateAuthority`, '<omitted>', problem));
  if (egressSelectorType && !['controlplane', 'cluster'].includes(egressSelectorType))
    errors.push(
      invalidField(`${at}.egressSelectorType`, egressSelectorType, 'egress selector must be either controlplane or cluster'),
    );
  return errors;
}

function checkUrl(url: string, at: string): FieldError[] {
  const wrong = (problem: string) => [invalidField(at, url, problem)];
  let parsed: GoUrl;
  try {
    parsed = parseGoUrl(url);
  } catch (error) {
    return wrong((error as Error).message);
  }
  const { scheme, user, query, fragment } = parsed;
  return [
    ...(scheme === 'https' ? [] : wrong('URL scheme must be https')),
    ...(user !== undefined ? wrong('URL must not contain a username or password') : []),
    ...(query ? wrong('URL must not contain a query') : []),
    ...(fragment ? wrong('URL must not contain a fragment') : []),
  ];
}

function checkAudiences(audiences: readonly string[], policy: string, at: string): FieldError[] {
  if (!audiences.length) return [requiredField(`${at}.audiences`, `at least one ${at}.audiences is required`)];
  const again = duplicates();
  const errors = audiences.flatMap((audience, i) => [
    ...(audience ? [] : [requiredField(`${at}.audiences[${i}]`)]),
    ...again(`${at}.audiences[${i}]`, audience),
  ]);
  const wrongPolicy = (problem: string) => errors.push(invalidField(`${at}.audienceMatchPolicy`, policy, problem));
  if (audiences.length > 1 && policy !== 'MatchAny') wrongPolicy('audienceMatchPolicy must be MatchAny for multiple audiences');
  if (audiences.length === 1 && policy && policy !== 'MatchAny')
    wrongPolicy('audienceMatchPolicy must be empty or MatchAny for single audience');
  return errors;
}

function checkClaimRules(rules: NonNullable<JwtEntry['claimValidationRules']>, at: string): FieldError[] {
  const claims = duplicates();
  const expressions = duplicates();
  return rules.flatMap(({ claim, requiredValue, expression, message }, i) => {
    const field = `${at}[${i}]`;
    if (claim && expression) return [invalidField(field, claim, NOT_BOTH)];
    if (claim)
      return [
        ...(message ? [invalidField(`${field}.message`, message, 'may not be specified when claim is set')] : []),
        ...claims(`${field}.claim`, claim),
      ];
    if (!expression) return [requiredField(field, 'claim or expression is required')];
    return [
      ...(requiredValue
        ? [invalidField(`${field}.requiredValue`, requiredValue, 'may not be specified when expression is set')]
        : []),
      ...expressions(`${field}.expression`, expression),
    ];
  });
}

function checkMappings(mappings: NonNullable<JwtEntry['claimMappings']>, at: string): FieldError[] {
  const { username = {}, groups = {}, uid = {}, extra = [] } = mappings;
  const keys = duplicates();
  return [
    ...checkPrefixed(username, `${at}.username`),
    ...(username.claim || username.expression ? [] : [requiredField(`${at}.username`, 'claim or expression is required')]),
    ...checkPrefixed(groups, `${at}.groups`),
    ...(uid.claim && uid.expression ? [invalidField(`${at}.uid`, '', NOT_BOTH)] : []),
    ...extra.flatMap(({ key = '', valueExpression }, i) => {
      const again = keys(`${at}.extra[${i}].key`, key);
      const missing = again.length || valueExpression ? [] : [requiredField(`${at}.extra[${i}].valueExpression`)];
      return [...checkExtraKey(key, `${at}.extra[${i}].key`), ...again, ...missing];
    }),
  ];
}

function checkPrefixed({ claim, prefix, expression }: PrefixedClaim, at: string): FieldError[] {
  if (claim && expression) return [invalidField(at, '', NOT_BOTH)];
  if (expression && prefix !== undefined)
    return [invalidField(`${at}.prefix`, prefix, 'may not be specified when expression is set')];
  if (!claim || prefix !== undefined) return [];
  const why = 'prefix is required when claim is set. It can be set to an empty string to disable prefixing';
  return [requiredField(`${at}.prefix`, why)];
}

function checkExtraKey(key: string, field: string): FieldError[] {
  const reserved = /^(?:[^/]*\.)?(?:kubernetes|k8s)\.io\//.test(key);
  return [
    ...checkDomainPrefixedPath(field, key),
    ...(key === key.toLowerCase() ? [] : [invalidField(field, key, 'must be lowercase')]),
    ...(reserved ? [invalidField(field, key, 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use')] : []),
  ];
}

function checkUserRules(rules: NonNullable<JwtEntry['userValidationRules']>, at: string): FieldError[] {
  const expressions = duplicates();
  return rules.flatMap(({ expression }, i) =>
    expression ? expressions(`${at}[${i}].expression`, expression) : [requiredField(`${at}[${i}].expression`)],
  );
}
