/** `/stats/summary` in the words of stats.v1alpha1 (k8s.io/kubelet/pkg/apis/stats/v1alpha1). Pure. */
import { formatTime } from '../../api/machinery/object.ts';
import type { CgroupSample, Pressure } from './cgroup-sample.ts';
import type { DiskUsage } from './disk-usage.ts';
import type { InterfaceSample } from './network-sample.ts';
import type {
  ContainerSnapshot,
  MeasuredCgroup,
  NodeSnapshot,
  PodSnapshot,
  TimedSpace,
  VolumeSnapshot,
} from './node-snapshot.ts';

export interface SummaryOptions {
  readonly nodeName: string;
  readonly startedAtMs: number;
  readonly onlyCpuAndMemory: boolean;
}

/** As upstream names the interface whose counters stand for a pod's or the node's. */
const DEFAULT_INTERFACE = 'eth0';

export function summaryOf(snapshot: NodeSnapshot, options: SummaryOptions): object {
  const { node, processes, swap } = snapshot;
  const brief = options.onlyCpuAndMemory;
  return {
    node: {
      nodeName: options.nodeName,
      systemContainers: [...snapshot.system].map(([name, cgroup]) => ({
        name,
        startTime: formatTime(cgroup.startedAtMs ?? options.startedAtMs),
        ...computeOf(cgroup),
      })),
      startTime: formatTime(options.startedAtMs),
      ...(node && computeOf(node, snapshot.memoryCapacityBytes)),
      ...(!brief && {
        ...(snapshot.interfaces.length > 0 && { network: networkOf(snapshot.interfaces, snapshot.timeMs) }),
        ...(snapshot.nodeFs && { fs: spaceOf(snapshot.nodeFs) }),
        runtime: {
          ...(snapshot.imageFs && { imageFs: spaceOf(snapshot.imageFs) }),
          ...(snapshot.containerFs && { containerFs: spaceOf(snapshot.containerFs) }),
        },
        rlimit: { time: formatTime(snapshot.timeMs), maxpid: processes.most, curproc: processes.running },
      }),
      swap: {
        time: formatTime(snapshot.timeMs),
        swapAvailableBytes: swap.freeBytes,
        swapUsageBytes: swap.totalBytes - swap.freeBytes,
      },
    },
    pods: snapshot.pods.map((pod) => podOf(pod, snapshot, brief)),
  };
}

function podOf(snapshot: PodSnapshot, node: NodeSnapshot, brief: boolean): object {
  const { pod, cgroup, network, volumes } = snapshot;
  const { name, namespace, uid } = pod.metadata ?? {};
  return {
    podRef: { name, namespace, uid },
    startTime: pod.status?.startTime ?? null,
    containers: snapshot.containers.map((container) => containerOf(container, node, brief)),
    ...(cgroup && computeOf(cgroup)),
    ...(!brief && {
      ...(network && { network: networkOf(network.interfaces, network.timeMs) }),
      ...(volumes.length > 0 && { volume: volumes.map(volumeOf) }),
      'ephemeral-storage': node.nodeFs && spaceOf({ ...node.nodeFs, ...ephemeralStorageOf(snapshot), timeMs: node.timeMs }),
      process_stats: { process_count: cgroup?.sample.processes ?? 0 },
    }),
    ...(cgroup && swapOf(cgroup)),
  };
}

function containerOf(container: ContainerSnapshot, node: NodeSnapshot, brief: boolean): object {
  const { cgroup, writableLayer, logs } = container;
  const layers = node.containerFs ?? node.imageFs;
  return {
    name: container.name,
    startTime: formatTime(container.startedAtMs),
    ...(cgroup && computeOf(cgroup)),
    ...(!brief && {
      ...(writableLayer && layers && { rootfs: spaceOf({ ...layers, ...writableLayer }) }),
      ...(logs && node.nodeFs && { logs: spaceOf({ ...node.nodeFs, ...logs }) }),
    }),
    ...(cgroup && swapOf(cgroup)),
  };
}

/** What of the node's disk a pod uses: layers, logs, and the volumes that lie on it. */
export function ephemeralStorageOf({ containers, volumes }: PodSnapshot): DiskUsage {
  const parts: (DiskUsage | undefined)[] = [
    ...containers.flatMap(({ writableLayer, logs }) => [writableLayer, logs]),
    ...volumes.filter(({ ephemeral }) => ephemeral).map(({ space }) => space),
  ];
  return {
    usedBytes: parts.reduce((sum, part) => sum + (part?.usedBytes ?? 0), 0),
    inodesUsed: parts.reduce((sum, part) => sum + (part?.inodesUsed ?? 0), 0),
  };
}

/** `available` is told only where something bounds it. */
function computeOf({ sample, cpuNanoCores }: MeasuredCgroup, capacityBytes?: number): object {
  const { cpu, memory } = sample;
  const time = formatTime(sample.timeMs);
  const most = capacityBytes ?? memory?.limitBytes;
  return {
    ...(cpu && {
      cpu: {
        time,
        ...(cpuNanoCores !== undefined && { usageNanoCores: cpuNanoCores }),
        usageCoreNanoSeconds: cpu.usageNanoseconds,
        ...psi(sample.pressure?.cpu),
      },
    }),
    ...(memory && {
      memory: {
        time,
        ...(most !== undefined && { availableBytes: Math.max(0, most - memory.workingSetBytes) }),
        usageBytes: memory.usageBytes,
        workingSetBytes: memory.workingSetBytes,
        rssBytes: memory.rssBytes,
        pageFaults: memory.pageFaults,
        majorPageFaults: memory.majorPageFaults,
        ...psi(sample.pressure?.memory),
      },
    }),
    ...(sample.pressure?.io && { io: { time, ...psi(sample.pressure.io) } }),
  };
}

function psi(pressure: Pressure | undefined): object {
  if (!pressure) return {};
  const line = ({ avg10, avg60, avg300, totalMicroseconds }: Pressure['some']) => ({
    total: totalMicroseconds,
    avg10,
    avg60,
    avg300,
  });
  return { psi: { full: line(pressure.full), some: line(pressure.some) } };
}

function swapOf({ sample }: { readonly sample: CgroupSample }): object {
  if (!sample.memory) return {};
  const { swapBytes, swapLimitBytes } = sample.memory;
  const available = swapLimitBytes === undefined ? undefined : Math.max(0, swapLimitBytes - swapBytes);
  return {
    swap: {
      time: formatTime(sample.timeMs),
      ...(available !== undefined && { swapAvailableBytes: available }),
      swapUsageBytes: swapBytes,
    },
  };
}

function networkOf(interfaces: readonly InterfaceSample[], timeMs: number): object {
  const shown = interfaces.map(({ name, rxBytes, rxErrors, txBytes, txErrors }) => ({
    name,
    rxBytes,
    rxErrors,
    txBytes,
    txErrors,
  }));
  return { time: formatTime(timeMs), ...shown.find(({ name }) => name === DEFAULT_INTERFACE), interfaces: shown };
}

function spaceOf(space: TimedSpace): object {
  return {
    time: formatTime(space.timeMs),
    availableBytes: space.availableBytes,
    capacityBytes: space.capacityBytes,
    usedBytes: space.usedBytes,
    inodesFree: space.inodesFree,
    inodes: space.inodes,
    inodesUsed: space.inodesUsed,
  };
}

function volumeOf({ name, space, timeMs, claim }: VolumeSnapshot): object {
  return { ...spaceOf({ ...space, timeMs }), name, ...(claim && { pvcRef: claim }) };
}
