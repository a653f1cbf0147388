import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import {
  LEGACY_ISSUER,
  type LegacyAccount,
  peekClaims,
  readLegacyClaims,
  type TokenClaims,
  type TokenVerifier,
} from '../../pki/service-account-token.ts';
import type { Clock } from '../../std/clock.ts';
import type { ObjectReader, TokenAuthenticator, UserInfo } from '../contracts.ts';
import { AuthenticationFailure } from './authentication-failure.ts';
import { parseServiceAccountUserName, serviceAccountGroups, serviceAccountUserName } from './identities.ts';
import { INVALID_SINCE_LABEL, type LegacyTokenUses } from './legacy-token-uses.ts';
import { sameSecret, secretText } from './secret-values.ts';

export interface ServiceAccountTokenOptions {
  /** Accepted `iss` claims. */
  readonly issuers: readonly string[];
  readonly apiAudiences: readonly string[];
  /** Whether the account and what a token is bound to must still be there. */
  readonly lookup: boolean;
}

export interface ServiceAccountTokenDeps {
  readonly verifier: TokenVerifier;
  readonly reader: ObjectReader;
  readonly clock: Pick<Clock, 'now'>;
  /** Where it is noted that tokens of Secrets are used. */
  readonly uses?: Pick<LegacyTokenUses, 'note'>;
  readonly observer?: TokenObserver;
}

/** Told which tokens are used. */
export interface TokenObserver {
  tokenUsed(kind: 'legacy' | 'stale' | 'valid'): void;
}

/** How far clocks may be apart, and how long a token outlives what it is bound to while that is being deleted. */
const LEEWAY_MS = 60_000;

/** JWTs of service accounts, bound ones and those kept in Secrets (pkg/serviceaccount/{jwt,claims,legacy}.go). */
export function createServiceAccountTokenAuthenticator(
  options: ServiceAccountTokenOptions,
  deps: ServiceAccountTokenDeps,
): TokenAuthenticator {
  return {
    async authenticateToken(token, audiences = options.apiAudiences) {
      const issuer = peekClaims(token)?.iss;
      const legacy = issuer === LEGACY_ISSUER;
      if (!legacy && (typeof issuer !== 'string' || !options.issuers.includes(issuer))) return undefined;
      const claims = deps.verifier.verify(token);
      if (!claims) throw new AuthenticationFailure('the service account token is not signed by a known key');
      checkTimes(claims, deps.clock.now());
      const shared = sharedAudiences(legacy ? options.apiAudiences : claims.aud, audiences);
      if (legacy) {
        const account = readLegacyClaims(claims);
        if (!account) throw new AuthenticationFailure('the legacy service account token lacks a claim');
        if (options.lookup) await checkLegacyToken(token, account, deps);
        deps.observer?.tokenUsed('legacy');
        return { user: { ...accountUser(account), uid: account.uid }, audiences: shared };
      }
      const user = await boundTokenUser(claims, options, deps);
      const { warnafter } = claims['kubernetes.io'] ?? {};
      deps.observer?.tokenUsed(warnafter !== undefined && warnafter * 1000 < deps.clock.now() ? 'stale' : 'valid');
      return { user, audiences: shared };
    },
  };
}

function checkTimes({ exp, nbf, iat }: TokenClaims, nowMs: number): void {
  if (typeof exp !== 'number') {
    // Only legacy tokens have none; a bound one without must not live for ever.
    if (exp !== undefined) throw new AuthenticationFailure('the service account token has a malformed exp claim');
  } else if (nowMs - LEEWAY_MS > exp * 1000) throw new AuthenticationFailure('service account token has expired');
  if (typeof nbf === 'number' && nowMs + LEEWAY_MS < nbf * 1000) {
    throw new AuthenticationFailure('service account token is not valid yet');
  }
  if (typeof iat === 'number' && nowMs + LEEWAY_MS < iat * 1000) {
    throw new AuthenticationFailure('service account token is issued in the future');
  }
}

function sharedAudiences(claimed: TokenClaims['aud'], wanted: readonly string[]): string[] {
  const given = typeof claimed === 'string' ? [claimed] : Array.isArray(claimed) ? (claimed as readonly string[]) : [];
  const asked = new Set(wanted);
  const shared = given.filter((audience) => asked.has(audience));
  if (shared.length) return shared;
  throw new AuthenticationFailure(
    `token audiences ${JSON.stringify(given)} is invalid for the target audiences ${JSON.stringify(wanted)}`,
  );
}

