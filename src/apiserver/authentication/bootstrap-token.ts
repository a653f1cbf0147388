import { secretKind } from '../../api/core/v1/secret.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { timeMs } from '../../api/machinery/time-text.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { ObjectReader, TokenAuthenticator, UserInfo } from '../contracts.ts';
import { BOOTSTRAPPERS_GROUP } from './identities.ts';
import { sameSecret, secretText } from './secret-values.ts';

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

export interface BootstrapTokenDeps {
  readonly reader: ObjectReader;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
}

/**
 * Bootstrap tokens are Secrets `bootstrap-token-<id>` in kube-system (plugin/pkg/auth/authenticator/token/bootstrap). A Secret
 * counts, and ceases to count, from the moment its write was acknowledged: nothing is cached here.
 */
export function createBootstrapTokenAuthenticator({ reader, clock, logger }: BootstrapTokenDeps): TokenAuthenticator {
  return {
    async authenticateToken(token) {
      const match = TOKEN.exec(token);
      if (!match) return undefined;
      const [, id, secret] = match as unknown as [string, string, string];
      await reader.waitFresh(secretKind);
      const stored = reader.get(secretKind, 'kube-system', `bootstrap-token-${id}`);
      const outcome = checkBootstrapToken(stored, { id, secret, nowMs: clock.now() });
      if (typeof outcome === 'object') return { user: outcome };
      logger.debug(3, 'A bootstrap token was not accepted', { tokenId: id, reason: outcome });
      return undefined;
    },
  };
}

/** The user that the token is, or why it is none. */
export function checkBootstrapToken(
  stored: DynamicObject | undefined,
  presented: { readonly id: string; readonly secret: string; readonly nowMs: number },
): UserInfo | string {
  if (!stored) return 'there is no Secret of that name';
  if (stored.metadata.deletionTimestamp) return 'the Secret is being deleted';
  if (stored['type'] !== 'bootstrap.kubernetes.io/token') return 'the Secret is not of type bootstrap.kubernetes.io/token';
  const secret = secretText(stored, 'token-secret');
  if (!secret || !sameSecret(secret, presented.secret)) return 'the token secret does not match';
  if (secretText(stored, 'token-id') !== presented.id) return 'token-id does not match the name of the Secret';
  const expiration = secretText(stored, 'expiration');
  if (expiration) {
    // What cannot be read as a time must not count as "never".
    const expiresMs = timeMs(expiration);
    if (expiresMs === undefined) return 'expiration is not an RFC 3339 time';
    if (expiresMs <= presented.nowMs) return 'the token has expired';
  }
  if (secretText(stored, 'usage-bootstrap-authentication') !== 'true') return 'usage-bootstrap-authentication is not "true"';
  const groups = secretText(stored, 'auth-extra-groups')
    .split(',')
    .map((group) => group.trim())
    .filter(Boolean);
  const wrong = groups.find((group) => !EXTRA_GROUP.test(group));
  if (wrong !== undefined) return `auth-extra-groups holds "${wrong}", which does not match ${EXTRA_GROUP.source}`;
  return { name: `system:bootstrap:${presented.id}`, groups: [...new Set([BOOTSTRAPPERS_GROUP, ...groups])] };
}
