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
 * cgroup v2's `cpu.weight`, 1 to 10000: a curve through (2, 1), (1024, 100) and (262144, 10000), so that one CPU's worth of shares
 * keeps the default weight.
 */
export function weightOfShares(shares: number): number {
  if (shares <= LEAST_SHARES) return 1;
  if (shares >= MOST_SHARES) return 10_000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}
