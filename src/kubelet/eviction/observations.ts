import type { NodeSnapshot, TimedSpace } from '../stats/node-snapshot.ts';
import type { Observation, Signal } from './signals.ts';

/** What a measurement of the node says of each signal. Pure; what was not measured is not there. */
export function observe(snapshot: NodeSnapshot): Map<Signal, Observation> {
  const found = new Map<Signal, Observation>();
  const memory = snapshot.node?.sample.memory;
  if (memory && snapshot.memoryCapacityBytes > 0) {
    const capacity = snapshot.memoryCapacityBytes;
    found.set('memory.available', {
      capacity,
      available: Math.max(0, capacity - memory.workingSetBytes),
      timeMs: snapshot.node!.sample.timeMs,
    });
  }
  const pods = snapshot.system.get('pods')?.sample;
  const limit = pods?.memory?.limitBytes;
  if (pods?.memory && limit !== undefined) {
    // A limit above what the machine has bounds nothing.
    const capacity = Math.min(limit, snapshot.memoryCapacityBytes || limit);
    found.set('allocatableMemory.available', {
      capacity,
      available: Math.max(0, capacity - pods.memory.workingSetBytes),
      timeMs: pods.timeMs,
    });
  }
  observeDisk(found, 'nodefs', snapshot.nodeFs);
  observeDisk(found, 'imagefs', snapshot.imageFs);
  observeDisk(found, 'containerfs', snapshot.containerFs ?? snapshot.imageFs);
  const { running, most } = snapshot.processes;
  if (most > 0) found.set('pid.available', { capacity: most, available: most - running, timeMs: snapshot.timeMs });
  return found;
}

function observeDisk(
  found: Map<Signal, Observation>,
  disk: 'nodefs' | 'imagefs' | 'containerfs',
  space: TimedSpace | undefined,
): void {
  if (!space) return;
  const { timeMs } = space;
  found.set(`${disk}.available`, { capacity: space.capacityBytes, available: space.availableBytes, timeMs });
  // Some file systems count no inodes.
  if (space.inodes > 0) found.set(`${disk}.inodesFree`, { capacity: space.inodes, available: space.inodesFree, timeMs });
}
