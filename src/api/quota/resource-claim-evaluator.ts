import type { ResourceV1ResourceClaim, V1DeviceClass, V1Pod } from '../gen/types.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { type Quantity, subtractQuantities } from '../machinery/quantity.ts';
import { addToResourceList, countOf, type ResourceList } from '../machinery/resource-list.ts';
import { classOfResource, DEVICE_CLASS_PREFIX, extendedClaimOwner, mayBeDevices } from '../resource/v1/extended-resources.ts';
import type { QuotaEvaluator } from './evaluator.ts';
import { podEvaluator } from './pod-evaluator.ts';

const DEVICES = '.deviceclass.resource.k8s.io/devices';
const REQUESTS = 'requests.';
const COUNT = 'count/resourceclaims.resource.k8s.io';
/** The most that one request can be given, which a request for all devices is charged (resource/v1 AllocationResultsMaxSize). */
const ALL_DEVICES = 32;

/** Where devices and the names of extended resources meet. */
export interface DeviceObjects {
  deviceClasses(): readonly V1DeviceClass[];
  pod(namespace: string, name: string): V1Pod | undefined;
  claims(namespace: string): readonly ResourceV1ResourceClaim[];
}

/** Of a server without devices. */
export const NO_DEVICES: DeviceObjects = { deviceClasses: () => [], pod: () => undefined, claims: () => [] };

interface DeviceRequest {
  readonly deviceClassName?: string;
  readonly allocationMode?: string;
  readonly count?: number;
}

interface ClaimSpec {
  readonly devices?: {
    readonly requests?: readonly { readonly exactly?: DeviceRequest; readonly firstAvailable?: readonly DeviceRequest[] }[];
  };
}

/**
 * Claims of devices: how many, and how many devices of each class they can be given, which quotas may name as extended resources as well
 * (pkg/quota/v1/evaluator/core/resource_claims.go).
 */
export function createResourceClaimEvaluator(objects: DeviceObjects): QuotaEvaluator {
  return {
    group: 'resource.k8s.io',
    resource: 'resourceclaims',
    handles: ({ operation, subresource }) => subresource === '' && operation === 'CREATE',
    matchingResources: (names) =>
      [...names].filter((name) => name === COUNT || name.endsWith(DEVICES) || hasClass(name, objects)),
    usage(object: DynamicObject, nowMs) {
      const usage = new Map<string, Quantity>([[COUNT, countOf(1)], ...devicesOf(object)]);
      const ofPod = usageOfOwner(object as unknown as ResourceV1ResourceClaim, objects, nowMs);
      for (const [name, amount] of [...usage]) {
        const className = name.endsWith(DEVICES) ? name.slice(0, -DEVICES.length) : '';
        if (!className) continue;
        const extended = objects.deviceClasses().find(({ metadata }) => metadata?.name === className)?.spec.extendedResourceName;
        for (const each of [`${DEVICE_CLASS_PREFIX}${className}`, ...(extended ? [extended] : [])]) {
          // What the pod was charged for already is no more by the claim that stands for it.
          const rest = subtractQuantities(amount, ofPod?.get(`${REQUESTS}${each}`) ?? countOf(0));
          if (rest.nano > 0n) usage.set(`${REQUESTS}${each}`, rest);
        }
      }
      return usage;
    },
  };
}

function hasClass(name: string, objects: DeviceObjects): boolean {
  if (!name.startsWith(REQUESTS)) return false;
  const resource = name.slice(REQUESTS.length);
  return mayBeDevices(resource) && classOfResource(resource, objects.deviceClasses()) !== undefined;
}

/** By the names of quotas on classes. */
function devicesOf(object: DynamicObject): ResourceList {
  const usage = new Map<string, Quantity>();
  for (const { exactly, firstAvailable } of (object['spec'] as ClaimSpec | undefined)?.devices?.requests ?? []) {
    // Of alternatives, each class is charged for the one that takes most of it.
    const most = new Map<string, number>();
    for (const request of exactly ? [exactly] : (firstAvailable ?? [])) {
      if (!request.deviceClassName) continue;
      const count = request.allocationMode === 'All' ? ALL_DEVICES : (request.count ?? 1);
      most.set(request.deviceClassName, Math.max(count, most.get(request.deviceClassName) ?? 0));
    }
    addToResourceList(usage, new Map([...most].map(([name, count]) => [`${name}${DEVICES}`, countOf(count)])));
  }
  return usage;
}

/** What the pod was charged for whose extended resources a claim stands for; undefined when it is not known to be that pod's one claim. */
function usageOfOwner(claim: ResourceV1ResourceClaim, objects: DeviceObjects, nowMs: number): ResourceList | undefined {
  const owner = extendedClaimOwner(claim);
  const { namespace = '', name = '' } = claim.metadata ?? {};
  const pod = owner && objects.pod(namespace, owner.name);
  if (!pod || pod.metadata?.uid !== owner.uid) return undefined;
  const told = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  if (told !== undefined && told !== name) return undefined;
  if (told === undefined) {
    const isEarlier = (other: ResourceV1ResourceClaim) => {
      const [theirs, own] = [timeOf(other), timeOf(claim)];
      return theirs === own ? (other.metadata?.name ?? '') < name : theirs < own;
    };
    const siblings = objects.claims(namespace).filter((other) => extendedClaimOwner(other)?.uid === owner.uid);
    if (siblings.some(isEarlier)) return undefined;
  }
  return podEvaluator.usage(pod as unknown as DynamicObject, nowMs);
}

/** One that is being made has no time yet, or one no earlier than all others have. */
const timeOf = ({ metadata }: ResourceV1ResourceClaim) =>
  metadata?.creationTimestamp ? Date.parse(String(metadata.creationTimestamp)) : Number.POSITIVE_INFINITY;
