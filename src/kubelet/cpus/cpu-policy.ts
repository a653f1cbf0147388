import { CodedError } from '../../std/coded-error.ts';
import { milliAmount } from '../cgroups/amounts.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import { reservations } from '../node/node-resources.ts';
import type { CpuPolicy } from './allocate-cpus.ts';
import type { CpuAssignments } from './cpu-checkpoint.ts';
import { type CpuSet, formatCpuSet, parseCpuSet, sameCpus } from './cpu-set.ts';
import type { CpuTopology } from './cpu-topology.ts';
import { takeCpus } from './take-cpus.ts';
import { MOST_NUMA_NODES, type TopologyPolicy } from './topology-hints.ts';

/**
 * What the configuration makes of this machine's CPUs under `cpuManagerPolicy: static`.
 *
 * @throws CodedError `CPU_MANAGER` in upstream's words when nothing is reserved, or more than there is
 */
export function cpuPolicy(configuration: KubeletConfiguration, topology: CpuTopology): CpuPolicy {
  const { cpuManagerPolicyOptions: options = {}, topologyManagerPolicy, topologyManagerScope } = configuration;
  checkNumaNodes(configuration, topology);
  return {
    topology,
    exclusive: true,
    reserved: reservedCpus(configuration, topology),
    wholeCores: isTrue(options['full-pcpus-only']),
    strictReservation: isTrue(options['strict-cpu-reservation']),
    alignment: topologyManagerPolicy as TopologyPolicy,
    scope: topologyManagerScope as CpuPolicy['scope'],
  };
}

/** Where containers have no CPUs of their own, but other things that are to lie together. */
export function alignmentOnly(configuration: KubeletConfiguration, topology: CpuTopology): CpuPolicy {
  checkNumaNodes(configuration, topology);
  return {
    topology,
    exclusive: false,
    reserved: new Set(),
    wholeCores: false,
    strictReservation: false,
    alignment: configuration.topologyManagerPolicy as TopologyPolicy,
    scope: configuration.topologyManagerScope as CpuPolicy['scope'],
  };
}

/** @throws CodedError where there are too many nodes to weigh all combinations of them */
export function checkNumaNodes({ topologyManagerPolicy }: KubeletConfiguration, { numaNodes }: CpuTopology): void {
  if (topologyManagerPolicy !== 'none' && numaNodes.size > MOST_NUMA_NODES)
    throw mistake(`unsupported on machines with more than ${MOST_NUMA_NODES} NUMA Nodes`);
}

function reservedCpus(configuration: KubeletConfiguration, topology: CpuTopology): CpuSet {
  const all = new Set(topology.places.keys());
  const { systemReserved, kubeReserved } = reservations(configuration);
  if (systemReserved['cpu'] === undefined && kubeReserved['cpu'] === undefined)
    throw mistake('[cpumanager] unable to determine reserved CPU resources for static policy');
  const milliCpu = milliAmount(systemReserved['cpu']) + milliAmount(kubeReserved['cpu']);
  if (milliCpu === 0)
    throw mistake('[cpumanager] the static policy requires systemreserved.cpu + kubereserved.cpu to be greater than zero');
  const count = Math.ceil(milliCpu / 1000);
  const named = parseCpuSet(configuration.reservedSystemCPUs ?? '');
  const missing = named.difference(all);
  if (missing.size > 0)
    throw mistake(
      `reservedSystemCPUs (--reserved-cpus) ${JSON.stringify(configuration.reservedSystemCPUs)}: this machine has no CPUs ${formatCpuSet(missing)}, its CPUs are ${formatCpuSet(all)}`,
    );
  const reserved = named.size > 0 ? named : takeCpus(topology, all, Math.min(count, all.size));
  if (reserved.size !== count)
    throw mistake(
      `new static policy error: [cpumanager] unable to reserve the required amount of CPUs (size of ${formatCpuSet(reserved)} did not equal ${count})`,
    );
  return reserved;
}

/**
 * Whether what an earlier kubelet wrote down still holds on this machine.
 *
 * @throws CodedError `CPU_MANAGER` in upstream's words
 */
export function checkAssignments(policy: CpuPolicy, { shared, exclusive }: CpuAssignments): void {
  const { reserved, strictReservation, topology } = policy;
  const inShared = reserved.intersection(shared);
  if (strictReservation && inShared.size > 0)
    throw mistake(
      `some of strictly reserved cpus: "${formatCpuSet(inShared)}" are present in defaultCpuSet: "${formatCpuSet(shared)}"`,
    );
  if (!strictReservation && !reserved.isSubsetOf(shared))
    throw mistake(`not all reserved cpus: "${formatCpuSet(reserved)}" are present in defaultCpuSet: "${formatCpuSet(shared)}"`);
  let known = strictReservation ? shared.union(reserved) : shared;
  for (const [uid, containers] of exclusive)
    for (const [name, cpus] of containers) {
      if (!shared.isDisjointFrom(cpus))
        throw mistake(
          `pod: ${uid}, container: ${name} cpuset: "${formatCpuSet(cpus)}" overlaps with default cpuset "${formatCpuSet(shared)}"`,
        );
      known = known.union(cpus);
    }
  const all = new Set(topology.places.keys());
  if (!sameCpus(known, all))
    throw mistake(
      `current set of available CPUs "${formatCpuSet(all)}" doesn't match with CPUs in state "${formatCpuSet(known)}"`,
    );
}

export const isTrue = (text: string | undefined) => /^(1|t|T|TRUE|true|True)$/.test(text ?? '');

const mistake = (why: string) => new CodedError(`start cpu manager error: ${why}`, { code: 'CPU_MANAGER' });
