import type {
  ResourceV1ResourceClaim,
  V1AllocationResult,
  V1DeviceClass,
  V1DeviceRequest,
  V1DeviceTaint,
  V1DeviceToleration,
  V1ExactDeviceRequest,
  V1Node,
} from '../../api/gen/types.ts';
import { parseQuantity } from '../../api/machinery/quantity.ts';
import { allocationOf, type ChosenDevice, type ChosenRequest } from './allocation-result.ts';
import { ClaimConstraints } from './claim-constraints.ts';
import { type DevicePool, type NodeDevices, type OfferedDevice, poolId } from './device-pools.ts';
import type { DeviceSelectors } from './device-selectors.ts';

export interface DeviceOffer {
  readonly pools: ReadonlyMap<string, DevicePool>;
  readonly devicesOn: (node: V1Node) => NodeDevices;
  /** Ids of devices that a claim has. */
  readonly taken: ReadonlySet<string>;
  readonly classOf: (name: string) => V1DeviceClass | undefined;
  readonly selectors: DeviceSelectors;
}

/** Of one claim. */
const MOST_DEVICES = 32;
/** After so many devices have been tried, a node will not do. */
const MOST_STEPS = 20_000;

interface Alternative {
  /** `gpu`, or with its alternative `gpu/large`. */
  readonly name: string;
  readonly spec: V1ExactDeviceRequest;
  readonly deviceClass: V1DeviceClass | undefined;
  readonly candidates: () => readonly OfferedDevice[];
}

interface Slot {
  readonly claim: number;
  readonly alternatives: readonly Alternative[];
}

/**
 * Chooses devices for claims so that they can be used on a node: requests in their order, of alternatives the first that leaves enough for
 * the rest, devices in the order of their pools (dynamic-resource-allocation/structured). Pure.
 *
 * @returns an allocation for each claim; undefined when there are not enough devices for all of them
 * @throws Error when an expression of a selector fails
 */
export function chooseDevices(
  claims: readonly ResourceV1ResourceClaim[],
  node: V1Node,
  offer: DeviceOffer,
): V1AllocationResult[] | undefined {
  return new Search(claims, node, offer).run();
}

class Search {
  readonly #claims: readonly ResourceV1ResourceClaim[];
  readonly #offer: DeviceOffer;
  readonly #slots: readonly Slot[];
  readonly #constraints: readonly ClaimConstraints[];
  readonly #usable: readonly OfferedDevice[];
  readonly #chosen: ChosenRequest[][];
  readonly #taken = new Set<string>();
  /** What is left of shared counters, made when it is first asked for. */
  readonly #left = new Map<string, Map<string, bigint>>();
  #steps = 0;

