import { readdirSync, readFileSync } from 'node:fs';
import { CountedElsewhere, Gauge, type Metric } from './metric.ts';

const PAGE_BYTES = 4096;

/** What Go's client library tells of a process. What a system does not have is left out. */
export function processMetrics(startMs: number): Metric[] {
  const seen = (read: () => number | undefined) => () => {
    const value = attempt(read);
    return value === undefined ? [] : ([[[], value]] as const);
  };
  return [
    new Gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', [], () => [
      [[], startMs / 1000],
    ]),
    new Gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', [], () => [[[], process.memoryUsage.rss()]]),
    new Gauge(
      'process_virtual_memory_bytes',
      'Virtual memory size in bytes.',
      [],
      seen(() => Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[0]) * PAGE_BYTES),
    ),
    new Gauge(
      'process_open_fds',
      'Number of open file descriptors.',
      [],
      seen(() => readdirSync('/proc/self/fd').length),
    ),
    new Gauge(
      'process_max_fds',
      'Maximum number of open file descriptors.',
      [],
      seen(() => Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Number.NaN)),
    ),
    new CountedElsewhere('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', [], () => {
      const { user, system } = process.cpuUsage();
      return [[[], (user + system) / 1e6]];
    }),
  ];
}

function attempt(read: () => number | undefined): number | undefined {
  try {
    const value = read();
    return value === undefined || Number.isNaN(value) ? undefined : value;
  } catch {
    return undefined; // no Linux
  }
}
