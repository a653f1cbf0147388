import type { CgroupSample } from './cgroup-sample.ts';

/** Rates between measurements, by cgroup. Measurements less than this apart keep the rate before them. */
const SHORTEST_SPAN_MS = 1000;

interface Known {
  readonly timeMs: number;
  readonly usageNanoseconds: number;
  readonly rate?: number;
}

/** Remembers the last measurement of each cgroup and works out how much CPU it used since. */
export class CpuRates {
  #known = new Map<string, Known>();

  /** Billionths of a CPU since the last measurement; undefined at the first, or when the counter began anew. */
  observe(key: string, { timeMs, cpu }: CgroupSample): number | undefined {
    if (!cpu) return undefined;
    const before = this.#known.get(key);
    const spanMs = timeMs - (before?.timeMs ?? timeMs);
    if (before && spanMs < SHORTEST_SPAN_MS && spanMs >= 0) return before.rate;
    const used = cpu.usageNanoseconds - (before?.usageNanoseconds ?? cpu.usageNanoseconds);
    const rate = before && spanMs > 0 && used >= 0 ? Math.round((used / spanMs) * 1000) : undefined;
    this.#known.set(key, { timeMs, usageNanoseconds: cpu.usageNanoseconds, ...(rate !== undefined && { rate }) });
    return rate;
  }

  /** Forgets those that are gone. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
  }
}
