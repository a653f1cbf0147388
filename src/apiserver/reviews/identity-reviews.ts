import type { V1TokenReviewSpec } from '../../api/gen/types.ts';
import { badRequest } from '../../api/machinery/status-error.ts';
import type { Logger } from '../../std/logger.ts';
import { AuthenticationFailure } from '../authentication/authentication-failure.ts';
import { withAuthenticatedGroup } from '../authentication/identities.ts';
import type { ActionHandler, TokenAuthenticator } from '../contracts.ts';
import { reviewAction } from './review-action.ts';
import { toUserFields } from './user-fields.ts';

const GROUP = 'authentication.k8s.io';

export interface TokenReviewDeps {
  readonly tokens: TokenAuthenticator;
  /** What a token must be for when the review does not say. */
  readonly apiAudiences: readonly string[];
  readonly logger: Logger;
}

/** Who a bearer token is, asked by those who were handed it (pkg/registry/authentication/tokenreview). */
export function createTokenReview({ tokens, apiAudiences, logger }: TokenReviewDeps): ActionHandler {
  return reviewAction({ group: GROUP, resource: 'tokenreviews' }, async (body) => {
    const { token, audiences } = (body['spec'] ?? {}) as Partial<V1TokenReviewSpec>;
    if (!token) throw badRequest('token is required for TokenReview in authentication');
    const wanted = audiences?.length ? audiences : apiAudiences;
    try {
      const answer = await tokens.authenticateToken(token, wanted);
      if (!answer) return { user: {}, error: 'invalid bearer token' };
      return {
        authenticated: true,
        user: toUserFields(withAuthenticatedGroup(answer.user)),
        ...(answer.audiences?.length && { audiences: [...answer.audiences] }),
      };
    } catch (error) {
      if (!(error instanceof AuthenticationFailure)) throw error;
      logger.debug(1, 'A token under review is not good', { reason: error.message });
      return { user: {}, error: 'invalid bearer token' };
    }
  });
}

/** Who the caller is (`kubectl auth whoami`). */
export function createSelfSubjectReview(): ActionHandler {
  return reviewAction({ group: GROUP, resource: 'selfsubjectreviews' }, async (_body, { user }) => ({
    userInfo: toUserFields(user),
  }));
}
