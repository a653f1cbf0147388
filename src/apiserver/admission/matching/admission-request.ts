/** What webhooks and expressions are told of a request (admission/v1 AdmissionRequest). */
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { AdmissionAttributes } from '../../contracts.ts';

const OPTIONS = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions', CONNECT: '' } as const;

function groupVersionKind(kind: KindDefinition, object: DynamicObject | undefined) {
  // A subresource can have a kind of its own: the Scale of a Deployment.
  if (object && object.kind !== kind.kind) {
    const parts = object.apiVersion.split('/');
    const [group, version] = parts.length > 1 ? parts : ['', parts[0]!];
    return { group, version, kind: object.kind };
  }
  return { group: kind.group, version: kind.version, kind: kind.kind };
}

const groupVersionResource = ({ group, version, resource }: KindDefinition) => ({ group, version, resource });

/** The namespace of a Namespace is itself. */
export const requestNamespace = ({ kind, namespace, name }: AdmissionAttributes) =>
  kind.group === '' && kind.resource === 'namespaces' ? name : namespace;

/** Everything but `uid`, `object` and `oldObject`. `kind` is the one in whose version the request matched. */
export function admissionRequest(attributes: AdmissionAttributes, kind: KindDefinition): Record<string, unknown> {
  const { subresource, name, operation, user, dryRun, options: given, object, oldObject } = attributes;
  const options = OPTIONS[operation];
  const namespace = requestNamespace(attributes);
  return {
    kind: groupVersionKind(kind, object ?? oldObject),
    resource: groupVersionResource(kind),
    ...(subresource && { subResource: subresource }),
    requestKind: groupVersionKind(attributes.kind, object ?? oldObject),
    requestResource: groupVersionResource(attributes.kind),
    ...(subresource && { requestSubResource: subresource }),
    ...(name && { name }),
    ...(namespace && { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid && { uid: user.uid }),
      ...(user.groups.length && { groups: user.groups }),
      ...(user.extra && Object.keys(user.extra).length && { extra: user.extra }),
    },
    dryRun,
    options: options ? { kind: options, apiVersion: 'meta.k8s.io/v1', ...(given ?? (dryRun && { dryRun: ['All'] })) } : null,
  };
}
