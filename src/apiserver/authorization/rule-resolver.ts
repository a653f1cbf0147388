import type { UserInfo } from '../contracts.ts';
import type { PolicyRule } from './policy-rule.ts';

export interface ResolvedRules {
  readonly rules: readonly PolicyRule[];
  /** True when the user may do more than the rules say. */
  readonly incomplete: boolean;
  readonly problems: readonly string[];
}

/** An authorizer that can say in advance what a user may do in a namespace. */
export interface RuleResolver {
  rulesFor(user: UserInfo, namespace: string): ResolvedRules;
}

/** What all of them know together. */
export function createUnionRuleResolver(resolvers: readonly RuleResolver[]): RuleResolver {
  return {
    rulesFor(user, namespace) {
      const all = resolvers.map((resolver) => resolver.rulesFor(user, namespace));
      return {
        rules: all.flatMap(({ rules }) => rules),
        incomplete: all.some(({ incomplete }) => incomplete),
        problems: all.flatMap(({ problems }) => problems),
      };
    },
  };
}

/** What AlwaysAllow grants. */
export const everythingResolver: RuleResolver = {
  rulesFor: () => ({
    rules: [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ],
    incomplete: false,
    problems: [],
  }),
};

export const nothingResolver: RuleResolver = { rulesFor: () => ({ rules: [], incomplete: false, problems: [] }) };
