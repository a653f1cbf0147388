import type { Authenticator } from '../contracts.ts';
import { AuthenticationFailure, joinFailures } from './authentication-failure.ts';
import { anonymousUser, withAuthenticatedGroup } from './identities.ts';

/**
 * Asks each in turn; the first that knows the caller answers. When some found credentials and all of those were bad, rejects, and
 * never falls back to anonymous (apiserver/pkg/authentication/request/union).
 */
export function createUnionAuthenticator(
  authenticators: readonly Authenticator[],
  options: { readonly anonymous: boolean | ((path: string) => boolean) },
): Authenticator {
  return {
    async authenticate(request) {
      const failures: unknown[] = [];
      for (const authenticator of authenticators) {
        try {
          const user = await authenticator.authenticate(request);
          if (user) return withAuthenticatedGroup(user);
        } catch (error) {
          if (!(error instanceof AuthenticationFailure)) throw error;
          failures.push(error);
        }
      }
      if (failures.length) throw joinFailures(failures);
      const { anonymous } = options;
      return (typeof anonymous === 'function' ? anonymous(request.path ?? '') : anonymous) ? anonymousUser : undefined;
    },
  };
}
