import type { DynamicObject } from '../machinery/object.ts';
import type { Quantity } from '../machinery/quantity.ts';
import { addToResourceList, countOf } from '../machinery/resource-list.ts';
import type { QuotaEvaluator } from './evaluator.ts';

const DEVICES = '.deviceclass.resource.k8s.io/devices';
const COUNT = 'count/resourceclaims.resource.k8s.io';
/** The most that one request can be given, which a request for all devices is charged (resource/v1 AllocationResultsMaxSize). */
const ALL_DEVICES = 32;

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

/** Claims of devices: how many, and how many devices of each class they can be given (pkg/quota/v1/evaluator/core/resource_claims.go). */
export const resourceClaimEvaluator: QuotaEvaluator = {
  group: 'resource.k8s.io',
  resource: 'resourceclaims',
  handles: ({ operation, subresource }) => subresource === '' && operation === 'CREATE',
  matchingResources: (names) => [...names].filter((name) => name === COUNT || name.endsWith(DEVICES)),
  usage(object: DynamicObject) {
    const usage = new Map<string, Quantity>([[COUNT, countOf(1)]]);
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
  },
};
