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
import type { AllocatedDevices } from './assumed-claims.ts';
import { ClaimConstraints } from './claim-constraints.ts';
import { type Amounts, type Consumption, consumptionOf, totalsOf } from './consumed-capacity.ts';
import { type DevicePool, type NodeDevices, type OfferedDevice, poolId } from './device-pools.ts';
import type { DeviceSelectors } from './device-selectors.ts';

export interface DeviceOffer extends AllocatedDevices {
  readonly pools: ReadonlyMap<string, DevicePool>;
  readonly devicesOn: (node: V1Node) => NodeDevices;
  readonly classOf: (name: string) => V1DeviceClass | undefined;
  readonly selectors: DeviceSelectors;
  /** How long may be searched for one node; undefined: as long as it takes, within the number of steps. */
  readonly timeoutMs?: number | undefined;
}

/** Of one claim. */
const MOST_DEVICES = 32;
/** After so many devices have been tried for a node, no more are: it is done at once, and others wait for their turn. */
const MOST_STEPS = 20_000;
/** So often the time is looked at. */
const STEPS_A_LOOK = 64;
const TIMED_OUT = 'timed out trying to allocate devices';

interface Alternative {
  /** `gpu`, or with its alternative `gpu/large`. */
  readonly name: string;
  readonly spec: V1ExactDeviceRequest;
  readonly deviceClass: V1DeviceClass | undefined;
  readonly candidates: () => readonly OfferedDevice[];
}

/** Why a node will not do, in upstream's words; others may. */
export class NodeRefusal extends Error {}

/** A device that was taken, and the way back. */
interface Taken {
  readonly giveBack: () => void;
  /** Of a device for several claims. */
  readonly consumed?: Readonly<Record<string, string>>;
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
 * @throws NodeRefusal when more can be said than that
 * @throws Error when an expression of a selector fails, or a claim wants more than any may have
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
  readonly #node: V1Node;
  readonly #offer: DeviceOffer;
  readonly #slots: readonly Slot[];
  readonly #constraints: readonly ClaimConstraints[];
  readonly #usable: readonly OfferedDevice[];
  readonly #unsound: NodeDevices['unsound'];
  readonly #chosen: ChosenRequest[][];
  /** The claims that have been given a device alone, by its id; of devices for several, the parts that were given. */
  readonly #users = new Map<string, number[]>();
  readonly #parts = new Map<string, Amounts[]>();
  /** What is left of shared counters, made when it is first asked for. */
  readonly #left = new Map<string, Map<string, bigint>>();
  readonly #untilMs: number;
  #steps = 0;

  constructor(claims: readonly ResourceV1ResourceClaim[], node: V1Node, offer: DeviceOffer) {
    this.#claims = claims;
    this.#node = node;
    this.#offer = offer;
    this.#untilMs = performance.now() + (offer.timeoutMs ?? Number.POSITIVE_INFINITY);
    const { devices, unsound } = offer.devicesOn(node);
    this.#usable = devices;
    this.#unsound = unsound;
    this.#constraints = claims.map(({ spec }) => new ClaimConstraints(spec.devices?.constraints ?? []));
    this.#chosen = claims.map(() => []);
    this.#slots = claims.flatMap(({ metadata, spec }, claim) =>
      (spec.devices?.requests ?? []).map((request) => ({
        claim,
        alternatives: alternativesOf(request).map(({ name, spec: asked }) => ({
          ...{ name, spec: asked, deviceClass: offer.classOf(asked.deviceClassName) },
          candidates: once(() => this.#matching(`claim ${metadata?.namespace}/${metadata?.name}`, asked)),
        })),
      })),
    );
  }

