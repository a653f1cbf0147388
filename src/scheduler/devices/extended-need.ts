import type {
  ResourceV1ResourceClaim,
  V1AllocationResult,
  V1ContainerExtendedResourceRequest,
  V1Pod,
} from '../../api/gen/types.ts';
import { extendedClaimOwner } from '../../api/resource/v1/extended-resources.ts';
import type { ClusterObjects } from '../framework/cluster-objects.ts';
import type { Refusal } from '../framework/plugin.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import { extendedRequests, unmadeClaim } from './extended-requests.ts';

/** One claim for all extended resources of a pod that are devices, as it would be on a node. */
export interface ExtendedClaim {
  /** Not made yet. */
  readonly claim: ResourceV1ResourceClaim;
  readonly mappings: readonly V1ContainerExtendedResourceRequest[];
}

/** The same with the devices that were chosen. */
export interface ChosenExtendedClaim extends ExtendedClaim {
  readonly allocation: V1AllocationResult;
  /** Called with what it is once it is made. */
  onMade(claim: ResourceV1ResourceClaim): void;
}

/** What a pod asks for under the names of extended resources, where that may be devices. */
export interface ExtendedNeed {
  /** Of an attempt before: whether its devices still hold nobody knows, so it has to go first. */
  readonly stale: ResourceV1ResourceClaim | undefined;
  /** Undefined: the node has all of it without devices. */
  on(node: NodeInfo): ExtendedClaim | Refusal | undefined;
}

const refusal = (reason: string): Refusal => ({ reasons: [reason], unresolvable: true });

/** Undefined: no class has any of it. */
export function extendedNeedOf(
  { pod, requests, extendedResources }: PodInfo,
  objects: Pick<ClusterObjects, 'classOfResource' | 'deviceClaims'>,
): ExtendedNeed | undefined {
  const classes = new Map<string, string>();
  for (const name of extendedResources) {
    const found = objects.classOfResource(name)?.metadata?.name;
    if (found !== undefined) classes.set(name, found);
  }
  if (classes.size === 0) return undefined;
  const stale = objects.deviceClaims().find((claim) => isMadeFor(claim, pod));
  return {
    stale,
    on({ allocatable }) {
      if (stale) return refusal('cannot schedule extended resource claim');
      const wanted = new Map<string, string>();
      for (const name of extendedResources) {
        const deviceClass = classes.get(name);
        if (deviceClass !== undefined && !allocatable.others.get(name)) wanted.set(name, deviceClass);
        else if (!allocatable.others.has(name) && requests.others.get(name)) return refusal('cannot fit resource');
      }
      if (wanted.size === 0) return undefined;
      const { requests: devices, mappings } = extendedRequests(pod, wanted);
      return { claim: unmadeClaim(pod, devices), mappings };
    },
  };
}

function isMadeFor(claim: ResourceV1ResourceClaim, { metadata }: V1Pod): boolean {
  const owner = extendedClaimOwner(claim);
  return owner !== undefined && owner.uid === metadata?.uid && owner.name === metadata?.name;
}
