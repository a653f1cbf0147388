/** What a cgroup used, in one measure for v1 and v2. Read as cadvisor and runc read it (opencontainers/cgroups fs, fs2). */

export interface CpuSample {
  readonly usageNanoseconds: number;
  readonly userNanoseconds: number;
  readonly systemNanoseconds: number;
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNanoseconds: number;
}

export interface MemorySample {
  readonly usageBytes: number;
  /** Usage less what the kernel can drop at once: the page cache that nobody used lately. */
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly cacheBytes: number;
  readonly swapBytes: number;
  readonly mappedFileBytes: number;
  readonly maxUsageBytes: number;
  readonly failures: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly oomKills: number;
  /** Absent: unlimited. */
  readonly limitBytes?: number;
  /** Of swap alone. */
  readonly swapLimitBytes?: number;
  /** As the control file says: v1's counts memory too. */
  readonly writtenSwapLimitBytes?: number;
  readonly reservationBytes?: number;
}

export interface IoSample {
  /** `major:minor`. */
  readonly device: string;
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly reads: number;
  readonly writes: number;
}

/** Pressure stall information (v2 only): percentages of the last 10, 60 and 300 s, and in all. */
export interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly totalMicroseconds: number;
}

export interface Pressure {
  readonly some: PressureLine;
  readonly full: PressureLine;
}

export interface CgroupSample {
  readonly timeMs: number;
  readonly cpu?: CpuSample;
  readonly memory?: MemorySample;
  readonly processes?: number;
  readonly processLimit?: number;
  readonly io: readonly IoSample[];
  readonly cpuShares?: number;
  readonly cpuPeriodMicroseconds?: number;
  readonly cpuQuotaMicroseconds?: number;
  readonly pressure?: { readonly cpu?: Pressure; readonly memory?: Pressure; readonly io?: Pressure };
}

/** The text of a control file; undefined when there is none. */
export type ControlFiles = (file: string) => string | undefined;

/** `cpuacct.stat` counts in USER_HZ, which is 100 on every Linux. */
const TICK_NANOSECONDS = 10_000_000;
/** v1 writes "unlimited" as the largest multiple of a page. */
const UNLIMITED_BYTES = 2 ** 62;

const V1_FILES = [
  'cpuacct.usage',
  'cpuacct.stat',
  'cpu.stat',
  'cpu.shares',
  'cpu.cfs_period_us',
  'cpu.cfs_quota_us',
  'memory.usage_in_bytes',
  'memory.max_usage_in_bytes',
  'memory.failcnt',
  'memory.stat',
  'memory.limit_in_bytes',
  'memory.soft_limit_in_bytes',
  'memory.memsw.limit_in_bytes',
  'memory.oom_control',
  'pids.current',
  'pids.max',
  'blkio.throttle.io_service_bytes_recursive',
  'blkio.throttle.io_serviced_recursive',
];
const V2_FILES = [
  'cpu.stat',
  'cpu.weight',
  'cpu.max',
  'memory.current',
  'memory.peak',
  'memory.stat',
  'memory.events',
  'memory.max',
  'memory.low',
  'memory.swap.current',
  'memory.swap.max',
  'pids.current',
  'pids.max',
  'io.stat',
  'cpu.pressure',
  'memory.pressure',
  'io.pressure',
];

/** The control files that a sample is made of. */
export const sampleFiles = (version: 1 | 2): readonly string[] => (version === 1 ? V1_FILES : V2_FILES);

/** Pure; what is missing or unreadable stays absent or 0. */
export function cgroupSample(files: ControlFiles, version: 1 | 2, timeMs: number): CgroupSample {
  return version === 1 ? sampleV1(files, timeMs) : sampleV2(files, timeMs);
}

