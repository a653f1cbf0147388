import { matchesNodeSelectorTerm } from '../../api/core/v1/node-selection.ts';
import type { ResourceV1ResourceClaim, V1AllocationResult, V1Node } from '../../api/gen/types.ts';
import { claimNamesOf } from '../../api/resource/v1/pod-claims.ts';
import { type Cycle, normaliseToLargest, type Plugin, type Refusal } from '../framework/plugin.ts';
import type { AssumedClaims } from './assumed-claims.ts';
import { chooseDevices, NodeRefusal } from './choose-devices.ts';
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

const hasAlternatives = ({ spec }: ResourceV1ResourceClaim) =>
  spec.devices?.requests?.some(({ firstAvailable }) => firstAvailable?.length) ?? false;

/** The API's limit of alternatives. */
const MOST_ALTERNATIVES = 8;

/** How much of what was wanted most a claim gets: each request by the place of its alternative, the first is worth most. */
function rankOf({ spec }: ResourceV1ResourceClaim, { devices }: V1AllocationResult): number {
  const chosen = new Set(devices?.results?.map(({ request }) => request));
  const ranks = (spec.devices?.requests ?? []).map(({ name, firstAvailable = [] }) =>
    firstAvailable.reduce((sum, one, i) => (chosen.has(`${name}/${one.name}`) ? sum + MOST_ALTERNATIVES - i : sum), 0),
  );
  return ranks.reduce((sum, rank) => sum + rank, 0);
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
  binder: Pick<ClaimBinder, 'bind' | 'deallocate' | 'unreserve' | 'whyNeverReady'>,
  assumed: AssumedClaims,
  load: () => Promise<DeviceSelectors> = loadSelectors,
): Plugin {
  let loaded: DeviceSelectors | undefined;
  const chooserFor = ({ objects }: Cycle, { pending }: PodClaims) => {
    if (!loaded) throw new Error('prepare comes first');
    const pools = devicePools(objects.resourceSlices());
    const offer = {
      ...{ pools, devicesOn: devicesByNode(pools), selectors: loaded },
      ...assumed.allocated(objects),
      classOf: (name: string) => objects.deviceClass(name),
    };
    return (node: V1Node) => {
      try {
        return chooseDevices(pending, node, offer) ?? refusal(NOT_ALL);
      } catch (error) {
        if (error instanceof NodeRefusal) return refusal(error.message);
        throw error;
      }
    };
  };
  const isUsable = (claim: ResourceV1ResourceClaim, node: V1Node) =>
    isThere(claim, node) && binder.whyNeverReady(claim) === undefined;
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
          const chosen = choose?.(node);
          if (chosen && 'reasons' in chosen) return chosen;
          return claims.allocated.every((claim) => isUsable(claim, node)) ? undefined : refusal(ELSEWHERE);
        },
      };
    },
    planScore(cycle) {
      const { pod, objects } = cycle;
      if (!pod.pod.spec?.resourceClaims?.length) return undefined;
      const claims = readPodClaims(pod, objects, assumed);
      if ('problem' in claims || !claims.pending.some(hasAlternatives)) return undefined;
      const choose = chooserFor(cycle, claims);
      return {
        score: ({ node }) => {
          const chosen = choose(node);
          return 'reasons' in chosen ? 0 : chosen.reduce((sum, each, i) => sum + rankOf(claims.pending[i]!, each), 0);
        },
        normalise: normaliseToLargest,
      };
    },
    afterRefusal({ pod, objects }, { refusals }) {
      if (!pod.pod.spec?.resourceClaims?.length) return undefined;
      const claims = readPodClaims(pod, objects, assumed);
      if ('problem' in claims || claims.allocated.length + claims.pending.length === 0)
        return { message: 'no new claims to deallocate' };
      // Devices that nobody uses, where the pod cannot be or that do not become ready, are chosen anew.
      const isInTheWay = (claim: ResourceV1ResourceClaim) =>
        (claim.status?.reservedFor ?? []).every(({ uid }) => uid === pod.uid) &&
        refusals.entries().some(([{ node }, { reasons }]) => reasons.includes(ELSEWHERE) && !isUsable(claim, node));
      const claim = claims.allocated.find(isInTheWay);
      if (!claim) return { message: 'still not schedulable' };
      return { message: 'deallocation of ResourceClaim completed', act: (signal) => binder.deallocate(claim, signal) };
    },
    reserve(cycle, { node }) {
      const { pod, objects } = cycle;
      if (!pod.pod.spec?.resourceClaims?.length) return undefined;
      const claims = readPodClaims(pod, objects, assumed);
      if ('problem' in claims) return undefined;
      const found = claims.pending.length > 0 ? chooserFor(cycle, claims)(node) : [];
      const chosen = 'reasons' in found ? [] : found;
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
          await binder.bind(pod.pod, node.metadata?.name ?? '', allocations, signal);
          // From here on the claims say it themselves.
          release();
        },
        release,
        undo: (signal) => binder.unreserve(pod.pod, allocations.keys(), signal),
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
