/** CPU as the kernel counts it. Formulas of upstream's pkg/kubelet/cm/helpers_linux.go and opencontainers/cgroups. */

export const LEAST_SHARES = 2;
const MOST_SHARES = 262_144;
const SHARES_PER_CPU = 1024;
const LEAST_QUOTA_MICROSECONDS = 1000;

/** cgroup v1's `cpu.shares`: 1024 for a whole CPU, at least 2. */
export function sharesOfMilliCpu(milliCpu: number): number {
  return Math.min(MOST_SHARES, Math.max(LEAST_SHARES, Math.floor((milliCpu * SHARES_PER_CPU) / 1000)));
}

/** Microseconds of CPU in each period; undefined where there is no limit. */
export function quotaOfMilliCpu(milliCpu: number, periodMicroseconds: number): number | undefined {
  if (milliCpu <= 0) return undefined;
  return Math.max(LEAST_QUOTA_MICROSECONDS, Math.floor((milliCpu * periodMicroseconds) / 1000));
}

/**
 * cgroup v2's `cpu.weight`, 1 to 10000, on a straight line from (2, 1) to (262144, 10000), as the kubelet writes it for the levels above
 * containers. Runtimes convert the shares of containers themselves, newer ones (runc 1.3.2, crun 1.23) on another curve: containers only
 * compete with others of their pod.
 */
export function weightOfShares(shares: number): number {
  const within = Math.min(MOST_SHARES, Math.max(LEAST_SHARES, shares));
  return 1 + Math.floor(((within - LEAST_SHARES) * 9999) / (MOST_SHARES - LEAST_SHARES));
}
