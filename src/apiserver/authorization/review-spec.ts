import type { AuthorizationAttributes } from '../contracts.ts';
import { fieldRequirements, labelRequirements, type SelectorRequirement } from './selector-requirements.ts';

/** What a SubjectAccessReview says of a request; texts that are empty are left out. */
export function reviewSpec(attributes: AuthorizationAttributes, version: 'v1' | 'v1beta1'): object {
  const { user, isResourceRequest, verb, path, namespace, group, resource, subresource, name } = attributes;
  const what = isResourceRequest
    ? {
        resourceAttributes: {
          ...(namespace && { namespace }),
          verb,
          ...(group && { group }),
          ...(attributes.version && { version: attributes.version }),
          resource,
          ...(subresource && { subresource }),
          ...(name && { name }),
          ...selectors(attributes),
        },
      }
    : { nonResourceAttributes: { path, verb } };
  return {
    ...what,
    user: user.name,
    ...(user.groups.length && { [version === 'v1' ? 'groups' : 'group']: user.groups }),
    ...(user.extra && { extra: user.extra }),
    ...(user.uid && { uid: user.uid }),
  };
}

/** The same for expressions, which find every text there (apiserver/pkg/authorization/cel/compile.go). */
export function reviewSpecForExpressions(attributes: AuthorizationAttributes): object {
  const { user, isResourceRequest, verb, path, namespace, group, version, resource, subresource, name } = attributes;
  return {
    user: user.name,
    groups: user.groups,
    uid: user.uid ?? '',
    extra: user.extra ?? {},
    ...(isResourceRequest
      ? { resourceAttributes: { namespace, verb, group, version, resource, subresource, name, ...selectors(attributes) } }
      : { nonResourceAttributes: { path, verb } }),
  };
}

function selectors({ fieldSelector, labelSelector }: AuthorizationAttributes): Record<string, object> {
  const fields = fieldSelector ? fieldRequirements(fieldSelector) : [];
  const labels = labelSelector ? labelRequirements(labelSelector) : [];
  const as = (requirements: readonly SelectorRequirement[]) => ({ requirements });
  return { ...(fields.length && { fieldSelector: as(fields) }), ...(labels.length && { labelSelector: as(labels) }) };
}
