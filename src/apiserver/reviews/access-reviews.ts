import type { V1ResourceAttributes, V1SubjectAccessReviewSpec } from '../../api/gen/types.ts';
import { forbiddenField, invalidField, requiredField } from '../../api/machinery/field-error.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest, type FieldError, invalid } from '../../api/machinery/status-error.ts';
import type { ActionHandler, AuthorizationAttributes, Authorizer, UserInfo } from '../contracts.ts';
import { reviewAction } from './review-action.ts';
import { fieldSelectorText, labelSelectorText } from './selector-text.ts';

const GROUP = 'authorization.k8s.io';
type AccessSpec = Pick<V1SubjectAccessReviewSpec, 'resourceAttributes' | 'nonResourceAttributes'>;

/** SubjectAccessReview, its namespaced form, and the question about oneself (pkg/registry/authorization). */
export function createAccessReviews(authorizer: Authorizer): ActionHandler[] {
  const decide = async (user: UserInfo, spec: AccessSpec) => {
    const { decision, reason, evaluationError } = await authorizer.authorize(reviewedAttributes(user, spec));
    return {
      allowed: decision === 'allow',
      ...(decision === 'deny' && { denied: true }),
      ...(reason && { reason }),
      ...(evaluationError && { evaluationError }),
    };
  };
  return [
    reviewAction({ group: GROUP, resource: 'subjectaccessreviews' }, async (body) => {
      const spec = checkSpec('SubjectAccessReview', body, true);
      return decide(subjectOf(spec), spec);
    }),
    reviewAction({ group: GROUP, resource: 'localsubjectaccessreviews' }, async (body, { info }) => {
      const spec = checkSpec('LocalSubjectAccessReview', body, true);
      const kind = { group: GROUP, kind: 'LocalSubjectAccessReview' };
      if (spec.nonResourceAttributes) {
        throw invalid(kind, '', [forbiddenField('spec.nonResourceAttributes', 'disallowed on this kind of request')]);
      }
      const namespace = spec.resourceAttributes?.namespace ?? '';
      if (namespace !== info.namespace) {
        const mismatch = `must match metadata.namespace: ${info.namespace}`;
        throw invalid(kind, '', [invalidField('spec.resourceAttributes.namespace', namespace, mismatch)]);
      }
      return decide(subjectOf(spec), spec);
    }),
    reviewAction({ group: GROUP, resource: 'selfsubjectaccessreviews' }, async (body, { user }) =>
      decide(user, checkSpec('SelfSubjectAccessReview', body, false)),
    ),
  ];
}

const subjectOf = ({ user, uid, groups, extra }: V1SubjectAccessReviewSpec): UserInfo => ({
  name: user ?? '',
  groups: groups ?? [],
  ...(uid && { uid }),
  ...(extra && { extra }),
});

function checkSpec(kind: string, body: DynamicObject, withSubject: boolean): V1SubjectAccessReviewSpec {
  const spec = (body['spec'] ?? {}) as V1SubjectAccessReviewSpec;
  const errors: FieldError[] = [];
  if (spec.resourceAttributes && spec.nonResourceAttributes) {
    const detail = 'cannot be specified in combination with resourceAttributes';
    errors.push(invalidField('spec.nonResourceAttributes', spec.nonResourceAttributes, detail));
  }
  if (!spec.resourceAttributes && !spec.nonResourceAttributes) {
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    errors.push(invalidField('spec.resourceAttributes', null, detail));
  }
  if (withSubject && !spec.user && !spec.groups?.length) {
    errors.push(requiredField('spec.user', 'at least one of user or group must be specified'));
  }
  if (errors.length) throw invalid({ group: GROUP, kind }, '', errors);
  return spec;
}

function reviewedAttributes(user: UserInfo, { resourceAttributes, nonResourceAttributes }: AccessSpec): AuthorizationAttributes {
  const nothing = { group: '', version: '', namespace: '', resource: '', subresource: '', name: '' };
  if (!resourceAttributes) {
    const { verb = '', path = '' } = nonResourceAttributes ?? {};
    return { ...nothing, user, isResourceRequest: false, verb, path };
  }
  const { verb = '', group = '', version = '', namespace = '', resource = '', subresource = '', name = '' } = resourceAttributes;
  const fieldSelector = fieldSelectorText(oneForm(resourceAttributes.fieldSelector, 'fieldSelector'));
  const labelSelector = labelSelectorText(oneForm(resourceAttributes.labelSelector, 'labelSelector'));
  return {
    user,
    isResourceRequest: true,
    verb,
    path: '',
    group,
    version,
    namespace,
    resource,
    subresource,
    name,
    ...(fieldSelector && { fieldSelector }),
    ...(labelSelector && { labelSelector }),
  };
}

/** A selector is given as text or as requirements. */
function oneForm<T extends V1ResourceAttributes['fieldSelector' | 'labelSelector']>(selector: T, field: string): T {
  if (selector?.rawSelector && selector.requirements?.length) {
    throw badRequest(`spec.resourceAttributes.${field}: rawSelector may not be specified together with requirements`);
  }
  return selector;
}
