import type { V1Secret } from '../../api/gen/types.ts';
import { timeMs } from '../../api/machinery/time-text.ts';
import type { InformerScope } from '../framework/shared-informers.ts';

export const BOOTSTRAP_TOKEN_SECRET_TYPE = 'bootstrap.kubernetes.io/token';
const NAME_PREFIX = 'bootstrap-token-';
const TOKEN_ID = /^[a-z0-9]{6}$/;

/** The Secrets that are bootstrap tokens (https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/). */
export const BOOTSTRAP_TOKENS: InformerScope = {
  namespace: 'kube-system',
  fieldSelector: `type=${BOOTSTRAP_TOKEN_SECRET_TYPE}`,
};

/** The value of one of a Secret's keys as text; empty when it is not there. */
export function secretText(secret: V1Secret, key: string): string {
  return Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
}

/** When the token ends: undefined for never, at once (0) when the time cannot be read, so that a mistyped end never means for ever. */
export function expirationMs(secret: V1Secret): number | undefined {
  const text = secretText(secret, 'expiration');
  return text === '' ? undefined : (timeMs(text) ?? 0);
}

/** The token's two halves when the Secret is a usable one: named after its id, with a secret. */
export function tokenParts(secret: V1Secret): { id: string; secret: string } | undefined {
  const id = secretText(secret, 'token-id');
  const tokenSecret = secretText(secret, 'token-secret');
  const isNamed = secret.metadata?.name === `${NAME_PREFIX}${id}`;
  return TOKEN_ID.test(id) && isNamed && tokenSecret !== '' ? { id, secret: tokenSecret } : undefined;
}