async function boundTokenUser(
  claims: TokenClaims,
  options: ServiceAccountTokenOptions,
  deps: ServiceAccountTokenDeps,
): Promise<UserInfo> {
  const bound = claims['kubernetes.io'];
  const account = parseServiceAccountUserName(claims.sub ?? '');
  if (!bound?.namespace || !bound.serviceaccount?.name || !bound.serviceaccount.uid || typeof claims.exp !== 'number') {
    throw new AuthenticationFailure('the service account token lacks a claim');
  }
  if (account?.namespace !== bound.namespace || account.name !== bound.serviceaccount.name) {
    throw new AuthenticationFailure('sub does not match the kubernetes.io claim of the service account token');
  }
  const { namespace, pod, secret, node } = bound;
  if (options.lookup) {
    await checkAlive(deps, serviceAccountKind, namespace, bound.serviceaccount);
    if (secret) await checkAlive(deps, secretKind, namespace, secret);
    if (pod) await checkAlive(deps, podKind, namespace, pod);
    // With a pod the node only says where the pod ran when the token was made.
    if (node && !pod) await checkAlive(deps, nodeKind, '', node);
  }
  const extra: Record<string, readonly string[]> = {};
  const note = (key: string, value: string | undefined) => {
    if (value) extra[`authentication.kubernetes.io/${key}`] = [value];
  };
  note('pod-name', pod?.name);
  note('pod-uid', pod?.uid);
  note('node-name', node?.name);
  note('node-uid', node?.uid);
  note('credential-id', claims.jti && `JTI=${claims.jti}`);
  return {
    ...accountUser(account),
    uid: bound.serviceaccount.uid,
    ...(Object.keys(extra).length && { extra }),
  };
}

const accountUser = (account: { namespace: string; name: string }): UserInfo => ({
  name: serviceAccountUserName(account),
  groups: serviceAccountGroups(account.namespace),
});

async function checkLegacyToken(token: string, account: LegacyAccount, deps: ServiceAccountTokenDeps): Promise<void> {
  const secret = await find(deps, secretKind, account.namespace, account.secretName, (found) =>
    sameSecret(secretText(found, 'token'), token),
  );
  const where = `secret "${account.namespace}/${account.secretName}"`;
  if (!secret || isGone(secret, deps.clock.now())) throw new AuthenticationFailure(`the token's ${where} has been removed`);
  if (!sameSecret(secretText(secret, 'token'), token)) throw new AuthenticationFailure(`the token is not the one in ${where}`);
  await checkAlive(deps, serviceAccountKind, account.namespace, { name: account.name, uid: account.uid });
  if (!deps.uses) return;
  if (secret.metadata.labels?.[INVALID_SINCE_LABEL])
    throw new AuthenticationFailure(
      `the token in secret ${account.namespace}/${account.secretName} for service account ${account.namespace}/${account.name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${INVALID_SINCE_LABEL}' label from the secret to temporarily allow use of this token`,
    );
  deps.uses.note(secret);
}

/** Throws when the object a token hangs on is gone, is another of the same name, or has been in deletion for longer than the leeway. */
async function checkAlive(
  deps: ServiceAccountTokenDeps,
  kind: KindDefinition,
  namespace: string,
  claim: { readonly name: string; readonly uid?: string },
): Promise<void> {
  const found = await find(deps, kind, namespace, claim.name, (object) => object.metadata.uid === claim.uid);
  const what = `${kind.kind} "${namespace ? `${namespace}/` : ''}${claim.name}"`;
  if (!found) throw new AuthenticationFailure(`the token's ${what} does not exist`);
  if (isGone(found, deps.clock.now())) throw new AuthenticationFailure(`the token's ${what} has been deleted`);
  if (found.metadata.uid !== claim.uid) {
    throw new AuthenticationFailure(`the token's ${what} has uid ${found.metadata.uid}, the token says ${claim.uid}`);
  }
}

/** Looks into the cache, and only when it does not show the wanted object waits for what may be on its way. */
async function find(
  { reader }: ServiceAccountTokenDeps,
  kind: KindDefinition,
  namespace: string,
  name: string,
  wanted: (object: DynamicObject) => boolean,
): Promise<DynamicObject | undefined> {
  const cached = reader.get(kind, namespace, name);
  if (cached && wanted(cached)) return cached;
  await reader.waitFresh(kind);
  return reader.get(kind, namespace, name);
}

function isGone({ metadata }: DynamicObject, nowMs: number): boolean {
  return metadata.deletionTimestamp !== undefined && Date.parse(metadata.deletionTimestamp) < nowMs - LEEWAY_MS;
}