function sampleV1(files: ControlFiles, timeMs: number): CgroupSample {
  const usage = amount(files('cpuacct.usage'));
  const times = flatKeys(files('cpuacct.stat'));
  const cpu = flatKeys(files('cpu.stat'));
  const memoryUsage = amount(files('memory.usage_in_bytes'));
  const memory = flatKeys(files('memory.stat'));
  const total = (name: string) => memory[`total_${name}`] ?? memory[name] ?? 0;
  const quota = amount(files('cpu.cfs_quota_us'));
  return {
    timeMs,
    ...(usage !== undefined && {
      cpu: {
        usageNanoseconds: usage,
        userNanoseconds: (times['user'] ?? 0) * TICK_NANOSECONDS,
        systemNanoseconds: (times['system'] ?? 0) * TICK_NANOSECONDS,
        periods: cpu['nr_periods'] ?? 0,
        throttledPeriods: cpu['nr_throttled'] ?? 0,
        throttledNanoseconds: cpu['throttled_time'] ?? 0,
      },
    }),
    ...(memoryUsage !== undefined && {
      memory: {
        usageBytes: memoryUsage,
        workingSetBytes: Math.max(0, memoryUsage - total('inactive_file')),
        rssBytes: total('rss'),
        cacheBytes: total('cache'),
        swapBytes: total('swap'),
        mappedFileBytes: total('mapped_file'),
        maxUsageBytes: amount(files('memory.max_usage_in_bytes')) ?? 0,
        failures: amount(files('memory.failcnt')) ?? 0,
        pageFaults: total('pgfault'),
        majorPageFaults: total('pgmajfault'),
        oomKills: flatKeys(files('memory.oom_control'))['oom_kill'] ?? 0,
        ...optional('limitBytes', limit(files('memory.limit_in_bytes'))),
        ...optional(
          'swapLimitBytes',
          swapOfV1(limit(files('memory.memsw.limit_in_bytes')), limit(files('memory.limit_in_bytes'))),
        ),
        ...optional('writtenSwapLimitBytes', limit(files('memory.memsw.limit_in_bytes'))),
        ...optional('reservationBytes', limit(files('memory.soft_limit_in_bytes'))),
      },
    }),
    ...optional('processes', amount(files('pids.current'))),
    ...optional('processLimit', limit(files('pids.max'))),
    io: blockIo(files('blkio.throttle.io_service_bytes_recursive'), files('blkio.throttle.io_serviced_recursive')),
    ...optional('cpuShares', amount(files('cpu.shares'))),
    ...optional('cpuPeriodMicroseconds', amount(files('cpu.cfs_period_us'))),
    ...(quota !== undefined && quota > 0 && { cpuQuotaMicroseconds: quota }),
  };
}

function sampleV2(files: ControlFiles, timeMs: number): CgroupSample {
  const cpu = flatKeys(files('cpu.stat'));
  const memory = flatKeys(files('memory.stat'));
  const events = flatKeys(files('memory.events'));
  const current = amount(files('memory.current'));
  const weight = amount(files('cpu.weight'));
  const [quota, period] = (files('cpu.max') ?? '').trim().split(/\s+/);
  const pressure = {
    ...optional('cpu', pressureOf(files('cpu.pressure'))),
    ...optional('memory', pressureOf(files('memory.pressure'))),
    ...optional('io', pressureOf(files('io.pressure'))),
  };
  return {
    timeMs,
    ...(cpu['usage_usec'] !== undefined && {
      cpu: {
        usageNanoseconds: cpu['usage_usec'] * 1000,
        userNanoseconds: (cpu['user_usec'] ?? 0) * 1000,
        systemNanoseconds: (cpu['system_usec'] ?? 0) * 1000,
        periods: cpu['nr_periods'] ?? 0,
        throttledPeriods: cpu['nr_throttled'] ?? 0,
        throttledNanoseconds: (cpu['throttled_usec'] ?? 0) * 1000,
      },
    }),
    ...(current !== undefined && {
      memory: {
        usageBytes: current,
        workingSetBytes: Math.max(0, current - (memory['inactive_file'] ?? 0)),
        rssBytes: memory['anon'] ?? 0,
        cacheBytes: memory['file'] ?? 0,
        swapBytes: amount(files('memory.swap.current')) ?? 0,
        mappedFileBytes: memory['file_mapped'] ?? 0,
        maxUsageBytes: amount(files('memory.peak')) ?? 0,
        failures: events['max'] ?? 0,
        pageFaults: memory['pgfault'] ?? 0,
        majorPageFaults: memory['pgmajfault'] ?? 0,
        oomKills: events['oom_kill'] ?? 0,
        ...optional('limitBytes', limit(files('memory.max'))),
        ...optional('swapLimitBytes', limit(files('memory.swap.max'))),
        ...optional('writtenSwapLimitBytes', limit(files('memory.swap.max'))),
        ...optional('reservationBytes', limit(files('memory.low')) || undefined),
      },
    }),
    ...optional('processes', amount(files('pids.current'))),
    ...optional('processLimit', limit(files('pids.max'))),
    io: ioStat(files('io.stat')),
    ...(weight !== undefined && { cpuShares: sharesOfWeight(weight) }),
    ...optional('cpuPeriodMicroseconds', amount(period)),
    ...(quota !== 'max' && optional('cpuQuotaMicroseconds', amount(quota))),
    ...(Object.keys(pressure).length > 0 && { pressure }),
  };
}

