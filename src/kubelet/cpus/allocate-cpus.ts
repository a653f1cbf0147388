import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { isSidecar } from '../pods/container-kinds.ts';
import type { AdmissionRefusal } from '../pods/pod-parts.ts';
import type { CpuAssignments } from './cpu-checkpoint.ts';
import type { CpuSet } from './cpu-set.ts';
import { type CpuTopology, cpusAt } from './cpu-topology.ts';
import { exclusiveCpusOf, exclusiveCpusOfPod } from './exclusive-cpus.ts';
import { takeCpus } from './take-cpus.ts';
import { chooseHint, cpuHints, type ResourceHints, type TopologyHint, type TopologyPolicy } from './topology-hints.ts';

export interface CpuPolicy {
  readonly topology: CpuTopology;
  /** False: containers have no CPUs of their own, and only other things of theirs are kept together. */
  readonly exclusive: boolean;
  /** Nobody has them for himself. */
  readonly reserved: CpuSet;
  /** Of `cpuManagerPolicyOptions`: containers have whole cores, or none. */
  readonly wholeCores: boolean;
  /** Of `cpuManagerPolicyOptions`: pods do not run on reserved CPUs at all. */
  readonly strictReservation: boolean;
  readonly alignment: TopologyPolicy;
  readonly scope: 'container' | 'pod';
}

export type Allocation = { readonly refusal: AdmissionRefusal } | { readonly assignments: CpuAssignments };

/** What else containers have that lies at NUMA nodes: devices. Both calls are for one pod, container after container in their order. */
export interface PlacedBeside {
  /** For each resource that the container asks for; without a container that the pod as a whole does. The nodes are the machine's. */
  hintsOf(numaNodes: CpuSet, container?: V1Container): readonly ResourceHints[];
  /** Takes what the container asks for, from the nodes of the hint first. Throws Error when there is not enough. */
  take(container: V1Container, affinity: TopologyHint): void;
}

const NOTHING: CpuSet = new Set();

/** All CPUs are shared, but those reserved strictly. */
export function nobodysCpus({ topology, reserved, strictReservation }: CpuPolicy): CpuAssignments {
  const all = new Set(topology.places.keys());
  return { shared: strictReservation ? all.difference(reserved) : all, exclusive: new Map() };
}

/**
 * Gives a pod's containers the CPUs that they are to have for themselves (pkg/kubelet/cm/cpumanager, topologymanager). What a container has
 * already it keeps.
 *
 * @param before who has what now; it is not changed
 * @param beside takes its part while this goes on, and has to give it back after a refusal
 */
export function allocateCpus(policy: CpuPolicy, before: CpuAssignments, pod: V1Pod, beside?: PlacedBeside): Allocation {
  const uid = pod.metadata?.uid ?? '';
  const { topology, reserved, alignment, scope } = policy;
  const mine = new Map(before.exclusive.get(uid));
  let shared: CpuSet = before.shared;
  /** What init containers of this pod leave to those after them. */
  let reusable: CpuSet = NOTHING;
  const available = () => shared.difference(reserved);

  const hintsFor = (count: number, has: CpuSet | undefined): ResourceHints => {
    if (count === 0 || alignment === 'none') return undefined;
    if (has) return has.size === count ? cpuHints(topology, { available: has, reusable: NOTHING, count }) : [];
    return cpuHints(topology, { available: available(), reusable, count });
  };
  const affinityFor = (count: number, has: CpuSet | undefined, others: readonly ResourceHints[] = []) =>
    chooseHint(alignment, topology.numaNodes, [hintsFor(count, has), ...others]);
  const countOf = (container: V1Container) => (policy.exclusive ? exclusiveCpusOf(pod, container) : 0);

  const countOfPod = policy.exclusive && scope === 'pod' ? exclusiveCpusOfPod(pod) : 0;
  const ofPod =
    scope === 'pod' ? affinityFor(countOfPod, undefinedIfEmpty(mine), beside?.hintsOf(topology.numaNodes)) : undefined;
  if (scope === 'pod' && !ofPod) return { refusal: MISALIGNED };
  const initContainers = pod.spec?.initContainers ?? [];
  for (const container of [...initContainers, ...(pod.spec?.containers ?? [])]) {
    const count = countOf(container);
    const affinity = ofPod ?? affinityFor(count, mine.get(container.name), beside?.hintsOf(topology.numaNodes, container));
    if (!affinity) return { refusal: MISALIGNED };
    try {
      beside?.take(container, affinity);
    } catch (error) {
      return { refusal: unexpected(error) };
    }
    if (count === 0) continue;
    let cpus = mine.get(container.name);
    if (!cpus) {
      const refusal = policy.wholeCores ? threadRefusal(policy, count, shared.union(reusable)) : undefined;
      if (refusal) return { refusal };
      try {
        cpus = take(topology, available().union(reusable), count, affinity.nodes);
      } catch (error) {
        return { refusal: unexpected(error) };
      }
      shared = shared.difference(cpus);
      mine.set(container.name, cpus);
    }
    const passesOn = initContainers.includes(container) && !isSidecar(container);
    reusable = passesOn ? reusable.union(cpus) : reusable.difference(cpus);
  }
  if (mine.size === 0) return { assignments: before };
  return { assignments: { shared, exclusive: new Map([...before.exclusive, [uid, mine]]) } };
}

