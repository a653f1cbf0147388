import type { V1Pod } from '../../api/gen/types.ts';
import type { CgroupSample } from './cgroup-sample.ts';
import type { DiskUsage, FilesystemSpace } from './disk-usage.ts';
import type { InterfaceSample } from './network-sample.ts';

/** A cgroup measured, with the rate since the measurement before. */
export interface MeasuredCgroup {
  /** Below the trees' mount points: `/kubepods/burstable/pod…`. */
  readonly path: string;
  readonly sample: CgroupSample;
  /** Billionths of a CPU; absent at the first measurement. */
  readonly cpuNanoCores?: number;
  readonly startedAtMs?: number;
}

export interface TimedSpace extends FilesystemSpace {
  readonly timeMs: number;
  /** `/dev/sda1`, or what else is mounted there. */
  readonly device?: string;
}

export interface ContainerSnapshot {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly attempt: number;
  readonly startedAtMs: number;
  readonly cgroup?: MeasuredCgroup;
  readonly writableLayer?: DiskUsage & { readonly timeMs: number };
  readonly logs?: DiskUsage & { readonly timeMs: number };
}

export interface VolumeSnapshot {
  readonly name: string;
  readonly timeMs: number;
  readonly space: FilesystemSpace;
  readonly claim?: { readonly name: string; readonly namespace: string };
  /** Of the kinds whose content counts as the pod's ephemeral storage. */
  readonly ephemeral: boolean;
}

export interface PodSnapshot {
  readonly pod: V1Pod;
  readonly uid: string;
  readonly cgroup?: MeasuredCgroup;
  readonly network?: { readonly timeMs: number; readonly interfaces: readonly InterfaceSample[] };
  readonly sandboxId?: string;
  readonly containers: readonly ContainerSnapshot[];
  readonly volumes: readonly VolumeSnapshot[];
}

/** All that was measured in one round. */
export interface NodeSnapshot {
  readonly timeMs: number;
  readonly node?: MeasuredCgroup;
  /** The levels above the pods and the kubelet's own, by the names of stats/v1alpha1. */
  readonly system: ReadonlyMap<string, MeasuredCgroup>;
  /** Further cgroups that cadvisor shows: the classes of pods. */
  readonly levels: readonly MeasuredCgroup[];
  readonly pods: readonly PodSnapshot[];
  readonly interfaces: readonly InterfaceSample[];
  /** `major:minor` → `/dev/sda`. */
  readonly devices: ReadonlyMap<string, string>;
  readonly memoryCapacityBytes: number;
  readonly swap: { readonly totalBytes: number; readonly freeBytes: number };
  readonly nodeFs?: TimedSpace;
  readonly imageFs?: TimedSpace;
  readonly containerFs?: TimedSpace;
  /** Whether images lie on another file system than the kubelet's directory, and layers on another than images. */
  readonly dedicatedImageFs: boolean;
  readonly splitContainerFs: boolean;
  readonly processes: { readonly running: number; readonly most: number };
}
