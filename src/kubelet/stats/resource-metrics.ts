import { formatMetric, type Sample } from '../metrics/metric-text.ts';
import type { MeasuredCgroup, NodeSnapshot } from './node-snapshot.ts';

type Value = (cgroup: MeasuredCgroup) => number | undefined;

const cpuSeconds: Value = ({ sample }) => sample.cpu && sample.cpu.usageNanoseconds / 1e9;
const workingSet: Value = ({ sample }) => sample.memory?.workingSetBytes;
const swapUsage: Value = ({ sample }) => sample.memory?.swapBytes;

/** `/metrics/resource`: what metrics-server reads (pkg/kubelet/metrics/collectors/resource_metrics.go). Pure. */
export function resourceMetricsPage(snapshot: NodeSnapshot): string {
  const containers = snapshot.pods.flatMap(({ pod, containers: list }) =>
    list.map((container) => ({
      container,
      cgroup: container.cgroup,
      labels: { container: container.name, namespace: pod.metadata?.namespace ?? '', pod: pod.metadata?.name ?? '' },
    })),
  );
  const pods = snapshot.pods.map(({ pod, cgroup }) => ({
    cgroup,
    labels: { namespace: pod.metadata?.namespace ?? '', pod: pod.metadata?.name ?? '' },
  }));
  const node = [{ cgroup: snapshot.node, labels: {} }];
  const page = (name: string, type: 'gauge' | 'counter', help: string, of: typeof pods | typeof node, value: Value) =>
    formatMetric(name, type, help, samplesOf(of, value));
  return [
    page(
      'container_cpu_usage_seconds_total',
      'counter',
      'Cumulative cpu time consumed by the container in core-seconds',
      containers,
      cpuSeconds,
    ),
    page('container_memory_working_set_bytes', 'gauge', 'Current working set of the container in bytes', containers, workingSet),
    formatMetric(
      'container_start_time_seconds',
      'gauge',
      'Start time of the container since unix epoch in seconds',
      containers.map(({ container, labels }) => ({ labels, value: container.startedAtMs / 1000 })),
    ),
    page(
      'container_swap_limit_bytes',
      'gauge',
      'Current amount of the container swap limit in bytes. Reported only on non-windows systems',
      containers,
      ({ sample }) => sample.memory?.swapLimitBytes,
    ),
    page(
      'container_swap_usage_bytes',
      'gauge',
      'Current amount of the container swap usage in bytes. Reported only on non-windows systems',
      containers,
      swapUsage,
    ),
    page('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', node, cpuSeconds),
    page('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', node, workingSet),
    page(
      'node_swap_usage_bytes',
      'gauge',
      'Current swap usage of the node in bytes. Reported only on non-windows systems',
      node,
      () => snapshot.swap.totalBytes - snapshot.swap.freeBytes,
    ),
    page('pod_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the pod in core-seconds', pods, cpuSeconds),
    page('pod_memory_working_set_bytes', 'gauge', 'Current working set of the pod in bytes', pods, workingSet),
    page(
      'pod_swap_usage_bytes',
      'gauge',
      'Current amount of the pod swap usage in bytes. Reported only on non-windows systems',
      pods,
      swapUsage,
    ),
    formatMetric('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [
      { value: 0 },
    ]),
  ].join('');
}

function samplesOf(
  list: readonly { readonly cgroup?: MeasuredCgroup; readonly labels: Readonly<Record<string, string>> }[],
  value: Value,
): Sample[] {
  return list.flatMap(({ cgroup, labels }) => {
    const found = cgroup && value(cgroup);
    return found === undefined ? [] : [{ labels, value: found, timestampMs: cgroup!.sample.timeMs }];
  });
}