/** What a pod had is everybody's again. */
export function releaseCpus(policy: CpuPolicy, { shared, exclusive }: CpuAssignments, uid: string): CpuAssignments {
  const left = new Map(exclusive);
  left.delete(uid);
  const free = [...(exclusive.get(uid)?.values() ?? [])].reduce((all, cpus) => all.union(cpus), shared);
  return { shared: policy.strictReservation ? free.difference(policy.reserved) : free, exclusive: left };
}

/** Whether a container has CPUs of its own. */
export const hasExclusiveCpus = ({ exclusive }: CpuAssignments, uid: string, name: V1Container['name']) =>
  exclusive.get(uid)?.has(name) ?? false;

/** From the nodes of the affinity first, what they lack from elsewhere. */
function take(topology: CpuTopology, from: CpuSet, count: number, nodes: CpuSet | undefined): CpuSet {
  if (!nodes) return takeCpus(topology, from, count);
  const aligned = [...nodes].reduce((all, node) => all.union(cpusAt(topology, 'numaNode', node)), new Set<number>());
  const near = from.intersection(aligned);
  const first = takeCpus(topology, near, Math.min(count, near.size));
  return first.union(takeCpus(topology, from.difference(first), count - first.size));
}

/** Option `full-pcpus-only`: threads of reserved CPUs are of no use, though they are not reserved. */
function threadRefusal({ topology, reserved }: CpuPolicy, count: number, free: CpuSet): AdmissionRefusal | undefined {
  const { cpusPerCore, places } = topology;
  const reason = 'SMTAlignmentError';
  if (count % cpusPerCore !== 0)
    return {
      reason,
      message: `SMT Alignment Error: requested ${count} cpus not multiple cpus per core = ${cpusPerCore}`,
    };
  const reservedCores = new Set([...reserved].map((cpu) => places.get(cpu)?.core));
  const whole = [...free].filter((cpu) => !reservedCores.has(places.get(cpu)?.core)).length;
  if (count <= whole) return undefined;
  return {
    reason,
    message: `SMT Alignment Error: not enough free physical CPUs: available physical CPUs = ${whole}, requested CPUs = ${count}, CPUs per core = ${cpusPerCore}`,
  };
}

function undefinedIfEmpty(mine: ReadonlyMap<string, CpuSet>): CpuSet | undefined {
  return mine.size === 0 ? undefined : [...mine.values()].reduce((all, cpus) => all.union(cpus), NOTHING);
}

const MISALIGNED: AdmissionRefusal = {
  reason: 'TopologyAffinityError',
  message: 'Resources cannot be allocated with Topology locality',
};

/** A pod that could not be given what the node seemed to have; upstream's words. */
export function unexpected(error: unknown): AdmissionRefusal {
  const why = error instanceof Error ? error.message : String(error);
  return { reason: 'UnexpectedAdmissionError', message: `Allocate failed due to ${why}, which is unexpected` };
}
