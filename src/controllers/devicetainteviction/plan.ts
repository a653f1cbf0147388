import { tolerates } from '../../api/core/v1/taint-toleration.ts';
import type {
  ResourceV1ResourceClaim,
  V1DeviceRequestAllocationResult,
  V1DeviceTaint,
  V1DeviceToleration,
  V1ResourceSlice,
  V1Taint,
  V1Toleration,
} from '../../api/gen/types.ts';

type Allotted = Pick<V1DeviceRequestAllocationResult, 'driver' | 'pool' | 'device' | 'tolerations'>;

/** The devices that a claim has been given. */
export const allottedTo = ({ status }: ResourceV1ResourceClaim): readonly Allotted[] =>
  status?.allocation?.devices?.results ?? [];

/** What a pool of devices is found by. */
export const poolKey = ({ driver, pool }: { readonly driver: string; readonly pool: string }): string => `${driver}/${pool}`;

/** The taints of a device; slices of older generations of its pool say nothing any more. */
export function taintsOf({ device }: Allotted, slicesOfPool: readonly V1ResourceSlice[]): readonly V1DeviceTaint[] {
  const newest = Math.max(...slicesOfPool.map(({ spec }) => spec.pool.generation));
  const current = slicesOfPool.filter(({ spec }) => spec.pool.generation === newest);
  return current.flatMap(({ spec }) => spec.devices ?? []).find(({ name }) => name === device)?.taints ?? [];
}

/**
 * When a device's NoExecute taints make those go who use it; undefined: never. The shortest time counts for which a taint is tolerated, from
 * when it was added (pkg/controller/devicetainteviction).
 */
export function evictionMs(
  taints: readonly V1DeviceTaint[],
  tolerations: readonly V1DeviceToleration[] = [],
): number | undefined {
  const times = taints.flatMap((taint) => {
    if (taint.effect !== 'NoExecute') return [];
    const addedMs = Date.parse(taint.timeAdded ?? '') || 0;
    const matching = tolerations.filter((one) => tolerates(one as V1Toleration, taint as V1Taint));
    if (matching.length === 0) return [addedMs];
    const seconds = matching.flatMap(({ tolerationSeconds }) => tolerationSeconds ?? []);
    return seconds.length > 0 ? [addedMs + Math.max(0, Math.min(...seconds)) * 1000] : [];
  });
  return times.length > 0 ? Math.min(...times) : undefined;
}
