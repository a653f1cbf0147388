import { matchesNodeSelectorTerm } from '../../api/core/v1/node-selection.ts';
import type { V1Device, V1Node, V1NodeSelector, V1ResourceSlice, V1ResourceSliceSpec } from '../../api/gen/types.ts';
import { parseQuantity } from '../../api/machinery/quantity.ts';

/** A device as a driver has told of it, with what is worked out of that once. */
export interface OfferedDevice {
  /** Of driver, pool and device. */
  readonly id: string;
  readonly driver: string;
  readonly pool: string;
  readonly device: V1Device;
  /** Where it can be used. */
  readonly place: Pick<V1ResourceSliceSpec, 'nodeName' | 'nodeSelector' | 'allNodes'>;
}

/** The devices of a driver that are told of together. */
export interface DevicePool {
  readonly devices: readonly OfferedDevice[];
  /** Why nothing of it can be given: not all of it has been told yet, or what was told contradicts itself. Undefined: it can. */
  readonly problem: 'incomplete' | 'invalid' | undefined;
  /** What devices share, in billionths: counter set → counter. */
  readonly counters: ReadonlyMap<string, ReadonlyMap<string, bigint>>;
}

export const deviceId = (driver: string, pool: string, device: string): string => JSON.stringify([driver, pool, device]);
export const poolId = (driver: string, pool: string): string => JSON.stringify([driver, pool]);

/**
 * What drivers have told of, pool by pool: of each its newest generation, once all slices of that are there. Pure.
 *
 * @returns by `poolId`, in a fixed order
 */
export function devicePools(slices: readonly V1ResourceSlice[]): ReadonlyMap<string, DevicePool> {
  const newest = new Map<string, V1ResourceSlice[]>();
  for (const slice of slices) {
    const { driver, pool } = slice.spec;
    const id = poolId(driver, pool.name);
    const known = newest.get(id);
    const generation = known?.[0]?.spec.pool.generation ?? -1;
    if (!known || pool.generation > generation) newest.set(id, [slice]);
    else if (pool.generation === generation) known.push(slice);
  }
  const pools = [...newest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, those]) => [id, poolOf(those)] as const);
  // Devices that are there at once before those that have to be made ready.
  return new Map(pools.sort(([, a], [, b]) => Number(isMadeReady(a)) - Number(isMadeReady(b))));
}

const isMadeReady = ({ devices = [] }: Pick<DevicePool, 'devices'>) => devices.some(({ device }) => device.bindingConditions);

function poolOf(slices: readonly V1ResourceSlice[]): DevicePool {
  const later = ({ spec }: V1ResourceSlice) => Number(spec.devices?.some(({ bindingConditions }) => bindingConditions) ?? false);
  const inOrder = slices.toSorted(
    (a, b) => later(a) - later(b) || ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1),
  );
  const devices: OfferedDevice[] = [];
  const ids = new Set<string>();
  const counters = new Map<string, ReadonlyMap<string, bigint>>();
  let problem: DevicePool['problem'];
  for (const { spec } of inOrder) {
    for (const { name, counters: each } of spec.sharedCounters ?? []) {
      if (counters.has(name)) problem = 'invalid';
      counters.set(name, new Map(Object.entries(each).map(([counter, { value }]) => [counter, parseQuantity(value).nano])));
    }
    for (const device of spec.devices ?? []) {
      const id = deviceId(spec.driver, spec.pool.name, device.name);
      if (ids.has(id)) problem = 'invalid';
      ids.add(id);
      devices.push({ id, driver: spec.driver, pool: spec.pool.name, device, place: spec.perDeviceNodeSelection ? device : spec });
    }
  }
  if (!devices.every(({ device }) => knowsItsCounters(device, counters))) problem = 'invalid';
  const wanted = inOrder[0]?.spec.pool.resourceSliceCount ?? 0;
  if (inOrder.length !== wanted) problem = 'incomplete';
  return { devices, problem, counters };
}

/** Whether all that a device takes of counters is of counters that there are. */
const knowsItsCounters = ({ consumesCounters = [] }: V1Device, counters: DevicePool['counters']): boolean =>
  consumesCounters.every(({ counterSet, counters: consumed }) => {
    const known = counters.get(counterSet);
    return known !== undefined && Object.keys(consumed).every((name) => known.has(name));
  });

/** What a node may use. */
export interface NodeDevices {
  readonly devices: readonly OfferedDevice[];
  /** Pools of which it may use nothing now, by the names under which messages know them. */
  readonly unsound: ReadonlyMap<string, NonNullable<DevicePool['problem']>>;
}

/** Finds a node's devices without a look at those of all other nodes. */
export function devicesByNode(pools: ReadonlyMap<string, DevicePool>): (node: V1Node) => NodeDevices {
  type Told = { readonly offered: OfferedDevice; readonly problem: DevicePool['problem'] };
  const local = new Map<string, Told[]>();
  const others: Told[] = [];
  for (const { devices, problem } of pools.values())
    for (const offered of devices) {
      const { nodeName } = offered.place;
      const list = nodeName ? (local.get(nodeName) ?? []) : others;
      list.push({ offered, problem });
      if (nodeName) local.set(nodeName, list);
    }
  return (node) => {
    const own = local.get(node.metadata?.name ?? '') ?? [];
    const all = [...own, ...others.filter(({ offered }) => isUsableOn(offered, node))];
    const unsound = all.flatMap(({ offered: { driver, pool }, problem }) =>
      problem ? [[`${driver}/${pool}`, problem] as const] : [],
    );
    return { devices: all.flatMap(({ offered, problem }) => (problem ? [] : offered)), unsound: new Map(unsound) };
  };
}

/** Whether a device can be used on a node. */
function isUsableOn({ place: { nodeName, nodeSelector, allNodes } }: OfferedDevice, node: V1Node): boolean {
  if (nodeName) return nodeName === node.metadata?.name;
  if (allNodes) return true;
  return nodeSelector?.nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(term, node)) ?? false;
}

/** The nodes on which all of the devices can be used; undefined: every one. Some are bound to the node for which they were chosen. */
export function nodesOf(devices: readonly OfferedDevice[], node: V1Node): V1NodeSelector | undefined {
  const bound = devices.some(({ device }) => device.bindsToNode) ? node.metadata?.name : undefined;
  const local = bound ?? devices.find(({ place }) => place.nodeName)?.place.nodeName;
  if (local) {
    const isIt = { key: 'metadata.name', operator: 'In', values: [local] };
    return { nodeSelectorTerms: [{ matchFields: [isIt] }] };
  }
  // A slice's selector has one term: what all of them ask for is asked for.
  const terms = devices.flatMap(({ place: { nodeSelector } }) => nodeSelector?.nodeSelectorTerms[0] ?? []);
  if (terms.length === 0) return undefined;
  const once = <T>(list: readonly T[]) => [...new Map(list.map((one) => [JSON.stringify(one), one])).values()];
  const matchExpressions = once(terms.flatMap((term) => term.matchExpressions ?? []));
  const matchFields = once(terms.flatMap((term) => term.matchFields ?? []));
  return {
    nodeSelectorTerms: [{ ...(matchExpressions.length && { matchExpressions }), ...(matchFields.length && { matchFields }) }],
  };
}
