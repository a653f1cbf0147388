import { weightOfShares } from './cpu-shares.ts';
import { hugePageSizeName } from './huge-pages.ts';

/** What a cgroup may use; absent: left as it is. `'max'`: no limit. */
export interface CgroupValues {
  readonly cpuShares?: number;
  readonly cpuQuota?: { readonly quotaMicroseconds: number | 'max'; readonly periodMicroseconds: number };
  readonly memoryLimitBytes?: number | 'max';
  readonly pidLimit?: number | 'max';
  readonly hugePageLimits?: readonly { readonly sizeBytes: number; readonly limitBytes: number | 'max' }[];
  /** Files of cgroup v2 by name; nothing on v1. */
  readonly unified?: Readonly<Record<string, string>>;
}

/** One line to write into one control file of a cgroup. */
export interface ControlWrite {
  readonly controller: string;
  readonly file: string;
  readonly value: string;
}

/** The largest that v1 takes, rounded to a page by the kernel. */
const V1_UNLIMITED_HUGE_PAGES = 2 ** 62;

/** The files to write, in the order that the kernel wants them. Pure. */
export function controlWrites(values: CgroupValues, version: 1 | 2): ControlWrite[] {
  const writes: ControlWrite[] = [];
  const add = (controller: string, file: string, value: string | number) =>
    writes.push({ controller, file: `${controller}.${file}`, value: String(value) });
  const { cpuShares, cpuQuota, memoryLimitBytes, pidLimit } = values;
  if (cpuShares !== undefined) {
    if (version === 1) add('cpu', 'shares', cpuShares);
    else add('cpu', 'weight', weightOfShares(cpuShares));
  }
  if (cpuQuota) {
    const { quotaMicroseconds, periodMicroseconds } = cpuQuota;
    if (version === 1) {
      add('cpu', 'cfs_period_us', periodMicroseconds);
      add('cpu', 'cfs_quota_us', quotaMicroseconds === 'max' ? -1 : quotaMicroseconds);
    } else add('cpu', 'max', `${quotaMicroseconds} ${periodMicroseconds}`);
  }
  if (memoryLimitBytes !== undefined) {
    if (version === 1) add('memory', 'limit_in_bytes', memoryLimitBytes === 'max' ? -1 : memoryLimitBytes);
    else add('memory', 'max', memoryLimitBytes);
  }
  if (pidLimit !== undefined) add('pids', 'max', pidLimit);
  for (const { sizeBytes, limitBytes } of values.hugePageLimits ?? []) {
    const size = hugePageSizeName(sizeBytes);
    if (version === 1) add('hugetlb', `${size}.limit_in_bytes`, limitBytes === 'max' ? V1_UNLIMITED_HUGE_PAGES : limitBytes);
    else add('hugetlb', `${size}.max`, limitBytes);
  }
  if (version === 2)
    for (const [file, value] of Object.entries(values.unified ?? {}))
      writes.push({ controller: file.split('.')[0]!, file, value });
  return writes;
}
