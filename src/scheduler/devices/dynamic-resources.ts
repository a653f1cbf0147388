import { matchesNodeSelectorTerm } from '../../api/core/v1/node-selection.ts';
import type { ResourceV1ResourceClaim, V1AllocationResult, V1Node } from '../../api/gen/types.ts';
import { claimNamesOf } from '../../api/resource/v1/pod-claims.ts';
import type { Cycle, Plugin, Refusal } from '../framework/plugin.ts';
import type { AssumedClaims } from './assumed-claims.ts';
import { chooseDevices } from './choose-devices.ts';
import type { ClaimBinder } from './claim-binder.ts';
import { devicePools, devicesByNode } from './device-pools.ts';
import type { DeviceSelectors } from './device-selectors.ts';
import { type PodClaims, readPodClaims } from './pod-claims.ts';

const NOT_ALL = 'cannot allocate all claims';
const ELSEWHERE = 'resourceclaim not available on the node';

/** Whether the devices that a claim has can be used on a node. */
function isThere({ status }: ResourceV1ResourceClaim, node: V1Node): boolean {
  const terms = status?.allocation?.nodeSelector?.nodeSelectorTerms;
  return !terms || terms.some((term) => matchesNodeSelectorTerm(term, node));
}

const loadSelectors = async () => (await import('./device-selectors.ts')).createDeviceSelectors();
const refusal = (...reasons: string[]): Refusal => ({ reasons, unresolvable: true });

/**
 * Devices that a pod claims (`spec.resourceClaims`) are chosen with its node, and written into the claims before the pod is bound
 * (upstream's plugins/dynamicresources).
 *
 * @param assumed shared by all profiles, so that no two give one device
 * @param load called when the first pod claims devices
 */
export function createDynamicResources(
  binder: Pick<ClaimBinder, 'bind' | 'deallocate'>,
  assumed: AssumedClaims,
  load: () => Promise<DeviceSelectors> = loadSelectors,
): Plugin {
  let loaded: DeviceSelectors | undefined;
  const chooserFor = ({ objects }: Cycle, { pending }: PodClaims) => {
    if (!loaded) throw new Error('prepare comes first');
    const pools = devicePools(objects.resourceSlices());
    const offer = {
      ...{ pools, devicesOn: devicesByNode(pools), taken: assumed.taken(objects), selectors: loaded },
      classOf: (name: string) => objects.deviceClass(name),
    };
    return (node: V1Node) => chooseDevices(pending, node, offer);
  };
  return {
    name: 'DynamicResources',
    prepare({ pod }) {
      if (loaded || !pod.spec?.resourceClaims?.length) return undefined;
      return load().then((selectors) => {
        loaded ??= selectors;
      });
    },
    planFilter(cycle) {
      const { pod, objects } = cycle;
      if (!pod.pod.spec?.resourceClaims?.length) return undefined;
      const claims = readPodClaims(pod, objects, assumed);
      if ('problem' in claims) return { refusesAll: refusal(claims.problem) };
      const choose = claims.pending.length > 0 ? chooserFor(cycle, claims) : undefined;
      return {
        filter({ node }) {
          if (!claims.allocated.every((claim) => isThere(claim, node))) return refusal(ELSEWHERE);
          return choose && !choose(node) ? refusal(NOT_ALL) : undefined;
        },
      };
    },
    afterRefusal({ pod, objects }, { refusals }) {
      if (!pod.pod.spec?.resourceClaims?.length) return undefined;
      const claims = readPodClaims(pod, objects, assumed);
      if ('problem' in claims || claims.allocated.length + claims.pending.length === 0)
        return { message: 'no new claims to deallocate' };
      // Devices that nobody uses, where the pod cannot be, are chosen anew.
      const isInTheWay = (claim: ResourceV1ResourceClaim) =>
        (claim.status?.reservedFor ?? []).every(({ uid }) => uid === pod.uid) &&
        refusals.keys().some(({ node }) => !isThere(claim, node));
      const claim = claims.allocated.find(isInTheWay);
      if (!claim) return { message: 'still not schedulable' };
      return { message: 'deallocation of ResourceClaim completed', act: (signal) => binder.deallocate(claim, signal) };
    },
    reserve(cycle, { node }) {
      const { pod, objects } = cycle;
      if (!pod.pod.spec?.resourceClaims?.length) return undefined;
      const claims = readPodClaims(pod, objects, assumed);
      if ('problem' in claims) return undefined;
      const chosen = claims.pending.length > 0 ? (chooserFor(cycle, claims)(node) ?? []) : [];
      const allocations = new Map<ResourceV1ResourceClaim, V1AllocationResult | undefined>([
        ...claims.allocated.map((claim) => [claim, undefined] as const),
        ...claims.pending.map((claim, i) => [claim, chosen[i]] as const),
      ]);
      for (const [claim, allocation] of allocations) if (allocation) assumed.assume(claim, allocation);
      const release = () => {
        for (const claim of claims.pending) assumed.release(claim);
      };
      return {
        async commit(signal) {
          await binder.bind(pod.pod, allocations, signal);
          // From here on the claims say it themselves.
          release();
        },
        release,
      };
    },
    mayHelp(event, { pod, namespace }) {
      switch (event.resource) {
        case 'ResourceClaim':
          // One of the pod's own, or one that gives devices back.
          return event.action !== 'add' || claimNamesOf(pod).some((name) => `${namespace}/${name}` === event.key);
        case 'DeviceClass':
        case 'ResourceSlice':
          return true;
        case 'Node':
          return true;
        default:
          return false;
      }
    },
  };
}
