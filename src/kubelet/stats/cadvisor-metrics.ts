/** `/metrics/cadvisor` with the names, labels and help of cadvisor's collector (google/cadvisor metrics/prometheus.go). Pure. */
import { KUBERNETES_VERSION } from '../../std/version.ts';
import { formatMetric, type Sample } from '../metrics/metric-text.ts';
import type { CgroupSample, CpuSample, IoSample, MemorySample, Pressure } from './cgroup-sample.ts';
import type { MachineFacts } from './machine-facts.ts';
import type { InterfaceSample } from './network-sample.ts';
import type { NodeSnapshot } from './node-snapshot.ts';
import { type ShownCgroup, shownCgroups } from './shown-cgroups.ts';

interface Value {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

interface ContainerMetric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  values(shown: ShownCgroup, snapshot: NodeSnapshot): readonly Value[];
  /** Told without the time of measuring. */
  readonly timeless?: boolean;
}

const cpu = (
  name: string,
  help: string,
  of: (cpu: CpuSample, sample: CgroupSample) => number | undefined,
  labels?: Value['labels'],
): ContainerMetric => ({
  name: `container_cpu_${name}`,
  type: 'counter',
  help,
  values: ({ sample }) => one(sample?.cpu && of(sample.cpu, sample), labels),
});
const memory = (
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  of: (memory: MemorySample) => number,
): ContainerMetric => ({
  name: `container_memory_${name}`,
  type,
  help,
  values: ({ sample }) => one(sample?.memory && of(sample.memory)),
});
const network = (name: string, help: string, of: (counters: InterfaceSample) => number): ContainerMetric => ({
  name: `container_network_${name}_total`,
  type: 'counter',
  help,
  values: ({ interfaces }) => interfaces.map((counters) => ({ value: of(counters), labels: { interface: counters.name } })),
});
const io = (name: string, help: string, of: (io: IoSample) => number): ContainerMetric => ({
  name: `container_fs_${name}_total`,
  type: 'counter',
  help,
  values: ({ sample }, { devices }) =>
    (sample?.io ?? []).map((entry) => ({ value: of(entry), labels: { device: devices.get(entry.device) ?? '' } })),
});
const filesystem = (name: string, help: string, of: (fs: NonNullable<ShownCgroup['filesystem']>) => number): ContainerMetric => ({
  name: `container_fs_${name}`,
  type: 'gauge',
  help,
  values: ({ filesystem: fs }) => (fs ? [{ value: of(fs), labels: { device: fs.device } }] : []),
});
const spec = (name: string, help: string, of: (sample: CgroupSample) => number | undefined): ContainerMetric => ({
  name: `container_spec_${name}`,
  type: 'gauge',
  help,
  values: ({ sample }) => one(sample && of(sample)),
  timeless: true,
});
const stall = (name: string, help: string, resource: 'cpu' | 'memory' | 'io', line: keyof Pressure): ContainerMetric => ({
  name: `container_pressure_${name}_seconds_total`,
  type: 'counter',
  help,
  values: ({ sample }) => {
    const microseconds = sample?.pressure?.[resource]?.[line].totalMicroseconds;
    return one(microseconds === undefined ? undefined : microseconds / 1e6);
  },
});

const one = (value: number | undefined, labels?: Value['labels']): Value[] =>
  value === undefined ? [] : [{ value, ...(labels && { labels }) }];
const throttled = (of: (cpu: CpuSample) => number) => (cpuSample: CpuSample, sample: CgroupSample) =>
  sample.cpuQuotaMicroseconds === undefined ? undefined : of(cpuSample);

