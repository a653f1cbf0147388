/** What eviction watches (pkg/kubelet/eviction/helpers.go, api/types.go). */

export const SIGNALS = [
  'memory.available',
  'allocatableMemory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'containerfs.available',
  'containerfs.inodesFree',
  'pid.available',
] as const;

export type Signal = (typeof SIGNALS)[number];

export type PressureCondition = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

/** What is starved, as messages name it. */
export type StarvedResource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

export const isSignal = (text: string): text is Signal => (SIGNALS as readonly string[]).includes(text);

export function conditionOf(signal: Signal): PressureCondition {
  if (isMemory(signal)) return 'MemoryPressure';
  return signal === 'pid.available' ? 'PIDPressure' : 'DiskPressure';
}

export function resourceOf(signal: Signal): StarvedResource {
  if (isMemory(signal)) return 'memory';
  if (signal === 'pid.available') return 'pids';
  return signal.endsWith('.inodesFree') ? 'inodes' : 'ephemeral-storage';
}

export const isMemory = (signal: Signal) => signal === 'memory.available' || signal === 'allocatableMemory.available';

/** What was measured for a signal: bytes, inodes or processes. */
export interface Observation {
  readonly available: number;
  readonly capacity: number;
  readonly timeMs: number;
}

export type Observations = ReadonlyMap<Signal, Observation>;