  constructor(claims: readonly ResourceV1ResourceClaim[], node: V1Node, offer: DeviceOffer) {
    this.#claims = claims;
    this.#offer = offer;
    const { devices, isWhole } = offer.devicesOn(node);
    this.#usable = devices;
    this.#constraints = claims.map(({ spec }) => new ClaimConstraints(spec.devices?.constraints ?? []));
    this.#chosen = claims.map(() => []);
    this.#slots = claims.flatMap(({ metadata, spec }, claim) =>
      (spec.devices?.requests ?? []).map((request) => ({
        claim,
        alternatives: alternativesOf(request).map(({ name, spec: asked }) => ({
          ...{ name, spec: asked, deviceClass: offer.classOf(asked.deviceClassName) },
          candidates: once(() =>
            // Of what is not known whole, nobody can say what all of it is.
            asked.allocationMode === 'All' && !isWhole
              ? []
              : this.#matching(`claim ${metadata?.namespace}/${metadata?.name}`, asked),
          ),
        })),
      })),
    );
  }

  run(): V1AllocationResult[] | undefined {
    if (!this.#fill(0)) return undefined;
    return this.#claims.map((claim, i) => allocationOf(claim, this.#chosen[i]!));
  }

  #matching(whose: string, { deviceClassName, selectors, tolerations }: V1ExactDeviceRequest): OfferedDevice[] {
    const { classOf, selectors: expressions } = this.#offer;
    const deviceClass = classOf(deviceClassName);
    return this.#usable.filter(
      (offered) =>
        // Several users of one device, and devices that are made ready after binding, are not supported.
        !offered.device.allowMultipleAllocations &&
        !offered.device.bindingConditions?.length &&
        isTolerated(offered.device.taints, tolerations) &&
        expressions.match(`class ${deviceClassName}`, deviceClass?.spec.selectors, offered) &&
        expressions.match(whose, selectors, offered),
    );
  }

  #fill(at: number): boolean {
    const slot = this.#slots[at];
    if (!slot) return true;
    for (const alternative of slot.alternatives) {
      const candidates = alternative.candidates();
      const isAll = alternative.spec.allocationMode === 'All';
      const count = isAll ? candidates.length : (alternative.spec.count ?? 1);
      if (count === 0 || count > candidates.length) continue;
      const devices: ChosenDevice[] = [];
      const chosen = this.#chosen[slot.claim]!;
      chosen.push({ ...alternative, devices });
      const inClaim = chosen.reduce((sum, each) => sum + each.devices.length, 0);
      if (inClaim + count <= MOST_DEVICES && this.#pick(at, slot, alternative, { devices, from: 0, count })) return true;
      chosen.pop();
    }
    return false;
  }

  /** Picks `count` more for a request, from the `from`-th candidate on; then goes on with the next request. */
  #pick(
    at: number,
    slot: Slot,
    alternative: Alternative,
    { devices, from, count }: { devices: ChosenDevice[]; from: number; count: number },
  ): boolean {
    if (count === 0) return this.#fill(at + 1);
    const { name, spec, candidates } = alternative;
    const all = candidates();
    for (let i = from; i <= all.length - count; i++) {
      if (++this.#steps > MOST_STEPS) return false;
      const offered = all[i]!;
      const giveBack = this.#take(slot.claim, name, offered, spec.adminAccess ?? false);
      if (giveBack) {
        devices.push({ offered });
        if (this.#pick(at, slot, alternative, { devices, from: i + 1, count: count - 1 })) return true;
        devices.pop();
        giveBack();
      }
      // All of them means each one.
      if (spec.allocationMode === 'All') return false;
    }
    return false;
  }

  /** Whoever has admin access looks at devices that others use, and takes them from nobody. */
  #take(claim: number, request: string, offered: OfferedDevice, adminAccess: boolean): (() => void) | undefined {
    if (!adminAccess && (this.#offer.taken.has(offered.id) || this.#taken.has(offered.id))) return undefined;
    const release = this.#constraints[claim]!.take(request, offered.driver, offered.device);
    if (!release || adminAccess) return release;
    if (!this.#consume(offered, 1n)) {
      release();
      return undefined;
    }
    this.#taken.add(offered.id);
    return () => {
      this.#taken.delete(offered.id);
      this.#consume(offered, -1n);
      release();
    };
  }

  /** Takes from what the devices of a pool share; takes nothing when there is not enough. */
  #consume({ driver, pool, device }: OfferedDevice, factor: bigint): boolean {
    const needs = (device.consumesCounters ?? []).flatMap(({ counterSet, counters }) =>
      Object.entries(counters).map(([counter, { value }]) => ({
        counter: JSON.stringify([counterSet, counter]),
        amount: parseQuantity(value).nano * factor,
      })),
    );
    if (needs.length === 0) return true;
    const left = this.#countersOf(poolId(driver, pool));
    if (needs.some(({ counter, amount }) => (left.get(counter) ?? 0n) < amount)) return false;
    for (const { counter, amount } of needs) left.set(counter, (left.get(counter) ?? 0n) - amount);
    return true;
  }

  #countersOf(id: string): Map<string, bigint> {
    const known = this.#left.get(id);
    if (known) return known;
    const pool = this.#offer.pools.get(id);
    const left = new Map<string, bigint>();
    for (const [set, counters] of pool?.counters ?? [])
      for (const [counter, value] of counters) left.set(JSON.stringify([set, counter]), value);
    this.#left.set(id, left);
    for (const offered of pool?.devices ?? [])
      if (this.#offer.taken.has(offered.id))
        for (const { counterSet, counters } of offered.device.consumesCounters ?? [])
          for (const [counter, { value }] of Object.entries(counters)) {
            const key = JSON.stringify([counterSet, counter]);
            left.set(key, (left.get(key) ?? 0n) - parseQuantity(value).nano);
          }
    return left;
  }
}

function alternativesOf({ name, exactly, firstAvailable = [] }: V1DeviceRequest): { name: string; spec: V1ExactDeviceRequest }[] {
  if (exactly) return [{ name, spec: exactly }];
  return firstAvailable.map((spec) => ({ name: `${name}/${spec.name}`, spec }));
}

const isTolerated = (taints: readonly V1DeviceTaint[] = [], tolerations: readonly V1DeviceToleration[] = []): boolean =>
  taints.every(
    (taint) =>
      taint.effect === 'None' ||
      tolerations.some(
        ({ key, operator = 'Equal', value = '', effect }) =>
          (!effect || effect === taint.effect) &&
          (!key || key === taint.key) &&
          (operator === 'Exists' || (operator === 'Equal' && value === (taint.value ?? ''))),
      ),
  );

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
