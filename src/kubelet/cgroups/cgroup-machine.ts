import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { Machine } from '../node/machine.ts';
import { nodeAllocatable, nodeCapacity } from '../node/node-resources.ts';
import type { CgroupMachine } from './pod-cgroups.ts';

/** What the node's cgroups depend on, from what the machine says of itself. */
export function cgroupMachineOf(machine: Machine, configuration: KubeletConfiguration): CgroupMachine {
  const capacity = nodeCapacity(machine, configuration);
  return {
    capacity,
    allocatable: nodeAllocatable(capacity, configuration),
    memoryBytes: machine.memoryBytes,
    swapBytes: machine.activeSwaps.reduce((sum, line) => sum + swapBytesOf(line), 0),
    hasSystemd: machine.hasSystemd,
  };
}

/** Of a line of /proc/swaps: file name, type, size in KiB, used, priority. */
function swapBytesOf(line: string): number {
  const kilobytes = Number(line.trim().split(/\s+/)[2]);
  return Number.isFinite(kilobytes) ? kilobytes * 1024 : 0;
}
