import type { V1Secret } from '../../api/gen/types.ts';
import { BOOTSTRAP_TOKEN_SECRET_TYPE, expirationMs } from '../bootstrap-token/bootstrap-token-secret.ts';

/** What is to be done about a Secret now, or when to look at it again. */
export function planTokenCleaning(secret: V1Secret, nowMs: number): 'keep' | 'delete' | { againAtMs: number } {
  const endMs =
    secret.type === BOOTSTRAP_TOKEN_SECRET_TYPE && !secret.metadata?.deletionTimestamp ? expirationMs(secret) : undefined;
  if (endMs === undefined) return 'keep';
  return endMs <= nowMs ? 'delete' : { againAtMs: endMs };
}
