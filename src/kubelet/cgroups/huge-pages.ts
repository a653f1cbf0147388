import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatQuantity, parseQuantity } from '../../api/machinery/quantity.ts';

const DIRECTORY = '/sys/kernel/mm/hugepages';

/** One size of huge pages that the kernel keeps. */
export interface HugePages {
  readonly sizeBytes: number;
  /** How many the node has set aside. */
  readonly count: number;
}

/** What the machine has; empty where the kernel knows none. */
export async function readHugePages(directory = DIRECTORY): Promise<HugePages[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found = names.flatMap((name) => {
    const kilobytes = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    return kilobytes ? [{ name, sizeBytes: Number(kilobytes) * 1024 }] : [];
  });
  const pages = found.map(async ({ name, sizeBytes }) => {
    const count = Number((await readFile(join(directory, name, 'nr_hugepages'), 'utf8')).trim());
    return { sizeBytes, count };
  });
  return (await Promise.all(pages)).sort((a, b) => a.sizeBytes - b.sizeBytes);
}

/** `hugepages-2Mi`, as resources are named. */
export function hugePagesResource(sizeBytes: number): string {
  return `hugepages-${formatQuantity({ ...parseQuantity(String(sizeBytes)), format: 'binary' })}`;
}

/** `2MB`, as the kernel's hugetlb files and CRI name the size. */
export function hugePageSizeName(sizeBytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
  let size = sizeBytes;
  let unit = 0;
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${size}${units[unit]}`;
}
