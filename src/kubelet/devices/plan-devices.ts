import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { byteAmount } from '../cgroups/amounts.ts';
import type { PlacedBeside } from '../cpus/allocate-cpus.ts';
import { type ResourceHints, subsetsOf, type TopologyHint } from '../cpus/topology-hints.ts';
import { isSidecar } from '../pods/container-kinds.ts';
import type { Device } from './device-plugin.ts';

type Ids = ReadonlySet<string>;

/** What there is to be given. */
export interface DeviceSupply {
  /** As its plugin last told; undefined: no plugin's resource. */
  devicesOf(resource: string): ReadonlyMap<string, Device> | undefined;
  /** Given to containers of any pod. */
  takenOf(resource: string): Ids;
  /** What this pod's container has already; undefined: nothing yet. */
  hasOf(container: string, resource: string): readonly string[] | undefined;
}

/** Devices that a container is to be given of one resource. */
export interface TakenDevices {
  readonly container: string;
  readonly resource: string;
  readonly ids: readonly string[];
  /** What init containers before it leave to it: it gets these in any case. */
  readonly reused: Ids;
  /** From which its plugin may choose others, those that it gets included. */
  readonly choice: Ids;
}

export interface DevicePlan extends PlacedBeside {
  /** New ones, in the order of the containers. */
  readonly taken: readonly TakenDevices[];
}

const NONE: Ids = new Set();

/**
 * Chooses devices for a pod (pkg/kubelet/cm/devicemanager). What a container has already it keeps; what init containers had goes on to those
 * after them, but for sidecars.
 */
export function planDevices(pod: V1Pod, supply: DeviceSupply): DevicePlan {
  const taken: TakenDevices[] = [];
  const reusable = new Map<string, Ids>();
  const initContainers = pod.spec?.initContainers ?? [];

  const healthyOf = (resource: string): Ids => {
    const devices = supply.devicesOf(resource) ?? new Map<string, Device>();
    return new Set([...devices].flatMap(([id, { healthy }]) => (healthy ? [id] : [])));
  };
  const freeOf = (resource: string): Ids => {
    const mine = taken.filter((one) => one.resource === resource).flatMap(({ ids }) => ids);
    return healthyOf(resource).difference(supply.takenOf(resource)).difference(new Set(mine));
  };
  const requestsOf = ({ resources }: V1Container): [resource: string, count: number][] =>
    Object.entries(resources?.limits ?? {}).flatMap(([resource, amount]) =>
      supply.devicesOf(resource) ? [[resource, byteAmount(String(amount))]] : [],
    );

  function hintsFor(numaNodes: Ids | ReadonlySet<number>, resource: string, count: number, has: Ids | undefined): ResourceHints {
    const devices = supply.devicesOf(resource)!;
    if (count === 0 || ![...devices.values()].some((device) => device.numaNodes)) return undefined;
    if (has)
      return has.size === count ? deviceHints(numaNodes as ReadonlySet<number>, devices, { free: has, reused: NONE, count }) : [];
    const reused = reusable.get(resource) ?? NONE;
    return deviceHints(numaNodes as ReadonlySet<number>, devices, { free: freeOf(resource), reused, count });
  }

  function choose(resource: string, count: number, affinity: TopologyHint): Omit<TakenDevices, 'container' | 'resource'> {
    const devices = supply.devicesOf(resource)!;
    if (healthyOf(resource).size === 0)
      throw new Error(`no healthy devices present; cannot allocate unhealthy devices ${resource}`);
    const reused = new Set([...(reusable.get(resource) ?? NONE)].slice(0, count));
    const free = freeOf(resource);
    const needed = count - reused.size;
    if (free.size < needed)
      throw new Error(`requested number of devices unavailable for ${resource}. Requested: ${needed}, Available: ${free.size}`);
    const { near, far, anywhere } = byAffinity(free, devices, affinity);
    const ids = [...reused, ...[...near, ...far, ...anywhere].slice(0, needed)];
    return { ids, reused, choice: near.length > needed ? new Set([...reused, ...near]) : reused.union(free) };
  }

  return {
    taken,
    hintsOf(numaNodes, container) {
      if (container)
        return requestsOf(container).map(([resource, count]) => {
          const has = supply.hasOf(container.name, resource);
          return hintsFor(numaNodes, resource, count, has && new Set(has));
        });
      return [...requestsOfPod(pod, requestsOf)].map(([resource, count]) => {
        const has = [...initContainers, ...(pod.spec?.containers ?? [])].flatMap(
          ({ name }) => supply.hasOf(name, resource) ?? [],
        );
        return hintsFor(numaNodes, resource, count, has.length > 0 ? new Set(has) : undefined);
      });
    },
    take(container, affinity) {
      for (const [resource, count] of requestsOf(container)) {
        const has = supply.hasOf(container.name, resource);
        if (has && has.length !== count)
          throw new Error(
            `pod "${pod.metadata?.uid}" container "${container.name}" changed request for resource "${resource}" from ${has.length} to ${count}`,
          );
        if (!has && count === 0) continue;
        const chosen = has ? undefined : choose(resource, count, affinity);
        if (chosen) taken.push({ container: container.name, resource, ...chosen });
        const ids = new Set(has ?? chosen!.ids);
        const passesOn = initContainers.includes(container) && !isSidecar(container);
        const before = reusable.get(resource) ?? NONE;
        reusable.set(resource, passesOn ? before.union(ids) : before.difference(ids));
      }
    },
  };
}

