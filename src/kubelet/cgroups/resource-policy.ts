import { parseGoDuration } from '../../std/go-duration.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { HugePages } from './huge-pages.ts';

/** What decides how a pod's resources become limits, besides the pod. */
export interface ResourcePolicy {
  readonly version: 1 | 2;
  /** False: CPU limits are not enforced (`cpuCFSQuota: false`). */
  readonly cpuQuota: boolean;
  readonly periodMicroseconds: number;
  /** Most processes of a pod; undefined: no limit. */
  readonly pidLimit?: number;
  /** Only these are limited: a machine without the controller limits none. */
  readonly hugePageSizes: readonly number[];
  readonly memoryCapacityBytes: number;
  readonly memoryAllocatableBytes: number;
  readonly swap: {
    readonly limited: boolean;
    readonly totalBytes: number /** Whether cgroups count swap at all. */;
    readonly accounted: boolean;
  };
  /** Gate MemoryQoS, cgroup v2 only: the share of memory above the request at which a container is throttled. */
  readonly memoryThrottlingFactor?: number;
  /** Gate MemoryQoS with `memoryReservationPolicy: TieredReservation`: requested memory is kept for who asked for it. */
  readonly reservesMemory: boolean;
  /** The whole container is killed when it runs out of memory (cgroup v2). */
  readonly killsGroups: boolean;
}

/** What of a machine a policy needs to know. */
export interface PolicyMachine {
  readonly version: 1 | 2;
  readonly hugePages: readonly HugePages[];
  readonly memoryBytes: number;
  readonly allocatableMemoryBytes: number;
  readonly swapBytes: number;
  readonly swapAccounted: boolean;
}

export function resourcePolicy(configuration: KubeletConfiguration, machine: PolicyMachine): ResourcePolicy {
  const { version } = machine;
  const fields: Readonly<Record<string, unknown>> = configuration;
  const pidLimit = fields['podPidsLimit'] as number;
  const swap = fields['memorySwap'] as { swapBehavior?: string } | undefined;
  return {
    version,
    cpuQuota: fields['cpuCFSQuota'] as boolean,
    periodMicroseconds: Math.round(parseGoDuration(fields['cpuCFSQuotaPeriod'] as string) * 1000),
    ...(pidLimit > 0 && { pidLimit }),
    hugePageSizes: machine.hugePages.map(({ sizeBytes }) => sizeBytes),
    memoryCapacityBytes: machine.memoryBytes,
    memoryAllocatableBytes: machine.allocatableMemoryBytes,
    swap: { limited: swap?.swapBehavior === 'LimitedSwap', totalBytes: machine.swapBytes, accounted: machine.swapAccounted },
    ...(version === 2 &&
      configuration.featureGates?.['MemoryQoS'] && { memoryThrottlingFactor: fields['memoryThrottlingFactor'] as number }),
    reservesMemory:
      version === 2 &&
      configuration.featureGates?.['MemoryQoS'] === true &&
      configuration.memoryReservationPolicy === 'TieredReservation',
    killsGroups: version === 2 && fields['singleProcessOOMKill'] !== true,
  };
}
