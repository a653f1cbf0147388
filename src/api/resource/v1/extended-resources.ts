/** Devices that pods ask for by the name of a resource (dynamic-resource-allocation/deviceclass/extendedresourcecache). */
import { isExtendedResource } from '../../core/v1/resource-names.ts';
import type { ResourceV1ResourceClaim, V1DeviceClass } from '../../gen/types.ts';

/** On the one claim that the scheduler makes for all such devices of a pod. */
export const EXTENDED_CLAIM_ANNOTATION = 'resource.kubernetes.io/extended-resource-claim';
/** Before the name of a class: what each class can be asked for by, whatever other name it has. */
export const DEVICE_CLASS_PREFIX = 'deviceclass.resource.kubernetes.io/';

/** Whether a resource may be one of devices: an extended one, or a class by its own name. */
export const mayBeDevices = (name: string): boolean => name.startsWith(DEVICE_CLASS_PREFIX) || isExtendedResource(name);

/** The class of whose devices there are under the name of a resource: of several the newest, then the first by name. */
export function classOfResource(name: string, classes: Iterable<V1DeviceClass>): V1DeviceClass | undefined {
  const implied = name.startsWith(DEVICE_CLASS_PREFIX) ? name.slice(DEVICE_CLASS_PREFIX.length) : undefined;
  let found: V1DeviceClass | undefined;
  for (const each of classes) {
    if (implied === undefined ? each.spec.extendedResourceName !== name : each.metadata?.name !== implied) continue;
    if (!found || isPreferred(each, found)) found = each;
  }
  return found;
}

function isPreferred({ metadata: a }: V1DeviceClass, { metadata: b }: V1DeviceClass): boolean {
  const [made, madeBefore] = [Date.parse(String(a?.creationTimestamp)), Date.parse(String(b?.creationTimestamp))];
  return made === madeBefore || Number.isNaN(made + madeBefore) ? (a?.name ?? '') < (b?.name ?? '') : made > madeBefore;
}

/** The uid of the pod for whose resources a claim was made; undefined: it is no such claim. */
export function extendedClaimOwner({ metadata }: ResourceV1ResourceClaim): { name: string; uid: string } | undefined {
  if (metadata?.annotations?.[EXTENDED_CLAIM_ANNOTATION] !== 'true') return undefined;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  return owner?.kind === 'Pod' && owner.apiVersion === 'v1' ? owner : undefined;
}
