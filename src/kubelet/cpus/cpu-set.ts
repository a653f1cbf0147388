/** CPUs, or NUMA nodes, by their numbers. */
export type CpuSet = ReadonlySet<number>;

/** More than the kernel can have: a list from outside may not make larger sets. */
const MOST_CPUS = 8192;

/**
 * Reads a list such as `0-3,8` (cpuset(7)); empty for none.
 *
 * @throws Error naming the part that is no number or range
 */
export function parseCpuSet(text: string): Set<number> {
  const cpus = new Set<number>();
  if (text.trim() === '') return cpus;
  for (const part of text.trim().split(',')) {
    const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (first === undefined || Number(last) < Number(first) || Number(last) >= MOST_CPUS)
      throw new Error(`${JSON.stringify(part)} is no CPU and no range of CPUs`);
    for (let cpu = Number(first); cpu <= Number(last); cpu++) cpus.add(cpu);
  }
  return cpus;
}

/** The list in its one short form: ascending, neighbours as ranges. */
export function formatCpuSet(cpus: Iterable<number>): string {
  const ranges: [first: number, last: number][] = [];
  for (const cpu of ascending(cpus)) {
    const range = ranges.at(-1);
    if (range && cpu === range[1] + 1) range[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

export function ascending(cpus: Iterable<number>): number[] {
  return [...cpus].sort((a, b) => a - b);
}

export function sameCpus(a: CpuSet, b: CpuSet): boolean {
  return a.size === b.size && a.isSubsetOf(b);
}
