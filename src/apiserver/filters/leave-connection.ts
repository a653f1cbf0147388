import { ANONYMOUS, UNAUTHENTICATED } from '../authentication/identities.ts';
import type { Filter, UserInfo } from '../contracts.ts';

/**
 * Sends clients of HTTP/2 away from their connection now and then, so that they spread over the servers behind a load balancer
 * (`--goaway-chance`; apiserver/pkg/server/filters/goaway.go).
 */
export function createGoawayFilter(chance: number, random: () => number): Filter {
  return (next) => (context, response) => {
    if (random() < chance) response.leaveConnection?.();
    return next(context, response);
  };
}

/**
 * Stands around authentication: who does not say who it is gets one answer on an HTTP/2 connection, which is dear to hold open
 * (CVE-2023-44487; apiserver/pkg/endpoints/filters/authentication.go).
 */
export function leaveUnlessAuthenticated(authentication: Filter): Filter {
  return (next) => {
    const handler = authentication((context, response) => {
      if (isAnonymous(context.user)) response.leaveConnection?.();
      return next(context, response);
    });
    return async (context, response) => {
      const before = context.user;
      try {
        await handler(context, response);
      } catch (error) {
        // Nobody was found: who was, has been put there.
        if (context.user === before) response.leaveConnection?.();
        throw error;
      }
    };
  };
}

const isAnonymous = ({ name, groups }: UserInfo) => name === ANONYMOUS || groups.includes(UNAUTHENTICATED);
