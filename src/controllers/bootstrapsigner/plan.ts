import { createHmac } from 'node:crypto';
import type { V1ConfigMap, V1Secret } from '../../api/gen/types.ts';
import { expirationMs, secretText, tokenParts } from '../bootstrap-token/bootstrap-token-secret.ts';

const SIGNATURE_PREFIX = 'jws-kubeconfig-';

/** The tokens that sign now, and when the first of them stops. */
export function signingTokens(secrets: readonly V1Secret[], nowMs: number) {
  const tokens: { id: string; secret: string }[] = [];
  let endsMs = Number.POSITIVE_INFINITY;
  for (const secret of secrets) {
    const parts = tokenParts(secret);
    const endMs = expirationMs(secret) ?? Number.POSITIVE_INFINITY;
    if (
      !parts ||
      secretText(secret, 'usage-bootstrap-signing') !== 'true' ||
      endMs <= nowMs ||
      secret.metadata?.deletionTimestamp
    )
      continue;
    tokens.push(parts);
    endsMs = Math.min(endsMs, endMs);
  }
  return { tokens, endsMs };
}

/**
 * What `cluster-info` should hold: its kubeconfig and a signature of it by each token, no others. Undefined when it does already, or has
 * nothing to sign. A joining machine that knows only its token can thus tell whether the file is the cluster's.
 */
export function planClusterInfo(
  configMap: V1ConfigMap,
  tokens: readonly { id: string; secret: string }[],
): Record<string, string> | undefined {
  const kubeconfig = configMap.data?.['kubeconfig'];
  if (!kubeconfig) return undefined;
  const data = Object.fromEntries(Object.entries(configMap.data ?? {}).filter(([key]) => !key.startsWith(SIGNATURE_PREFIX)));
  for (const { id, secret } of tokens) data[`${SIGNATURE_PREFIX}${id}`] = signDetached(kubeconfig, id, secret);
  return isSameData(data, configMap.data ?? {}) ? undefined : data;
}

/** A JWS in compact form without its payload (RFC 7515 appendix F), HS256, keyed by the token's secret and naming its id. */
export function signDetached(content: string, tokenId: string, tokenSecret: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: tokenId })).toString('base64url');
  const payload = Buffer.from(content).toString('base64url');
  return `${header}..${createHmac('sha256', tokenSecret).update(`${header}.${payload}`).digest('base64url')}`;
}

function isSameData(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
