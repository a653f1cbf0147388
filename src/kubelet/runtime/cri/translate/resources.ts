import type { LinuxResources } from '../../preparation.ts';
import type { CriInput, CriMessage } from '../api/cri-client.ts';

export function criResources(resources: LinuxResources): CriInput<'LinuxContainerResources'> {
  return {
    cpu_shares: resources.cpuShares,
    cpu_quota: resources.cpuQuota,
    cpu_period: resources.cpuPeriod,
    memory_limit_in_bytes: resources.memoryLimitBytes,
    memory_swap_limit_in_bytes: resources.memorySwapLimitBytes,
    oom_score_adj: resources.oomScoreAdj,
    cpuset_cpus: resources.cpusetCpus,
    hugepage_limits: resources.hugepageLimits?.map(({ pageSize, limitBytes }) => ({ page_size: pageSize, limit: limitBytes })),
    unified: resources.unified,
  };
}

/** What a runtime reports: 0 means that it has nothing to say. Undefined when it says nothing at all. */
export function resourcesFromCri(linux: CriMessage<'LinuxContainerResources'> | undefined): LinuxResources | undefined {
  if (!linux) return undefined;
  const { hugepage_limits: hugepages, unified } = linux;
  return {
    ...(linux.cpu_shares && { cpuShares: linux.cpu_shares }),
    ...(linux.cpu_quota && { cpuQuota: linux.cpu_quota }),
    ...(linux.cpu_period && { cpuPeriod: linux.cpu_period }),
    ...(linux.memory_limit_in_bytes && { memoryLimitBytes: linux.memory_limit_in_bytes }),
    ...(linux.memory_swap_limit_in_bytes && { memorySwapLimitBytes: linux.memory_swap_limit_in_bytes }),
    ...(linux.oom_score_adj && { oomScoreAdj: linux.oom_score_adj }),
    ...(hugepages.length > 0 && {
      hugepageLimits: hugepages.map(({ page_size, limit }) => ({ pageSize: page_size, limitBytes: limit })),
    }),
    ...(Object.keys(unified).length > 0 && { unified }),
  };
}