const METRICS: readonly ContainerMetric[] = [
  cpu(
    'cfs_periods_total',
    'Number of elapsed enforcement period intervals.',
    throttled((c) => c.periods),
  ),
  cpu(
    'cfs_throttled_periods_total',
    'Number of throttled period intervals.',
    throttled((c) => c.throttledPeriods),
  ),
  cpu(
    'cfs_throttled_seconds_total',
    'Total time duration the container has been throttled.',
    throttled((c) => c.throttledNanoseconds / 1e9),
  ),
  cpu('system_seconds_total', 'Cumulative system cpu time consumed in seconds.', (c) => c.systemNanoseconds / 1e9),
  cpu('usage_seconds_total', 'Cumulative cpu time consumed in seconds.', (c) => c.usageNanoseconds / 1e9, { cpu: 'total' }),
  cpu('user_seconds_total', 'Cumulative user cpu time consumed in seconds.', (c) => c.userNanoseconds / 1e9),
  filesystem('inodes_free', 'Number of available Inodes', ({ space }) => space.inodesFree),
  filesystem('inodes_total', 'Number of Inodes', ({ space }) => space.inodes),
  filesystem(
    'limit_bytes',
    'Number of bytes that can be consumed by the container on this filesystem.',
    ({ space }) => space.capacityBytes,
  ),
  io('reads_bytes', 'Cumulative count of bytes read', ({ readBytes }) => readBytes),
  io('reads', 'Cumulative count of reads completed', ({ reads }) => reads),
  filesystem(
    'usage_bytes',
    'Number of bytes that are consumed by the container on this filesystem.',
    ({ usedBytes }) => usedBytes,
  ),
  io('writes_bytes', 'Cumulative count of bytes written', ({ writeBytes }) => writeBytes),
  io('writes', 'Cumulative count of writes completed', ({ writes }) => writes),
  {
    name: 'container_last_seen',
    type: 'gauge',
    help: 'Last time a container was seen by the exporter',
    values: ({ sample }) => one(sample && Math.floor(sample.timeMs / 1000)),
  },
  memory('cache', 'gauge', 'Number of bytes of page cache memory.', (m) => m.cacheBytes),
  memory('failcnt', 'counter', 'Number of memory usage hits limits', (m) => m.failures),
  {
    name: 'container_memory_failures_total',
    type: 'counter',
    help: 'Cumulative count of memory allocation failures.',
    values: ({ sample }) =>
      sample?.memory
        ? ['container', 'hierarchy'].flatMap((scope) => [
            { value: sample.memory!.pageFaults, labels: { failure_type: 'pgfault', scope } },
            { value: sample.memory!.majorPageFaults, labels: { failure_type: 'pgmajfault', scope } },
          ])
        : [],
  },
  memory('mapped_file', 'gauge', 'Size of memory mapped files in bytes.', (m) => m.mappedFileBytes),
  memory('max_usage_bytes', 'gauge', 'Maximum memory usage recorded in bytes', (m) => m.maxUsageBytes),
  memory('rss', 'gauge', 'Size of RSS in bytes.', (m) => m.rssBytes),
  memory('swap', 'gauge', 'Container swap usage in bytes.', (m) => m.swapBytes),
  memory(
    'usage_bytes',
    'gauge',
    'Current memory usage in bytes, including all memory regardless of when it was accessed',
    (m) => m.usageBytes,
  ),
  memory('working_set_bytes', 'gauge', 'Current working set in bytes.', (m) => m.workingSetBytes),
  network('receive_bytes', 'Cumulative count of bytes received', (c) => c.rxBytes),
  network('receive_errors', 'Cumulative count of errors encountered while receiving', (c) => c.rxErrors),
  network('receive_packets_dropped', 'Cumulative count of packets dropped while receiving', (c) => c.rxDropped),
  network('receive_packets', 'Cumulative count of packets received', (c) => c.rxPackets),
  network('transmit_bytes', 'Cumulative count of bytes transmitted', (c) => c.txBytes),
  network('transmit_errors', 'Cumulative count of errors encountered while transmitting', (c) => c.txErrors),
  network('transmit_packets_dropped', 'Cumulative count of packets dropped while transmitting', (c) => c.txDropped),
  network('transmit_packets', 'Cumulative count of packets transmitted', (c) => c.txPackets),
  {
    name: 'container_oom_events_total',
    type: 'counter',
    help: 'Count of out of memory events observed for the container',
    values: ({ sample }) => one(sample?.memory?.oomKills),
  },
  stall('cpu_stalled', 'Total time duration no tasks in the container could make progress due to CPU congestion.', 'cpu', 'full'),
  stall('cpu_waiting', 'Total time duration tasks in the container have waited due to CPU congestion.', 'cpu', 'some'),
  stall('io_stalled', 'Total time duration no tasks in the container could make progress due to IO congestion.', 'io', 'full'),
  stall('io_waiting', 'Total time duration tasks in the container have waited due to IO congestion.', 'io', 'some'),
  stall(
    'memory_stalled',
    'Total time duration no tasks in the container could make progress due to memory congestion.',
    'memory',
    'full',
  ),
  stall('memory_waiting', 'Total time duration tasks in the container have waited due to memory congestion.', 'memory', 'some'),
  {
    name: 'container_processes',
    type: 'gauge',
    help: 'Number of processes running inside the container.',
    values: ({ sample }) => one(sample?.processes),
  },
];