/** Where that many devices can come from: combinations of nodes with enough of them, preferred with as few nodes as there need be. */
function deviceHints(
  numaNodes: ReadonlySet<number>,
  devices: ReadonlyMap<string, Device>,
  { free, reused, count }: { readonly free: Ids; readonly reused: Ids; readonly count: number },
): TopologyHint[] {
  const isAt = (id: string, nodes: ReadonlySet<number>) => devices.get(id)?.numaNodes?.some((node) => nodes.has(node)) ?? false;
  const at = (ids: Iterable<string>, nodes: ReadonlySet<number>) => [...ids].filter((id) => isAt(id, nodes)).length;
  const subsets = subsetsOf([...numaNodes].sort((a, b) => a - b));
  const sizes = subsets.filter((nodes) => at(devices.keys(), nodes) >= count).map(({ size }) => size);
  const least = Math.min(numaNodes.size, ...sizes);
  const placed = [...reused].filter((id) => devices.get(id)?.numaNodes);
  return subsets
    .filter((nodes) => at(placed, nodes) === placed.length && placed.length + at(free, nodes) >= count)
    .map((nodes) => ({ nodes, preferred: nodes.size === least }));
}

function byAffinity(free: Ids, devices: ReadonlyMap<string, Device>, { nodes }: TopologyHint) {
  const near: string[] = [];
  const far: string[] = [];
  const anywhere: string[] = [];
  for (const id of free) {
    const places = devices.get(id)?.numaNodes ?? [];
    if (!nodes || places.length === 0) anywhere.push(id);
    else if (places.some((node) => nodes.has(node))) near.push(id);
    else far.push(id);
  }
  return { near, far, anywhere };
}

/** At a time: the most of any init container, or what all others need together. */
function requestsOfPod(
  { spec }: V1Pod,
  requestsOf: (container: V1Container) => [resource: string, count: number][],
): ReadonlyMap<string, number> {
  const init = new Map<string, number>();
  const sum = new Map<string, number>();
  for (const container of spec?.initContainers ?? [])
    for (const [resource, count] of requestsOf(container))
      if (isSidecar(container)) sum.set(resource, (sum.get(resource) ?? 0) + count);
      else init.set(resource, Math.max(init.get(resource) ?? 0, (sum.get(resource) ?? 0) + count));
  for (const container of spec?.containers ?? [])
    for (const [resource, count] of requestsOf(container)) sum.set(resource, (sum.get(resource) ?? 0) + count);
  return new Map([...init.keys(), ...sum.keys()].map((name) => [name, Math.max(init.get(name) ?? 0, sum.get(name) ?? 0)]));
}
