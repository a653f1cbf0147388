import type { V1Container, V1Pod, V1PodSpec, V1ResourceRequirements } from '../../api/gen/types.ts';
import { compareQuantities, parseQuantity } from '../../api/machinery/quantity.ts';
import type { ExtraCondition } from './pod-conditions.ts';
import type { NodeAdmission } from './pod-parts.ts';
import { qosClass } from './qos-class.ts';

/** What a pod was given on this node, by names of its containers and `WHOLE_POD`; what it asks for may be more, or less. */
export type Allocation = ReadonlyMap<string, V1ResourceRequirements>;

/** Stands for the pod itself (`spec.resources`) where containers have their names, or their ids. */
export const WHOLE_POD = '';

export interface ResizeDecision {
  /** What the pod is given from now on. */
  readonly allocation: Allocation;
  /** Why it is not what the pod asks for. */
  readonly pending?: ExtraCondition;
}

const resizable = (spec: V1PodSpec | undefined): readonly V1Container[] => [
  ...(spec?.initContainers?.filter(({ restartPolicy }) => restartPolicy === 'Always') ?? []),
  ...(spec?.containers ?? []),
];

/** What the pod asks for. */
const wantedBy = (spec: V1PodSpec | undefined): Allocation =>
  new Map([
    ...(spec?.resources ? [[WHOLE_POD, spec.resources] as const] : []),
    ...resizable(spec).map(({ name, resources = {} }) => [name, resources] as const),
  ]);

/** What a pod that is new here gets: what it asks for. One that a kubelet before this one ran keeps what its status says. */
export function firstAllocation(pod: V1Pod): Allocation {
  const { containerStatuses = [], initContainerStatuses = [], resources: ofPod } = pod.status ?? {};
  const ran = [...initContainerStatuses, ...containerStatuses].filter(({ containerID }) => containerID);
  const told = new Map(ran.map(({ name, resources }) => [name, resources]));
  if (ran.length > 0) told.set(WHOLE_POD, ofPod);
  return new Map([...wantedBy(pod.spec)].map(([name, resources]) => [name, told.get(name) ?? resources]));
}

/** The pod with the resources that it was given; the same object when that is what it asks for. */
export function allocatedPod(pod: V1Pod, allocation: Allocation): V1Pod {
  const { spec } = pod;
  if (!spec || !differs(wantedBy(spec), allocation)) return pod;
  const given = (container: V1Container): V1Container => {
    const resources = allocation.get(container.name);
    return resources ? { ...container, resources: { ...container.resources, ...resources } } : container;
  };
  return {
    ...pod,
    spec: {
      ...spec,
      ...(spec.resources && { resources: { ...spec.resources, ...givenTo(WHOLE_POD, allocation) } }),
      containers: spec.containers.map(given),
      ...(spec.initContainers && { initContainers: spec.initContainers.map(given) }),
    },
  };
}

/** A container that is not known has what it asks for; a pod whose resources are not known was given none of its own. */
const givenTo = (name: string, allocation: Allocation) => allocation.get(name) ?? (name === WHOLE_POD ? NOTHING : undefined);

const NOTHING: V1ResourceRequirements = { requests: {}, limits: {} };

const differs = (wanted: Allocation, given: Allocation) =>
  [...wanted].some(([name, resources]) => !sameResources(resources, givenTo(name, given) ?? resources));

/**
 * Whether a pod gets what it asks for now: all of it when the node has room (upstream's pkg/kubelet/allocation), nothing otherwise.
 *
 * @param pod as it is wanted
 * @param others what else is on the node
 */
export function decideResize(
  pod: V1Pod,
  current: Allocation,
  others: readonly V1Pod[],
  { admission, isStatic }: { readonly admission: NodeAdmission; readonly isStatic: boolean },
): ResizeDecision {
  const wanted = wantedBy(pod.spec);
  if (!differs(wanted, current)) return { allocation: current };
  const pending = (reason: 'Infeasible' | 'Deferred', message: string): ResizeDecision => ({
    allocation: current,
    pending: { type: 'PodResizePending', status: 'True', reason, message },
  });
  if (isStatic) return pending('Infeasible', 'In-place resize of static-pods is not supported');
  if (admission.givesCpus && qosClass(pod) === 'Guaranteed' && asksForOtherCpus(wanted, current))
    return pending('Infeasible', 'Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"');
  // By what it asks for alone: its status tells what it has, and what was answered before.
  const asked = { ...pod, status: {} };
  const never = admission.admit(asked, []);
  if (never)
    return pending('Infeasible', never.message.replace('enough resource:', 'enough capacity:').replace(/, used: \d+/, ''));
  const now = admission.admit(asked, others);
  // As upstream, nobody is pushed out for a pod that grows.
  if (now) return pending('Deferred', now.message);
  return { allocation: wanted };
}

const asksForOtherCpus = (wanted: Allocation, current: Allocation) =>
  [...wanted].some(([name, { requests }]) => !sameAmount(requests?.['cpu'], current.get(name)?.requests?.['cpu']));

/** Of each resource the larger of both: with that, limits of a pod and of its containers can be changed one after the other. */
export function largerAllocation(a: Allocation, b: Allocation): Allocation {
  const larger = (one: Record<string, string> = {}, other: Record<string, string> = {}) => {
    // Who had no limit, or is to have none, has none in between.
    const names = Object.keys(one).filter((name) => Object.hasOwn(other, name));
    return Object.fromEntries(
      names.map((name) => {
        const [first, second] = [one[name]!, other[name]!];
        return [name, compareQuantities(parseQuantity(first), parseQuantity(second)) >= 0 ? first : second];
      }),
    );
  };
  return new Map(
    [...b].map(([name, { requests, limits }]) => {
      const before = a.get(name) ?? {};
      return [name, { requests: larger(before.requests, requests), limits: larger(before.limits, limits) }];
    }),
  );
}

/** Whether a container must start anew for its resources to change so: as its `resizePolicy` says of each. */
export function needsRestart(container: V1Container, before: V1ResourceRequirements, after: V1ResourceRequirements): boolean {
  return (container.resizePolicy ?? []).some(
    ({ resourceName, restartPolicy }) =>
      restartPolicy === 'RestartContainer' &&
      (!sameAmount(before.requests?.[resourceName], after.requests?.[resourceName]) ||
        !sameAmount(before.limits?.[resourceName], after.limits?.[resourceName])),
  );
}

/** Requests and limits alone, in Go's order of fields and names. */
export function shownResources({ limits, requests }: V1ResourceRequirements): V1ResourceRequirements {
  const sorted = (amounts: Record<string, string> = {}) => Object.fromEntries(Object.entries(amounts).sort(byName));
  const some = (amounts: Record<string, string> | undefined) => amounts && Object.keys(amounts).length > 0;
  return { ...(some(limits) && { limits: sorted(limits) }), ...(some(requests) && { requests: sorted(requests) }) };
}

const byName = ([a]: readonly [string, string], [b]: readonly [string, string]) => (a < b ? -1 : 1);

export function sameResources(a: V1ResourceRequirements, b: V1ResourceRequirements): boolean {
  return sameAmounts(a.requests, b.requests) && sameAmounts(a.limits, b.limits);
}

function sameAmounts(a: Record<string, string> = {}, b: Record<string, string> = {}): boolean {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => sameAmount(a[name], b[name]));
}

function sameAmount(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return compareQuantities(parseQuantity(a), parseQuantity(b)) === 0;
}
