import type { V1PersistentVolumeClaim } from '../gen/types.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { compareQuantities, parseQuantity, type Quantity } from '../machinery/quantity.ts';
import { countOf, roundUp } from '../machinery/resource-list.ts';
import type { QuotaEvaluator } from './evaluator.ts';
import { satisfiesScope } from './scopes.ts';

const OF_CLASS = '.storageclass.storage.k8s.io/';
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';
const NAMES: ReadonlySet<string> = new Set(['count/persistentvolumeclaims', 'persistentvolumeclaims', 'requests.storage']);

const asClaim = (object: DynamicObject) => object as unknown as V1PersistentVolumeClaim;

/** Claims: how many, and how much storage they ask for, also by storage class (pkg/quota/v1/evaluator/core/persistent_volume_claims.go). */
export const claimEvaluator: QuotaEvaluator = {
  group: '',
  resource: 'persistentvolumeclaims',
  handles({ operation, subresource, object, oldObject }) {
    if (subresource === '') return operation === 'CREATE' || operation === 'UPDATE';
    return subresource === 'status' && oldObject !== undefined && changesUsage(asClaim(object), asClaim(oldObject));
  },
  matchingResources: (names) =>
    [...names].filter(
      (name) =>
        NAMES.has(name) || name.endsWith(`${OF_CLASS}persistentvolumeclaims`) || name.endsWith(`${OF_CLASS}requests.storage`),
    ),
  matchesScope(scope, object) {
    if (scope.scopeName !== 'VolumeAttributesClass') return false;
    const classes = attributesClasses(asClaim(object));
    if (scope.operator === 'Exists') return classes.size > 0;
    return classes.size ? [...classes].some((name) => satisfiesScope(scope, name)) : satisfiesScope(scope, undefined);
  },
  usage(object) {
    const claim = asClaim(object);
    const usage = new Map<string, Quantity>([
      ['persistentvolumeclaims', countOf(1)],
      ['count/persistentvolumeclaims', countOf(1)],
    ]);
    const storageClass = claim.metadata?.annotations?.[BETA_CLASS] ?? claim.spec?.storageClassName ?? '';
    const storage = requestedStorage(claim);
    if (storage) usage.set('requests.storage', storage);
    if (storageClass) {
      usage.set(`${storageClass}${OF_CLASS}persistentvolumeclaims`, countOf(1));
      if (storage) usage.set(`${storageClass}${OF_CLASS}requests.storage`, storage);
    }
    return usage;
  },
};

/** What is asked for, or what a growing volume has been promised, if that is more. */
function requestedStorage({ spec, status }: V1PersistentVolumeClaim): Quantity | undefined {
  const requested = spec?.resources?.requests?.['storage'];
  if (requested === undefined) return undefined;
  const wanted = roundUp(parseQuantity(requested));
  const allocated = status?.allocatedResources?.['storage'];
  if (allocated === undefined) return wanted;
  const promised = parseQuantity(allocated);
  return compareQuantities(promised, wanted) > 0 ? roundUp(promised) : wanted;
}

function changesUsage(claim: V1PersistentVolumeClaim, before: V1PersistentVolumeClaim): boolean {
  if (claim.status?.allocatedResources?.['storage'] !== before.status?.allocatedResources?.['storage']) return true;
  return attributesClasses(claim).symmetricDifference(attributesClasses(before)).size > 0;
}

function attributesClasses({ spec, status }: V1PersistentVolumeClaim): Set<string> {
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return new Set(names.flatMap((name) => name || []));
}
