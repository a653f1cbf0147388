import type { V1Lease } from '../api/gen/types.ts';
import { formatMicroTime } from '../api/machinery/object.ts';

/** The lease as it was seen last, and when by a clock that nobody sets: other machines' clocks are never compared with ours. */
export interface Observation {
  readonly lease: V1Lease | undefined;
  readonly atMs: number;
}

/** What to do about the lease now. */
export type LeasePlan = { readonly action: 'write'; readonly lease: V1Lease } | { readonly action: 'wait' };

/** A lease counts as seen anew when somebody wrote to it. */
export function observe(previous: Observation, lease: V1Lease, atMs: number): Observation {
  if (previous.lease?.metadata?.resourceVersion === lease.metadata?.resourceVersion) return { ...previous, lease };
  return { lease, atMs };
}

export function isHeldBy(lease: V1Lease | undefined, identity: string): boolean {
  return lease?.spec?.holderIdentity === identity;
}

/**
 * client-go's rule (tools/leaderelection/leaderelection.go): take the lease that is ours, that nobody holds, or whose holder has
 * not been seen to renew it for as long as it lasts by its own record.
 *
 * @param atMs now, by the clock of `seen`
 * @param nowMs the same by the clock on the wall, which is written
 */
export function planLease(
  seen: Observation,
  identity: string,
  leaseDurationMs: number,
  { atMs, nowMs }: { readonly atMs: number; readonly nowMs: number },
): LeasePlan {
  const spec = seen.lease?.spec ?? {};
  const isOurs = spec.holderIdentity === identity;
  if (!isOurs && spec.holderIdentity) {
    const lastsMs = (spec.leaseDurationSeconds ?? leaseDurationMs / 1000) * 1000;
    if (seen.atMs + lastsMs > atMs) return { action: 'wait' };
  }
  const now = formatMicroTime(nowMs);
  return {
    action: 'write',
    lease: {
      ...seen.lease,
      spec: {
        ...spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
        acquireTime: isOurs ? spec.acquireTime : now,
        renewTime: now,
        leaseTransitions: isOurs || !seen.lease ? (spec.leaseTransitions ?? 0) : (spec.leaseTransitions ?? 0) + 1,
      },
    },
  };
}

/** The lease given back: the next one need not wait for its end. Nobody's lease has no holder; an empty one is invalid. */
export function releasedLease(lease: V1Lease, nowMs: number): V1Lease {
  const now = formatMicroTime(nowMs);
  return {
    ...lease,
    spec: {
      leaseTransitions: lease.spec?.leaseTransitions,
      leaseDurationSeconds: 1,
      renewTime: now,
      acquireTime: now,
    },
  };
}
