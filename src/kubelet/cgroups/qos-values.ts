import { podRequests } from '../../api/core/v1/pod-resource-usage.ts';
import { qualityOfService } from '../../api/core/v1/quality-of-service.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { byteAmount, milliAmount } from './amounts.ts';
import type { CgroupValues } from './cgroup-values.ts';
import { LEAST_SHARES, sharesOfMilliCpu } from './cpu-shares.ts';
import { memoryReservation } from './pod-limits.ts';
import type { ResourcePolicy } from './resource-policy.ts';

/** The limits of the levels above the pods: guaranteed ones lie right below `kubepods`, beside `burstable` and `besteffort`. */
export interface QosValues {
  readonly guaranteed: CgroupValues;
  readonly burstable: CgroupValues;
  readonly bestEffort: CgroupValues;
}

/**
 * Burstable pods together weigh as much CPU as they ask for, best-effort ones next to nothing. `reservedMemoryPercent` (qosReserved,
 * gate QOSReserved) keeps that part of what better classes asked for from the worse.
 */
export function qosValues(pods: readonly V1Pod[], policy: ResourcePolicy, reservedMemoryPercent: number | undefined): QosValues {
  const asked = { Guaranteed: 0, Burstable: 0, BestEffort: 0 };
  let burstableMilliCpu = 0;
  for (const pod of pods) {
    if (!pod.spec || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') continue;
    const quality = qualityOfService(pod.spec);
    const requests = podRequests(pod);
    asked[quality] += byteAmount(requests.get('memory'));
    if (quality === 'Burstable') burstableMilliCpu += milliAmount(requests.get('cpu'));
  }
  const hugePageLimits = policy.hugePageSizes.map((sizeBytes) => ({ sizeBytes, limitBytes: 'max' as const }));
  const unbounded = hugePageLimits.length > 0 ? { hugePageLimits } : {};
  const reservation = (quality: 'Guaranteed' | 'Burstable') =>
    policy.memoryThrottlingFactor === undefined ? {} : { unified: memoryReservation(quality, asked[quality], policy) };
  const kept = (bytes: number) => Math.floor((bytes * (reservedMemoryPercent ?? 0)) / 100);
  const burstableLimit = policy.memoryAllocatableBytes - kept(asked.Guaranteed);
  const limit = (bytes: number) => (reservedMemoryPercent === undefined ? {} : { memoryLimitBytes: Math.max(0, bytes) });
  return {
    guaranteed: reservation('Guaranteed'),
    burstable: {
      cpuShares: sharesOfMilliCpu(burstableMilliCpu),
      ...unbounded,
      ...limit(burstableLimit),
      ...reservation('Burstable'),
    },
    bestEffort: { cpuShares: LEAST_SHARES, ...unbounded, ...limit(burstableLimit - kept(asked.Burstable)) },
  };
}
