import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { isSidecar } from '../pods/container-kinds.ts';
import type { AdmissionRefusal } from '../pods/pod-parts.ts';
import type { CpuAssignments } from './cpu-checkpoint.ts';
import type { CpuSet } from './cpu-set.ts';
import { type CpuTopology, cpusAt } from './cpu-topology.ts';
import { exclusiveCpusOf, exclusiveCpusOfPod } from './exclusive-cpus.ts';
import { takeCpus } from './take-cpus.ts';
import { chooseHint, cpuHints, type TopologyPolicy } from './topology-hints.ts';

export interface CpuPolicy {
  readonly topology: CpuTopology;
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
 */
export function allocateCpus(policy: CpuPolicy, before: CpuAssignments, pod: V1Pod): Allocation {
  const uid = pod.metadata?.uid ?? '';
  const { topology, reserved, alignment, scope } = policy;
  const mine = new Map(before.exclusive.get(uid));
  let shared: CpuSet = before.shared;
  /** What init containers of this pod leave to those after them. */
  let reusable: CpuSet = NOTHING;
  const available = () => shared.difference(reserved);

  const affinityFor = (count: number, has: CpuSet | undefined) => {
    if (alignment === 'none' || count === 0) return chooseHint('none', topology.numaNodes, undefined);
    const wish = has ? { available: has, reusable: NOTHING, count } : { available: available(), reusable, count };
    return chooseHint(alignment, topology.numaNodes, has && has.size !== count ? [] : cpuHints(topology, wish));
  };

  const ofPod = scope === 'pod' ? affinityFor(exclusiveCpusOfPod(pod), undefinedIfEmpty(mine)) : undefined;
  if (scope === 'pod' && !ofPod) return { refusal: MISALIGNED };
  const initContainers = pod.spec?.initContainers ?? [];
  for (const container of [...initContainers, ...(pod.spec?.containers ?? [])]) {
    const count = exclusiveCpusOf(pod, container);
    const affinity = ofPod ?? affinityFor(count, mine.get(container.name));
    if (!affinity) return { refusal: MISALIGNED };
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
