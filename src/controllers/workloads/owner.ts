import { apiVersionOf, type ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject, OwnerReference } from '../../api/machinery/object.ts';

/** The one owner that manages an object; the garbage collector knows the others. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find(({ controller }) => controller);
}

/** What makes `owner` the controller of an object: it goes with its owner, and foreground deletion of the owner waits for it. */
export function controllerReference(kind: ResourceKind, owner: KubeObject): OwnerReference {
  const { name = '', uid = '' } = owner.metadata ?? {};
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** Whether a reference is to an object of this kind, whatever its version. */
export function refersTo(kind: ResourceKind, reference: OwnerReference): boolean {
  const { apiVersion } = reference;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return reference.kind === kind.kind && group === kind.group;
}