const SPECS: readonly ContainerMetric[] = [
  spec('cpu_period', 'CPU period of the container.', (s) => s.cpuPeriodMicroseconds),
  spec('cpu_quota', 'CPU quota of the container.', (s) => s.cpuQuotaMicroseconds),
  spec('cpu_shares', 'CPU share of the container.', (s) => s.cpuShares),
  spec('memory_limit_bytes', 'Memory limit for the container.', (s) => s.memory && (s.memory.limitBytes ?? 0)),
  spec(
    'memory_reservation_limit_bytes',
    'Memory reservation limit for the container.',
    (s) => s.memory && (s.memory.reservationBytes ?? 0),
  ),
  spec(
    'memory_swap_limit_bytes',
    'Memory swap limit for the container.',
    (s) => s.memory && (s.memory.writtenSwapLimitBytes ?? 0),
  ),
  {
    name: 'container_start_time_seconds',
    type: 'gauge',
    help: 'Start time of the container since unix epoch in seconds.',
    values: ({ startedAtMs }) => one(startedAtMs === undefined ? undefined : Math.floor(startedAtMs / 1000)),
    timeless: true,
  },
  {
    name: 'container_threads_max',
    type: 'gauge',
    help: 'Maximum number of threads allowed inside the container, infinity if value is zero',
    values: ({ sample }) => one(sample && sample.processes !== undefined ? (sample.processLimit ?? 0) : undefined),
  },
];

export function cadvisorMetricsPage(snapshot: NodeSnapshot, machine: MachineFacts): string {
  const cgroups = shownCgroups(snapshot);
  const containers = [...METRICS, ...SPECS]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((metric) => formatMetric(metric.name, metric.type, metric.help, samplesOf(metric, cgroups, snapshot)));
  const own = { boot_id: machine.bootId, machine_id: machine.machineId, system_uuid: machine.systemUuid };
  const gauge = (name: string, help: string, value: number) => formatMetric(name, 'gauge', help, [{ labels: own, value }]);
  return [
    formatMetric(
      'cadvisor_version_info',
      'gauge',
      "A metric with a constant '1' value labeled by kernel version, OS version, docker version, cadvisor version & cadvisor revision.",
      [
        {
          labels: {
            cadvisorRevision: '',
            cadvisorVersion: KUBERNETES_VERSION,
            dockerVersion: '',
            kernelVersion: machine.kernelVersion,
            osVersion: machine.osVersion,
          },
          value: 1,
        },
      ],
    ),
    ...containers,
    formatMetric('container_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [
      { value: 0 },
    ]),
    gauge('machine_cpu_cores', 'Number of logical CPU cores.', machine.cores),
    gauge('machine_cpu_physical_cores', 'Number of physical CPU cores.', machine.physicalCores),
    gauge('machine_cpu_sockets', 'Number of CPU sockets.', machine.sockets),
    gauge('machine_memory_bytes', 'Amount of memory installed on the machine.', snapshot.memoryCapacityBytes),
    formatMetric('machine_scrape_error', 'gauge', '1 if there was an error while getting machine metrics, 0 otherwise.', [
      { value: 0 },
    ]),
    gauge('machine_swap_bytes', 'Amount of swap memory available on the machine.', snapshot.swap.totalBytes),
  ].join('');
}

/** Labels in the order of their names, as Prometheus' own library writes them. */
function samplesOf(metric: ContainerMetric, cgroups: readonly ShownCgroup[], snapshot: NodeSnapshot): Sample[] {
  return cgroups.flatMap((shown) => {
    const { id, image, name, namespace, pod, container } = shown;
    const timestampMs = metric.timeless ? undefined : (shown.sample?.timeMs ?? shown.networkTimeMs);
    return metric.values(shown, snapshot).map(({ value, labels }) => {
      const all = { container, id, image, name, namespace, pod, ...labels };
      const sorted = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
      return { labels: sorted, value, ...(timestampMs !== undefined && { timestampMs }) };
    });
  });
}
