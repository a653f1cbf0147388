import type { V1SelfSubjectRulesReviewSpec } from '../../api/gen/types.ts';
import { badRequest } from '../../api/machinery/status-error.ts';
import type { RuleResolver } from '../authorization/rule-resolver.ts';
import type { ActionHandler } from '../contracts.ts';
import { reviewAction } from './review-action.ts';

const GROUP = 'authorization.k8s.io';

/** What one may do in a namespace, in advance (`kubectl auth can-i --list`; pkg/registry/authorization/selfsubjectrulesreview). */
export function createRulesReview(resolver: RuleResolver): ActionHandler {
  return reviewAction({ group: GROUP, resource: 'selfsubjectrulesreviews', statusAlone: true }, async (body, { user }) => {
    const { namespace = '' } = (body['spec'] ?? {}) as V1SelfSubjectRulesReviewSpec;
    if (!namespace) throw badRequest('no namespace on request');
    const { rules, incomplete, problems } = resolver.rulesFor(user, namespace);
    return {
      resourceRules: rules
        .filter((rule) => rule.resources?.length)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({
          verbs,
          apiGroups: apiGroups ?? [],
          resources,
          ...(resourceNames?.length && { resourceNames }),
        })),
      nonResourceRules: rules
        .filter((rule) => rule.nonResourceURLs?.length)
        .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete,
      ...(problems.length && { evaluationError: problems.length === 1 ? problems[0] : `[${[...new Set(problems)].join(', ')}]` }),
    };
  });
}
