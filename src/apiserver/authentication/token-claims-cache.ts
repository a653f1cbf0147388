import type { TokenClaims, TokenVerifier } from '../../pki/service-account-token.ts';
import { digestOf } from './secret-values.ts';

/**
 * Remembers which tokens were signed by our keys, the least lately used forgotten first. Only the signature's check is kept, which
 * time and deletions cannot change: everything else about a token is looked at every time. Bad tokens are not remembered, so nobody can push the
 * good ones out with them. Kept by hash: the memory of the process holds no tokens.
 */
export function withSignatureCache(verifier: TokenVerifier, capacity: number): TokenVerifier {
  const known = new Map<string, TokenClaims>();
  return {
    jwks: verifier.jwks,
    verify(token) {
      const key = digestOf(token).toString('base64');
      const found = known.get(key);
      const claims = found ?? verifier.verify(token);
      if (!claims) return undefined;
      known.delete(key);
      known.set(key, claims);
      if (known.size > capacity) known.delete(known.keys().next().value!);
      return claims;
    },
  };
}
