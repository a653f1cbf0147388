import { isDeepStrictEqual } from 'node:util';
import type { OwnerReference } from '../../api/machinery/object.ts';
import type { AdmissionAttributes, AdmissionPlugin, AuthorizationAttributes, Authorizer } from '../contracts.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import { isAbout, refuse } from './refusal.ts';

export interface OwnerReferencesPermissionDeps {
  readonly authorizer: Authorizer;
  readonly kinds: KindRegistry;
}

/**
 * Who gives an object to an owner that may be deleted must be allowed to delete the object, and who makes the owner wait for it must be
 * allowed to set the owner's finalizers (plugin/pkg/admission/gc).
 */
export function createOwnerReferencesPermissionEnforcement({
  authorizer,
  kinds,
}: OwnerReferencesPermissionDeps): AdmissionPlugin {
  const refusal = async (wanted: AuthorizationAttributes) => {
    const { decision, reason } = await authorizer.authorize(wanted);
    return decision === 'allow' ? undefined : `${reason}, <nil>`;
  };
  return {
    name: 'OwnerReferencesPermissionEnforcement',
    handles: (attributes) =>
      (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') && !isAbout(attributes, 'pods', 'status'),
    async validate(attributes) {
      const [before, after] = [ownersOf(attributes.oldObject), ownersOf(attributes.object)];
      if (isDeepStrictEqual(before, after)) return;
      const { kind, namespace, user } = attributes;
      const asked = { user, isResourceRequest: true, path: '', namespace } as const;
      if (attributes.operation === 'UPDATE') {
        const { group, version, resource } = kind;
        const { subresource, name } = attributes;
        const why = await refusal({ ...asked, verb: 'delete', group, version, resource, subresource, name });
        if (why !== undefined) throw refuse(attributes, `cannot set an ownerRef on a resource you can't delete: ${why}`);
      }
      const waited = new Set(before.filter((owner) => owner.blockOwnerDeletion).map(({ uid }) => uid));
      for (const { apiVersion, kind: ownerKind, name, uid, blockOwnerDeletion } of after) {
        if (!blockOwnerDeletion || waited.has(uid)) continue;
        const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
        const owner = kinds.byKind(group, version, ownerKind);
        if (!owner) throw refuse(attributes, unknownOwner(apiVersion, ownerKind));
        const { resource } = owner;
        const where = { group, version, namespace: owner.namespaced ? namespace : '' };
        const why = await refusal({ ...asked, ...where, verb: 'update', resource, subresource: 'finalizers', name });
        if (why !== undefined) throw refuse(attributes, BLOCKING + why);
      }
    },
  };
}

const BLOCKING = "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ";

const unknownOwner = (apiVersion: string, kind: string) =>
  `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${kind}: ` +
  `no matches for kind "${kind}" in version "${apiVersion}"`;

const ownersOf = (object: AdmissionAttributes['object']): readonly OwnerReference[] => object?.metadata?.ownerReferences ?? [];
