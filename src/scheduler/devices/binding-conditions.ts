import type { ResourceV1ResourceClaim } from '../../api/gen/types.ts';

/** Upstream's bindingTimeout. */
export const BINDING_TIMEOUT_MS = 600_000;

/**
 * Whether the devices of a claim are ready for its pod: a driver may have to make them so once it knows the node, and tells it by conditions in
 * the claim's status (https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/#device-binding-conditions).
 *
 * @returns `failure`: why they will never be; `isLate`: because it took too long
 */
export function readinessOf(
  { metadata, status }: ResourceV1ResourceClaim,
  timeoutMs: number,
  nowMs: number,
): { readonly isReady: boolean; readonly failure?: string; readonly isLate?: boolean } {
  const { devices, allocationTimestamp } = status?.allocation ?? {};
  let isReady = status?.allocation !== undefined;
  for (const { driver, pool, device, bindingConditions = [], bindingFailureConditions = [] } of devices?.results ?? []) {
    if (bindingConditions.length === 0) continue;
    const told = status?.devices?.find((one) => one.driver === driver && one.pool === pool && one.device === device);
    const holding = (type: string) => told?.conditions?.find((one) => one.type === type && one.status === 'True');
    const failed = bindingFailureConditions.map(holding).find((one) => one !== undefined);
    if (failed)
      return {
        isReady: false,
        failure: `claim ${metadata?.name} binding failed: reason=${failed.reason}, message=${JSON.stringify(failed.message)}`,
      };
    isReady &&= bindingConditions.every(holding);
  }
  const isLate = allocationTimestamp !== undefined && Date.parse(String(allocationTimestamp)) + timeoutMs < nowMs;
  const failed = !isReady && isLate && hasConditions(status);
  return { isReady, ...(failed && { failure: `claim ${metadata?.name} binding timeout`, isLate }) };
}

/** Who has to make devices of the claims ready. */
export const driversAwaited = (claims: readonly ResourceV1ResourceClaim[]): ReadonlySet<string> =>
  new Set(
    claims.flatMap(({ status }) =>
      (status?.allocation?.devices?.results ?? []).flatMap(({ driver, bindingConditions }) =>
        bindingConditions?.length ? driver : [],
      ),
    ),
  );

/** Whether somebody has to make devices of the claim ready. */
export const hasConditions = (status: ResourceV1ResourceClaim['status']): boolean =>
  status?.allocation?.devices?.results?.some(({ bindingConditions }) => bindingConditions?.length) ?? false;
