import { matchesNodeSelectorTerm } from '../../api/core/v1/node-selection.ts';
import type { ResourceV1ResourceClaim, V1AllocationResult, V1Node } from '../../api/gen/types.ts';
import { claimNamesOf } from '../../api/resource/v1/pod-claims.ts';
import { type Cycle, normaliseToLargest, type Plugin, type Refusal } from '../framework/plugin.ts';
import type { NodeInfo } from '../node-info.ts';
import type { AssumedClaims } from './assumed-claims.ts';
import { chooseDevices, type DeviceOffer, NodeRefusal } from './choose-devices.ts';
import type { ClaimBinder } from './claim-binder.ts';
import { devicePools, devicesByNode } from './device-pools.ts';
import type { DeviceSelectors } from './device-selectors.ts';
import { type ExtendedClaim, type ExtendedNeed, extendedNeedOf } from './extended-need.ts';
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

/** Upstream's filterTimeout. */
export const FILTER_TIMEOUT_MS = 10_000;

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

interface Needs extends PodClaims {
  readonly extended: ExtendedNeed | undefined;
}

/** Devices for all pending claims, and at the end for the one that stands for extended resources on this node. */
interface Choice {
  readonly allocations: readonly V1AllocationResult[];
  readonly own: ExtendedClaim | undefined;
}

const loadSelectors = async () => (await import('./device-selectors.ts')).createDeviceSelectors();
const refusal = (...reasons: string[]): Refusal => ({ reasons, unresolvable: true });

/**
 * Devices that a pod claims (`spec.resourceClaims`) are chosen with its node, and written into the claims before the pod is bound
 * (upstream's plugins/dynamicresources). For those that it asks for under the names of extended resources a claim is made then.
 *
 * @param assumed shared by all profiles, so that no two give one device
 * @param load called when the first pod claims devices
 * @param filterTimeoutMs how long devices may be looked for on one node; 0: there is no such limit
 */
export function createDynamicResources(
  binder: Pick<ClaimBinder, 'bind' | 'deallocate' | 'remove' | 'unreserve' | 'whyNeverReady'>,
  assumed: AssumedClaims,
  load: () => Promise<DeviceSelectors> = loadSelectors,
  filterTimeoutMs: number = FILTER_TIMEOUT_MS,
): Plugin {
  let loaded: DeviceSelectors | undefined;
  /** Undefined: the pod claims nothing. */
  const read = ({ pod, objects }: Cycle): Needs | { readonly problem: string } | undefined => {
    const extended = extendedNeedOf(pod, objects);
    if (!extended && !pod.pod.spec?.resourceClaims?.length) return undefined;
    const claims = readPodClaims(pod, objects, assumed);
    return 'problem' in claims ? claims : { ...claims, extended };
  };
  const offerOf = ({ objects }: Cycle): DeviceOffer => {
    if (!loaded) throw new Error('prepare comes first');
    const pools = devicePools(objects.resourceSlices());
    return {
      ...{ pools, devicesOn: devicesByNode(pools), selectors: loaded },
      ...assumed.allocated(objects),
      classOf: (name) => objects.deviceClass(name),
      timeoutMs: filterTimeoutMs || undefined,
    };
  };
  const chooserFor = (cycle: Cycle, { pending, extended }: Needs) => {
    let offer: DeviceOffer | undefined;
    return (node: NodeInfo): Choice | Refusal => {
      const own = extended?.on(node);
      if (own && 'reasons' in own) return own;
      const wanted = own ? [...pending, own.claim] : pending;
      if (wanted.length === 0) return { allocations: [], own };
      offer ??= offerOf(cycle);
      try {
        const allocations = chooseDevices(wanted, node.node, offer);
        return allocations ? { allocations, own } : refusal(NOT_ALL);
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
    prepare({ pod, extendedResources }, objects) {
      if (loaded) return undefined;
      if (!pod.spec?.resourceClaims?.length && !extendedResources.some((name) => objects.classOfResource(name))) return undefined;
      return load().then((selectors) => {
        loaded ??= selectors;
      });
    },
    planFilter(cycle) {
      const needs = read(cycle);
      if (!needs) return undefined;
      if ('problem' in needs) return { refusesAll: refusal(needs.problem) };
      const choose = chooserFor(cycle, needs);
      return {
        filter(node) {
          const chosen = choose(node);
          if ('reasons' in chosen) return chosen;
          return needs.allocated.every((claim) => isUsable(claim, node.node)) ? undefined : refusal(ELSEWHERE);
        },
      };
    },
    planScore(cycle) {
      const needs = read(cycle);
      if (!needs || 'problem' in needs || !needs.pending.some(hasAlternatives)) return undefined;
      const choose = chooserFor(cycle, needs);
      return {
        score: (node) => {
          const chosen = choose(node);
          if ('reasons' in chosen) return 0;
          return needs.pending.reduce((sum, claim, i) => sum + rankOf(claim, chosen.allocations[i]!), 0);
        },
        normalise: normaliseToLargest,
      };
    },
    afterRefusal(cycle, { refusals }) {
      const needs = read(cycle);
      if (!needs) return undefined;
      if ('problem' in needs || (needs.allocated.length + needs.pending.length === 0 && !needs.extended))
        return { message: 'no new claims to deallocate' };
      const { allocated, extended } = needs;
      // Devices that nobody uses, where the pod cannot be or that do not become ready, are chosen anew.
      const isInTheWay = (claim: ResourceV1ResourceClaim) =>
        (claim.status?.reservedFor ?? []).every(({ uid }) => uid === cycle.pod.uid) &&
        refusals.entries().some(([{ node }, { reasons }]) => reasons.includes(ELSEWHERE) && !isUsable(claim, node));
      const claim = allocated.find(isInTheWay);
      if (claim) return { message: 'deallocation of ResourceClaim completed', act: (signal) => binder.deallocate(claim, signal) };
      const stale = extended?.stale;
      if (stale) return { message: 'deletion of ResourceClaim completed', act: (signal) => binder.remove(stale, signal) };
      return { message: 'still not schedulable' };
    },
    reserve(cycle, node) {
      const needs = read(cycle);
      if (!needs || 'problem' in needs) return undefined;
      const found = chooserFor(cycle, needs)(node);
      const { allocations: chosen, own } = 'reasons' in found ? { allocations: [], own: undefined } : found;
      const allocations = new Map<ResourceV1ResourceClaim, V1AllocationResult | undefined>([
        ...needs.allocated.map((claim) => [claim, undefined] as const),
        ...needs.pending.map((claim, i) => [claim, chosen[i]] as const),
      ]);
      for (const [claim, allocation] of allocations) if (allocation) assumed.assume(claim, allocation);
      let made: ResourceV1ResourceClaim | undefined;
      const allocation = chosen[needs.pending.length];
      const extended = own &&
        allocation && {
          ...{ ...own, allocation },
          onMade(claim: ResourceV1ResourceClaim) {
            made = claim;
            assumed.assume(claim, allocation);
            assumed.release(own.claim);
          },
        };
      if (extended) assumed.assume(extended.claim, allocation);
      const release = () => {
        for (const claim of [...needs.pending, extended?.claim, made]) if (claim) assumed.release(claim);
      };
      return {
        async commit(signal) {
          await binder.bind(cycle.pod.pod, node.name, allocations, signal, extended);
          // From here on the claims say it themselves.
          release();
        },
        release,
        async undo(signal) {
          await binder.unreserve(cycle.pod.pod, allocations.keys(), signal);
          if (made) await binder.remove(made, signal);
        },
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
