/** What the cgroup of a pod and of each container may use (pkg/kubelet/cm/helpers_linux.go, kuberuntime_container_linux.go). Pure. */

import { podLimits, podRequests } from '../../api/core/v1/pod-resource-usage.ts';
import { qualityOfService } from '../../api/core/v1/quality-of-service.ts';
import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { isCritical } from '../pods/critical-pod.ts';
import type { LinuxResources } from '../runtime/preparation.ts';
import { byteAmount, milliAmount } from './amounts.ts';
import type { CgroupValues } from './cgroup-values.ts';
import { LEAST_SHARES, quotaOfMilliCpu, sharesOfMilliCpu } from './cpu-shares.ts';
import { hugePageSizeName, hugePagesResource } from './huge-pages.ts';
import { oomScoreAdjust } from './oom-score.ts';
import type { ResourcePolicy } from './resource-policy.ts';

const PAGE_BYTES = 4096;

/** A pod is limited as a whole only where every container is, or the pod itself says so. */
export function podCgroupValues(pod: V1Pod, policy: ResourcePolicy): CgroupValues {
  const requests = podRequests(pod);
  const limits = podLimits(pod);
  const quality = qualityOf(pod);
  const hugePageLimits = policy.hugePageSizes.map((sizeBytes) => ({
    sizeBytes,
    limitBytes: byteAmount(limits.get(hugePagesResource(sizeBytes))),
  }));
  const always = {
    ...(policy.pidLimit !== undefined && { pidLimit: policy.pidLimit }),
    ...(hugePageLimits.length > 0 && { hugePageLimits }),
  };
  if (quality === 'BestEffort') return { cpuShares: LEAST_SHARES, ...always };
  const memoryRequest = byteAmount(requests.get('memory'));
  const cpuQuota = isLimited(pod, 'cpu')
    ? quotaFor(milliAmount(limits.get('cpu')), policy)
    : { quotaMicroseconds: 'max' as const, periodMicroseconds: policy.periodMicroseconds };
  return {
    cpuShares: sharesOfMilliCpu(milliAmount(requests.get('cpu'))),
    cpuQuota,
    memoryLimitBytes: isLimited(pod, 'memory') ? byteAmount(limits.get('memory')) : 'max',
    ...always,
    ...(policy.memoryThrottlingFactor !== undefined && { unified: memoryReservation(quality, memoryRequest, policy) }),
  };
}

function quotaFor(milliCpu: number, policy: ResourcePolicy): NonNullable<CgroupValues['cpuQuota']> {
  const { periodMicroseconds, cpuQuota } = policy;
  const quota = cpuQuota ? quotaOfMilliCpu(milliCpu, periodMicroseconds) : undefined;
  return { quotaMicroseconds: quota ?? 'max', periodMicroseconds };
}

function isLimited({ spec }: V1Pod, name: 'cpu' | 'memory'): boolean {
  if (byteAmount(spec?.resources?.limits?.[name]) > 0) return true;
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  return containers.length > 0 && containers.every(({ resources }) => byteAmount(resources?.limits?.[name]) > 0);
}

/** What one container is started with. */
export function containerLimits(pod: V1Pod, container: V1Container, policy: ResourcePolicy): LinuxResources {
  const { requests = {}, limits = {} } = container.resources ?? {};
  // A container without a limit of its own has the pod's.
  const cpuLimit = milliAmount(limits['cpu'] ?? pod.spec?.resources?.limits?.['cpu']);
  const memoryLimit = byteAmount(limits['memory'] ?? pod.spec?.resources?.limits?.['memory']);
  const quota = policy.cpuQuota ? quotaOfMilliCpu(cpuLimit, policy.periodMicroseconds) : undefined;
  const unified = {
    ...oomGroup(policy),
    ...memoryProtection(pod, container, memoryLimit, policy),
    ...swapLimit(pod, container, policy),
  };
  const hugepageLimits = policy.hugePageSizes.map((sizeBytes) => ({
    pageSize: hugePageSizeName(sizeBytes),
    limitBytes: byteAmount(limits[hugePagesResource(sizeBytes)]),
  }));
  return {
    cpuShares: sharesOfMilliCpu(milliAmount(requests['cpu'] ?? limits['cpu'])),
    ...(policy.cpuQuota && { cpuPeriod: policy.periodMicroseconds }),
    ...(quota !== undefined && { cpuQuota: quota }),
    ...(memoryLimit > 0 && { memoryLimitBytes: memoryLimit }),
    // Memory and swap together, on v1: as much as memory alone is no swap.
    ...(memoryLimit > 0 && policy.version === 1 && policy.swap.accounted && { memorySwapLimitBytes: memoryLimit }),
    oomScoreAdj: oomScoreAdjust(pod, container, policy.memoryCapacityBytes),
    ...(hugepageLimits.length > 0 && { hugepageLimits }),
    ...(Object.keys(unified).length > 0 && { unified }),
  };
}

const oomGroup = ({ killsGroups }: ResourcePolicy): Record<string, string> => (killsGroups ? { 'memory.oom.group': '1' } : {});

/**
 * MemoryQoS (KEP 2570): what a guaranteed pod asked for is never taken from it, what a burstable one asked for only at need. Without
 * reservation both are 0, so that an earlier setting goes.
 */
export function memoryReservation(
  quality: 'Guaranteed' | 'Burstable' | 'BestEffort',
  requestBytes: number,
  { reservesMemory }: ResourcePolicy,
): Record<string, string> {
  const bytes = String(reservesMemory ? requestBytes : 0);
  return { 'memory.min': quality === 'Guaranteed' ? bytes : '0', 'memory.low': quality === 'Burstable' ? bytes : '0' };
}

/** The same for a container, which is throttled before it reaches its limit. */
function memoryProtection(
  pod: V1Pod,
  { resources }: V1Container,
  limitBytes: number,
  policy: ResourcePolicy,
): Record<string, string> {
  const factor = policy.memoryThrottlingFactor;
  if (factor === undefined) return {};
  const request = byteAmount(resources?.requests?.['memory']);
  const ceiling = limitBytes || policy.memoryAllocatableBytes;
  const high = Math.floor((request + factor * (ceiling - request)) / PAGE_BYTES) * PAGE_BYTES;
  return {
    ...(policy.reservesMemory && request > 0 && memoryReservation(qualityOf(pod), request, policy)),
    ...(request !== limitBytes && high > request && { 'memory.high': String(high) }),
  };
}

/** On v2: no swap, or with LimitedSwap a burstable container's part of it, by its part of the node's memory. */
function swapLimit(pod: V1Pod, { resources }: V1Container, policy: ResourcePolicy): Record<string, string> {
  const { swap, version, memoryCapacityBytes } = policy;
  if (version !== 2 || !swap.accounted) return {};
  const request = byteAmount(resources?.requests?.['memory']);
  const limit = byteAmount(resources?.limits?.['memory']);
  const some = swap.limited && qualityOf(pod) === 'Burstable' && !isCritical(pod) && request > 0 && request !== limit;
  return { 'memory.swap.max': String(some ? Math.floor((request / memoryCapacityBytes) * swap.totalBytes) : 0) };
}

const qualityOf = ({ spec }: V1Pod) => (spec ? qualityOfService(spec) : 'BestEffort');