  run(): V1AllocationResult[] | undefined {
    this.#check();
    if (!this.#fill(0)) {
      if ([...this.#unsound.values()].includes('invalid')) throw new NodeRefusal('invalid resource pools were encountered');
      return undefined;
    }
    return this.#claims.map((claim, i) => allocationOf(claim, this.#chosen[i]!, this.#node));
  }

  /** What cannot be met whatever is free. */
  #check(): void {
    for (const [i, { metadata }] of this.#claims.entries()) {
      const whose = `claim ${metadata?.namespace}/${metadata?.name}`;
      const slots = this.#slots.filter(({ claim }) => claim === i);
      const [pool] = this.#unsound;
      // Of what is not known whole, nobody can say what all of it is.
      const all = slots.flatMap(({ alternatives }) => alternatives).find(({ spec }) => spec.allocationMode === 'All');
      if (all && pool) {
        const state = pool[1] === 'incomplete' ? 'currently being updated' : 'currently invalid';
        const request = all.name.split('/').at(-1);
        throw new NodeRefusal(`${whose}, request ${request}: asks for all devices, but resource pool ${pool[0]} is ${state}`);
      }
      const wanted = slots.reduce((sum, { alternatives }) => sum + Math.min(...alternatives.map(countOf)), 0);
      if (wanted > MOST_DEVICES)
        throw new Error(`${whose}: number of requested devices ${wanted} exceeds the claim limit of ${MOST_DEVICES}`);
    }
  }

  #matching(whose: string, { deviceClassName, selectors, capacity }: V1ExactDeviceRequest): OfferedDevice[] {
    const { classOf, selectors: expressions } = this.#offer;
    const deviceClass = classOf(deviceClassName);
    return this.#usable.filter((offered) => {
      if (!expressions.match(`class ${deviceClassName}`, deviceClass?.spec.selectors, offered)) return false;
      if (!expressions.match(whose, selectors, offered)) return false;
      const { driver, device } = offered;
      if (!device.allowMultipleAllocations && !capacity?.requests) return true;
      const consumption = consumptionOf(driver, device, capacity?.requests);
      return consumption !== undefined && this.#hasLeft(offered, consumption);
    });
  }

  /** Whether a device for several claims has as much left as one more takes. */
  #hasLeft({ id, driver, device }: OfferedDevice, { amounts }: Consumption): boolean {
    if (!device.allowMultipleAllocations) return true;
    const others = [this.#offer.consumed.get(id), ...(this.#parts.get(id) ?? [])];
    const totals = totalsOf(driver, device);
    return amounts
      .entries()
      .every(([name, amount]) => others.reduce((sum, other) => sum + (other?.get(name) ?? 0n), amount) <= totals.get(name)!);
  }

  #fill(at: number): boolean {
    const slot = this.#slots[at];
    if (!slot) return true;
    for (const alternative of slot.alternatives) {
      const candidates = alternative.candidates();
      const count = countOf(alternative);
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
    const { spec, candidates } = alternative;
    const all = candidates();
    for (let i = from; i <= all.length - count; i++) {
      this.#step();
      const offered = all[i]!;
      const taken = this.#take(slot.claim, alternative, offered);
      if (taken) {
        devices.push({ offered, ...(taken.consumed && { consumed: taken.consumed }) });
        if (this.#pick(at, slot, alternative, { devices, from: i + 1, count: count - 1 })) return true;
        devices.pop();
        taken.giveBack();
      }
      // All of them means each one.
      if (spec.allocationMode === 'All') return false;
    }
    return false;
  }

  #step(): void {
    this.#steps++;
    const isLate = this.#steps % STEPS_A_LOOK === 0 && performance.now() > this.#untilMs;
    if (isLate || this.#steps > MOST_STEPS) throw new NodeRefusal(TIMED_OUT);
  }

  /** Whoever has admin access looks at devices that others use, and takes them from nobody. */
  #take(claim: number, { name, spec }: Alternative, offered: OfferedDevice): Taken | undefined {
    const { adminAccess = false, capacity, tolerations } = spec;
    const { id, driver, device } = offered;
    const users = listIn(this.#users, id);
    const parts = listIn(this.#parts, id);
    const isShared = device.allowMultipleAllocations ?? false;
    // Of those who only look, a claim has one.
    if (!isShared && (adminAccess ? users.includes(claim) : this.#offer.taken.has(id) || users.length > 0)) return undefined;
    if (!isTolerated(device.taints, tolerations)) return undefined;
    const consumption = isShared ? consumptionOf(driver, device, capacity?.requests) : undefined;
    if (isShared && !(consumption && this.#hasLeft(offered, consumption))) return undefined;
    const release = this.#constraints[claim]!.take(name, driver, device);
    if (!release) return undefined;
    // What a device for several takes of counters is taken for the first of them.
    const isCounted = !adminAccess && !(isShared && (this.#offer.consumed.has(id) || parts.length > 0));
    if (isCounted && !this.#consume(offered, 1n)) {
      release();
      return undefined;
    }
    if (consumption) parts.push(consumption.amounts);
    else users.push(claim);
    const giveBack = () => {
      if (consumption) parts.pop();
      else users.pop();
      if (isCounted) this.#consume(offered, -1n);
      release();
    };
    return { giveBack, ...(consumption && { consumed: consumption.shown }) };
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
      if (this.#offer.taken.has(offered.id) || this.#offer.consumed.has(offered.id))
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

const countOf = ({ spec, candidates }: Alternative): number =>
  spec.allocationMode === 'All' ? candidates().length : (spec.count ?? 1);

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

function listIn<T>(lists: Map<string, T[]>, key: string): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
