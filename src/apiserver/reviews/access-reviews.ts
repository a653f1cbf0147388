import type { V1SubjectAccessReviewSpec } from '../../api/gen/types.ts';
import { type FieldError, invalid } from '../../api/machinery/status-error.ts';
import type { ActionHandler, AuthorizationAttributes, Authorizer, UserInfo } from '../contracts.ts';
import { reviewAction } from './review-action.ts';
import { ignoredSelectors, reviewedFieldSelector, reviewedLabelSelector } from './selector-text.ts';
import { specOf, validateLocalReview, validateSelfReview, validateSubjectReview } from './validate-access-review.ts';

const GROUP = 'authorization.k8s.io';
type AccessSpec = Pick<V1SubjectAccessReviewSpec, 'resourceAttributes' | 'nonResourceAttributes'>;

/** SubjectAccessReview, its namespaced form, and the question about oneself (pkg/registry/authorization). */
export function createAccessReviews(authorizer: Authorizer): ActionHandler[] {
  const decide = async (user: UserInfo, spec: AccessSpec) => {
    const [attributes, ignored] = reviewedAttributes(user, spec);
    const { decision, reason, evaluationError } = await authorizer.authorize(attributes);
    const problems = [...(evaluationError ? [evaluationError] : []), ...ignored];
    return {
      allowed: decision === 'allow',
      ...(decision === 'deny' && { denied: true }),
      ...(reason && { reason }),
      ...(problems.length && { evaluationError: problems.join('; ') }),
    };
  };
  return [
    reviewAction({ group: GROUP, resource: 'subjectaccessreviews' }, async (body) => {
      refuse(validateSubjectReview(body));
      return decide(subjectOf(specOf(body)), specOf(body));
    }),
    reviewAction({ group: GROUP, resource: 'localsubjectaccessreviews' }, async (body, { info }) => {
      refuse(validateLocalReview(body, info.namespace));
      return decide(subjectOf(specOf(body)), specOf(body));
    }),
    reviewAction({ group: GROUP, resource: 'selfsubjectaccessreviews' }, async (body, { user }) => {
      refuse(validateSelfReview(body));
      return decide(user, specOf(body));
    }),
  ];
}

/** Upstream's answer does not say of what kind the question is. */
function refuse(errors: readonly FieldError[]): void {
  if (errors.length) throw invalid({ group: GROUP, kind: '' }, '', errors);
}

const subjectOf = ({ user, uid, groups, extra }: V1SubjectAccessReviewSpec): UserInfo => ({
  name: user ?? '',
  groups: groups ?? [],
  ...(uid && { uid }),
  ...(extra && { extra }),
});

/** What is asked of authorizers, and what of the review's selectors is not. */
function reviewedAttributes(
  user: UserInfo,
  { resourceAttributes, nonResourceAttributes }: AccessSpec,
): [AuthorizationAttributes, readonly string[]] {
  const nothing = { group: '', version: '', namespace: '', resource: '', subresource: '', name: '' };
  if (!resourceAttributes) {
    const { verb = '', path = '' } = nonResourceAttributes ?? {};
    return [{ ...nothing, user, isResourceRequest: false, verb, path }, []];
  }
  const { verb = '', group = '', version, namespace = '', resource = '', subresource = '', name = '' } = resourceAttributes;
  const fields = reviewedFieldSelector(resourceAttributes.fieldSelector);
  const labels = reviewedLabelSelector(resourceAttributes.labelSelector);
  const attributes = {
    user,
    isResourceRequest: true,
    verb,
    path: '',
    group,
    version: version || '*',
    namespace,
    resource,
    subresource,
    name,
    ...(fields.text && { fieldSelector: fields.text }),
    ...(labels.text && { labelSelector: labels.text }),
  };
  return [attributes, ignoredSelectors(fields, labels)];
}
