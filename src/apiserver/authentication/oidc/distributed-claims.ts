import { isJsonMap } from '../../../api/machinery/clone.ts';
import type { Clock } from '../../../std/clock.ts';
import { goQuote } from '../../../std/go-text.ts';
import { AuthenticationFailure } from '../authentication-failure.ts';
import { type Claims, claimOf, parseIdToken, verifyIdToken } from './id-token.ts';
import { createIssuerKeys, getText, type IssuerKeys } from './issuer-keys.ts';

export interface DistributedClaimsConfig {
  readonly issuer: { readonly audiences: readonly string[]; readonly caPem?: string };
  readonly signingAlgorithms: readonly string[];
}

/** Issuers that sign claims for others, whose keys are kept. */
const MOST_ISSUERS = 16;

/**
 * Fetches a claim that a token only says the whereabouts of (OpenID Connect Core 5.6.2, `_claim_names` and `_claim_sources`): a token
 * of its own, signed by whoever made it. Resolves to the claims with it; to the same ones when there is nothing to fetch. As upstream,
 * claims that come within the token (`JWT`) are passed over. Rejects with an AuthenticationFailure.
 */
export function createDistributedClaims(
  claim: string,
  { issuer, signingAlgorithms }: DistributedClaimsConfig,
  clock: Pick<Clock, 'now' | 'steady'>,
): (claims: Claims) => Promise<Claims> {
  const keysOf = new Map<string, IssuerKeys>();
  const keysFor = (url: string): IssuerKeys => {
    const keys = keysOf.get(url) ?? createIssuerKeys({ url, ...(issuer.caPem !== undefined && { caPem: issuer.caPem }) }, clock);
    keysOf.delete(url);
    keysOf.set(url, keys);
    for (const oldest of keysOf.keys()) {
      if (keysOf.size <= MOST_ISSUERS) break;
      keysOf.delete(oldest);
    }
    return keys;
  };

  const resolve = async (endpoint: string, token: string): Promise<unknown> => {
    const text = await getText(endpoint, { caPem: issuer.caPem, accept: '*/*', token }).catch((error: Error) => {
      throw problem(`while getting distributed claim ${JSON.stringify(claim)}: ${error.message}`);
    });
    const fetched = parseIdToken(text.trim());
    const from = fetched && claimOf(fetched.claims, 'iss');
    if (!fetched || typeof from !== 'string' || !isHttps(from))
      throw problem(`getting untrusted issuer from endpoint ${endpoint} failed for claim ${JSON.stringify(claim)}`);
    // Of several audiences none is the one that the other side must mean.
    const audiences = issuer.audiences.length === 1 ? issuer.audiences : undefined;
    await verifyIdToken(fetched, { signingAlgorithms, audiences, keys: keysFor(from), nowMs: clock.now() }).catch(
      (error: Error) => {
        throw problem(`verify distributed claim token: ${error.message}`);
      },
    );
    const value = claimOf(fetched.claims, claim);
    if (value === undefined)
      throw problem(`jwt returned by distributed claim endpoint ${goQuote(endpoint)} did not contain claim: ${claim}`);
    return value;
  };

  return async (claims) => {
    const source = claimOf(claims, claim) === undefined ? sourceOf(claims, claim) : undefined;
    const endpoint = source && claimOf(source, 'endpoint');
    if (typeof endpoint !== 'string' || endpoint === '') return claims;
    if (!isHttps(endpoint))
      throw problem(`while getting distributed claim ${JSON.stringify(claim)}: its endpoint is no https address`);
    const token = claimOf(source!, 'access_token');
    const value = await resolve(endpoint, typeof token === 'string' ? token : '');
    return Object.fromEntries([...Object.entries(claims), [claim, value]]);
  };
}

const isHttps = (url: string) => url.startsWith('https://') && URL.canParse(url);

const problem = (why: string) => new AuthenticationFailure(`oidc: could not expand distributed claims: ${why}`);

/** Where the claim is to be had; undefined when the token does not say. Its sources have been checked with the token. */
function sourceOf(claims: Claims, claim: string): Claims | undefined {
  const names = claimOf(claims, '_claim_names');
  const name = isJsonMap(names) ? claimOf(names, claim) : undefined;
  const source = typeof name === 'string' ? claimOf(claimOf(claims, '_claim_sources') as Claims, name) : undefined;
  return isJsonMap(source) ? source : undefined;
}
