/** A cgroup in the words of cadvisor's ContainerInfo (info/v1/container.go), for `/stats/…`. Pure. */
import type { ShownCgroup } from './shown-cgroups.ts';

export function cgroupDocument(shown: ShownCgroup, all: readonly ShownCgroup[]): object {
  const { id, name, image, namespace, pod, container, sample, interfaces, startedAtMs } = shown;
  const { cpu, memory } = sample ?? {};
  const isBelow = (other: string) => other !== id && other.startsWith(id === '/' ? '/' : `${id}/`);
  return {
    ...(name && { id: name, aliases: [name], namespace: 'k8s.io' }),
    ...(pod && {
      labels: {
        'io.kubernetes.container.name': container,
        'io.kubernetes.pod.name': pod,
        'io.kubernetes.pod.namespace': namespace,
      },
    }),
    name: id,
    subcontainers: all
      .filter((other) => isBelow(other.id) && !other.id.slice(id.length + 1).includes('/'))
      .map((other) => ({ name: other.id })),
    spec: {
      ...(startedAtMs !== undefined && { creation_time: new Date(startedAtMs).toISOString() }),
      has_cpu: cpu !== undefined,
      cpu: {
        limit: sample?.cpuShares ?? 0,
        max_limit: 0,
        ...(sample?.cpuQuotaMicroseconds !== undefined && { quota: sample.cpuQuotaMicroseconds }),
        ...(sample?.cpuPeriodMicroseconds !== undefined && { period: sample.cpuPeriodMicroseconds }),
      },
      has_memory: memory !== undefined,
      memory: {
        ...(memory?.limitBytes !== undefined && { limit: memory.limitBytes }),
        ...(memory?.reservationBytes !== undefined && { reservation: memory.reservationBytes }),
        ...(memory?.writtenSwapLimitBytes !== undefined && { swap_limit: memory.writtenSwapLimitBytes }),
      },
      has_network: interfaces.length > 0,
      has_processes: sample?.processes !== undefined,
      has_filesystem: shown.filesystem !== undefined,
      has_diskio: (sample?.io.length ?? 0) > 0,
      has_custom_metrics: false,
      ...(image && { image }),
    },
    stats: sample ? [statsOf(shown)] : [],
  };
}

function statsOf({ sample, interfaces, filesystem }: ShownCgroup): object {
  const { cpu, memory } = sample!;
  return {
    timestamp: new Date(sample!.timeMs).toISOString(),
    ...(cpu && {
      cpu: {
        usage: { total: cpu.usageNanoseconds, user: cpu.userNanoseconds, system: cpu.systemNanoseconds },
        cfs: { periods: cpu.periods, throttled_periods: cpu.throttledPeriods, throttled_time: cpu.throttledNanoseconds },
      },
    }),
    ...(memory && {
      memory: {
        usage: memory.usageBytes,
        max_usage: memory.maxUsageBytes,
        cache: memory.cacheBytes,
        rss: memory.rssBytes,
        swap: memory.swapBytes,
        mapped_file: memory.mappedFileBytes,
        working_set: memory.workingSetBytes,
        failcnt: memory.failures,
        container_data: { pgfault: memory.pageFaults, pgmajfault: memory.majorPageFaults },
        hierarchical_data: { pgfault: memory.pageFaults, pgmajfault: memory.majorPageFaults },
      },
    }),
    ...(interfaces.length > 0 && {
      network: {
        interfaces: interfaces.map((counters) => ({
          name: counters.name,
          rx_bytes: counters.rxBytes,
          rx_packets: counters.rxPackets,
          rx_errors: counters.rxErrors,
          rx_dropped: counters.rxDropped,
          tx_bytes: counters.txBytes,
          tx_packets: counters.txPackets,
          tx_errors: counters.txErrors,
          tx_dropped: counters.txDropped,
        })),
      },
    }),
    ...(filesystem && {
      filesystem: [
        {
          device: filesystem.device,
          capacity: filesystem.space.capacityBytes,
          usage: filesystem.usedBytes,
          available: filesystem.space.availableBytes,
          has_inodes: filesystem.space.inodes > 0,
          inodes: filesystem.space.inodes,
          inodes_free: filesystem.space.inodesFree,
        },
      ],
    }),
    ...(sample!.processes !== undefined && { processes: { process_count: sample!.processes } }),
  };
}
