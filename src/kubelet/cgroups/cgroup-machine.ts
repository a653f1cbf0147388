import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { Machine } from '../node/machine.ts';
import { nodeAllocatable, nodeCapacity, swapCapacity } from '../node/node-resources.ts';
import type { CgroupMachine } from './pod-cgroups.ts';

/** What the node's cgroups depend on, from what the machine says of itself. */
export function cgroupMachineOf(machine: Machine, configuration: KubeletConfiguration): CgroupMachine {
  const capacity = nodeCapacity(machine, configuration);
  return {
    capacity,
    allocatable: nodeAllocatable(capacity, configuration),
    memoryBytes: machine.memoryBytes,
    swapBytes: swapCapacity(machine),
    hasSystemd: machine.hasSystemd,
  };
}