const swapOfV1 = (both: number | undefined, memory: number | undefined) =>
  both === undefined ? undefined : Math.max(0, both - (memory ?? 0));

/** As cadvisor shows v2's weight, which knows no shares: the straight line from (1, 2) to (10000, 262144). */
const sharesOfWeight = (weight: number) => Math.floor(2 + ((weight - 1) * 262_142) / 9999);

const optional = <K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } =>
  (value === undefined ? {} : { [key]: value }) as { [key in K]?: V };

/** A number of digits alone; `max` and everything else is none. */
function amount(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  return /^-?\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

function limit(text: string | undefined): number | undefined {
  const found = amount(text);
  return found === undefined || found < 0 || found >= UNLIMITED_BYTES ? undefined : found;
}

/** Lines `key value`. The names come from the kernel, yet a map is as cheap. */
function flatKeys(text: string | undefined): Record<string, number> {
  const found: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const line of (text ?? '').split('\n')) {
    const [key = '', value] = line.split(' ');
    const number = amount(value);
    if (key !== '' && number !== undefined) found[key] = number;
  }
  return found;
}

/** v1: lines `8:0 Read 4096`, ended by a total. */
function blockIo(bytes: string | undefined, operations: string | undefined): IoSample[] {
  const devices = new Map<string, { readBytes: number; writeBytes: number; reads: number; writes: number }>();
  const fill = (text: string | undefined, read: 'readBytes' | 'reads', write: 'writeBytes' | 'writes') => {
    for (const line of (text ?? '').split('\n')) {
      const [device = '', what, value] = line.split(' ');
      const number = amount(value);
      if (!/^\d+:\d+$/.test(device) || number === undefined || (what !== 'Read' && what !== 'Write')) continue;
      const entry = devices.get(device) ?? { readBytes: 0, writeBytes: 0, reads: 0, writes: 0 };
      entry[what === 'Read' ? read : write] += number;
      devices.set(device, entry);
    }
  };
  fill(bytes, 'readBytes', 'writeBytes');
  fill(operations, 'reads', 'writes');
  return [...devices].map(([device, entry]) => ({ device, ...entry }));
}

/** v2: lines `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …`. */
function ioStat(text: string | undefined): IoSample[] {
  return (text ?? '').split('\n').flatMap((line) => {
    const [device = '', ...pairs] = line.split(' ');
    if (!/^\d+:\d+$/.test(device)) return [];
    const values = new Map(pairs.map((pair) => pair.split('=') as [string, string]));
    const of = (name: string) => amount(values.get(name)) ?? 0;
    return [{ device, readBytes: of('rbytes'), writeBytes: of('wbytes'), reads: of('rios'), writes: of('wios') }];
  });
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and `full …`, which cpu has only on newer kernels. */
function pressureOf(text: string | undefined): Pressure | undefined {
  const none: PressureLine = { avg10: 0, avg60: 0, avg300: 0, totalMicroseconds: 0 };
  const lines = new Map<string, PressureLine>();
  for (const line of (text ?? '').split('\n')) {
    const match = /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)$/.exec(line.trim());
    if (match)
      lines.set(match[1]!, {
        avg10: Number(match[2]),
        avg60: Number(match[3]),
        avg300: Number(match[4]),
        totalMicroseconds: Number(match[5]),
      });
  }
  const some = lines.get('some');
  return some && { some, full: lines.get('full') ?? none };
}
