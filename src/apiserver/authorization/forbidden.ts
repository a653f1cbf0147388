import { formatGroupResource, StatusError } from '../../api/machinery/status-error.ts';
import type { AuthorizationAttributes } from '../contracts.ts';

/** `User "u" cannot list resource "pods" in API group "" in the namespace "default"` (responsewriters.forbiddenMessage). */
export function describeDenial(attributes: AuthorizationAttributes): string {
  const { user, verb, path, resource, subresource, group, namespace } = attributes;
  const who = `User ${quote(user.name)} cannot ${verb}`;
  if (!attributes.isResourceRequest) return `${who} path ${quote(path)}`;
  const what = `resource ${quote(subresource ? `${resource}/${subresource}` : resource)} in API group ${quote(group)}`;
  return `${who} ${what} ${namespace ? `in the namespace ${quote(namespace)}` : 'at the cluster scope'}`;
}

/** The 403 for a request that an authorizer did not allow, with the authorizers' reasons behind upstream's sentence. */
export function forbiddenTo(attributes: AuthorizationAttributes, reason: string): StatusError {
  const { isResourceRequest, group, resource, name } = attributes;
  const about = isResourceRequest ? formatGroupResource({ group, resource }) : '';
  const denial = describeDenial(attributes);
  const why = reason ? `${denial}: ${reason}` : denial;
  const prefix = !about ? 'forbidden' : name ? `${about} ${quote(name)} is forbidden` : `${about} is forbidden`;
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${prefix}: ${why}`,
    reason: 'Forbidden',
    details: isResourceRequest ? { ...(name && { name }), ...(group && { group }), kind: resource } : {},
    code: 403,
  });
}

/** Go's %q, near enough: JSON escapes control characters alike. */
export const quote = (text: string): string => JSON.stringify(text);
