import type { Authenticator, TokenAuthenticator } from '../contracts.ts';
import { AuthenticationFailure, joinFailures } from './authentication-failure.ts';

const WEBSOCKET_BEARER = 'base64url.bearer.authorization.k8s.io.';

/**
 * The token of `Authorization: Bearer …`, or, for browsers that cannot set it on a WebSocket, of the subprotocol that upstream
 * takes it from (apiserver/pkg/authentication/request/{bearertoken,websocket}).
 */
export function readBearerToken(headers: Readonly<Record<string, string | undefined>>): string | undefined {
  // What follows a second space does not count; a request with a broken token must not pass for anonymous.
  const [scheme, token] = (headers['authorization'] ?? '').trim().split(' ');
  if (scheme?.toLowerCase() === 'bearer' && token) return token;
  if (headers['upgrade']?.toLowerCase() !== 'websocket') return undefined;
  const protocol = (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .find((name) => name.startsWith(WEBSOCKET_BEARER));
  const text = protocol && Buffer.from(protocol.slice(WEBSOCKET_BEARER.length), 'base64url').toString('utf8');
  return text || undefined;
}

/** A request that carries a token which nobody knows is rejected: it is not anonymous. */
export function createBearerTokenAuthenticator(tokens: TokenAuthenticator): Authenticator {
  return {
    async authenticate({ headers }) {
      const token = readBearerToken(headers);
      if (token === undefined) return undefined;
      const answer = await tokens.authenticateToken(token);
      if (!answer) throw new AuthenticationFailure('invalid bearer token');
      return answer.user;
    },
  };
}

/** Asks each kind of token in turn, as the union of request authenticators does. */
export function createUnionTokenAuthenticator(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return {
    async authenticateToken(token, audiences) {
      const failures: unknown[] = [];
      for (const authenticator of authenticators) {
        try {
          const answer = await authenticator.authenticateToken(token, audiences);
          if (answer) return answer;
        } catch (error) {
          if (!(error instanceof AuthenticationFailure)) throw error;
          failures.push(error);
        }
      }
      if (failures.length) throw joinFailures(failures);
      return undefined;
    },
  };
}

/**
 * Tokens that know of no audience are good for the API server's own (apiserver/pkg/authentication/authenticator/audagnostic.go):
 * when others are asked for, they are not for them.
 */
export function withImplicitAudiences(tokens: TokenAuthenticator, implicit: readonly string[]): TokenAuthenticator {
  return {
    async authenticateToken(token, audiences) {
      if (!audiences?.length) return tokens.authenticateToken(token);
      const shared = implicit.filter((audience) => audiences.includes(audience));
      if (!shared.length) return undefined;
      const answer = await tokens.authenticateToken(token);
      return answer && { ...answer, audiences: shared };
    },
  };
}
