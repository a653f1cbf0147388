import { MASTERS } from '../authentication/identities.ts';
import type { Authorizer, Decision } from '../contracts.ts';

/** The first that allows or denies decides (apiserver/pkg/authorization/union); without one, the reasons of all are given. */
export function createUnionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return {
    async authorize(attributes) {
      const reasons: string[] = [];
      const errors: string[] = [];
      for (const authorizer of authorizers) {
        const answer = await authorizer.authorize(attributes);
        if (answer.decision !== 'no-opinion') return answer;
        if (answer.reason) reasons.push(answer.reason);
        if (answer.evaluationError) errors.push(answer.evaluationError);
      }
      return {
        decision: 'no-opinion',
        reason: reasons.join('\n'),
        ...(errors.length && { evaluationError: errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]` }),
      };
    },
  };
}

/** `system:masters` may do everything in every mode, so that no mistake in a policy locks everybody out. */
export const privilegedGroupAuthorizer: Authorizer = {
  authorize: async ({ user }): Promise<Decision> => ({
    decision: user.groups.includes(MASTERS) ? 'allow' : 'no-opinion',
    reason: '',
  }),
};

export const alwaysAllowAuthorizer: Authorizer = { authorize: async () => ({ decision: 'allow', reason: '' }) };

/** Upstream's AlwaysDeny has no opinion either: what nobody allows is forbidden. */
export const alwaysDenyAuthorizer: Authorizer = {
  authorize: async () => ({ decision: 'no-opinion', reason: 'Everything is forbidden.' }),
};
