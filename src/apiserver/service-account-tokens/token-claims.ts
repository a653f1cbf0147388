import type { KubeObject } from '../../api/machinery/object.ts';
import type { ObjectClaim, TokenClaims } from '../../pki/service-account-token.ts';

export interface BoundObjects {
  readonly pod?: KubeObject;
  readonly secret?: KubeObject;
  readonly node?: KubeObject;
}

export interface TokenContent {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly nowMs: number;
  readonly seconds: number;
  /** From when on its use is a sign that its bearer does not read it anew. */
  readonly warnAfterSeconds?: number;
  /** Unlike that of any other token. */
  readonly id: string;
  readonly account: KubeObject;
  readonly bound: BoundObjects;
}

/** What a bound token says (pkg/serviceaccount/claims.go). */
export function tokenClaims({
  issuer,
  audiences,
  nowMs,
  seconds,
  warnAfterSeconds,
  id,
  account,
  bound,
}: TokenContent): TokenClaims {
  const now = Math.floor(nowMs / 1000);
  const { namespace = '', name = '' } = account.metadata ?? {};
  const { pod, secret, node } = bound;
  return {
    aud: audiences,
    exp: now + seconds,
    iat: now,
    iss: issuer,
    jti: id,
    'kubernetes.io': {
      namespace,
      ...(node && { node: claimOf(node) }),
      ...(pod && { pod: claimOf(pod) }),
      ...(secret && { secret: claimOf(secret) }),
      serviceaccount: claimOf(account),
      ...(warnAfterSeconds !== undefined && { warnafter: now + warnAfterSeconds }),
    },
    nbf: now,
    sub: `system:serviceaccount:${namespace}:${name}`,
  };
}

function claimOf({ metadata }: KubeObject): ObjectClaim {
  return { name: metadata?.name ?? '', ...(metadata?.uid && { uid: metadata.uid }) };
}
