import type { Clock } from '../../std/clock.ts';
import { KUBERNETES_MAJOR, KUBERNETES_MINOR, KUBERNETES_VERSION } from '../../std/version.ts';
import type { KubeletView } from './kubelet-view.ts';
import { type ExpirationHistogram, formatMetric } from './metrics.ts';

/** `/metrics`. The histogram of client certificates comes first, as names are sorted. */
export async function metricsPage(view: KubeletView, expirations: ExpirationHistogram, clock: Clock): Promise<string> {
  const containers = await view.containers();
  const states = Map.groupBy(containers, ({ phase }) => phase);
  const running = new Set(containers.filter(({ phase }) => phase === 'running').map(({ podUid }) => podUid));
  const ends = view.certificateEnds();
  const failures = view.renewFailures();
  const ttl = (endMs: number | undefined) => [
    { value: endMs === undefined ? Number.POSITIVE_INFINITY : (endMs - clock.now()) / 1000 },
  ];
  return [
    expirations.lines(),
    formatMetric(
      'kubelet_certificate_manager_client_expiration_renew_errors',
      'counter',
      'Counter of certificate renewal errors.',
      [{ value: failures.client }],
    ),
    formatMetric(
      'kubelet_certificate_manager_client_ttl_seconds',
      'gauge',
      "Gauge of the TTL (time-to-live) of the Kubelet's client certificate. The value is in seconds until certificate expiry (negative if already expired). If client certificate is invalid or unused, the value will be +INF.",
      ttl(ends.client),
    ),
    formatMetric(
      'kubelet_certificate_manager_server_ttl_seconds',
      'gauge',
      "Gauge of the shortest TTL (time-to-live) of the Kubelet's serving certificate. The value is in seconds until certificate expiry (negative if already expired). If serving certificate is invalid or unused, the value will be +INF.",
      ttl(ends.server),
    ),
    formatMetric('kubelet_node_name', 'gauge', "The node's name. The count is always 1.", [
      { labels: { node: view.nodeName }, value: 1 },
    ]),
    formatMetric(
      'kubelet_running_containers',
      'gauge',
      'Number of containers currently running',
      [...states].map(([phase, list]) => ({ labels: { container_state: phase }, value: list.length })),
    ),
    formatMetric('kubelet_running_pods', 'gauge', 'Number of pods that have a running pod sandbox', [{ value: running.size }]),
    formatMetric('kubelet_server_expiration_renew_errors', 'counter', 'Counter of certificate renewal errors.', [
      { value: failures.server },
    ]),
    formatMetric(
      'kubernetes_build_info',
      'gauge',
      "A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
      [{ labels: { git_version: KUBERNETES_VERSION, major: KUBERNETES_MAJOR, minor: KUBERNETES_MINOR }, value: 1 }],
    ),
    formatMetric('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', [
      { value: process.memoryUsage.rss() },
    ]),
    formatMetric('process_start_time_seconds', 'gauge', 'Start time of the process since unix epoch in seconds.', [
      { value: view.startedAtMs / 1000 },
    ]),
  ].join('');
}

/** `/metrics/resource`: what metrics-server reads. */
export async function resourceMetricsPage(view: KubeletView): Promise<string> {
  const pods = new Map(view.pods().map((pod) => [pod.metadata?.uid, pod]));
  const containers = (await view.containers()).filter(({ phase }) => phase === 'running');
  const started = containers.map(({ name, podUid, startedAtMs }) => {
    const { namespace = '', name: pod = '' } = pods.get(podUid)?.metadata ?? {};
    return { labels: { container: name, namespace, pod }, value: (startedAtMs ?? 0) / 1000 };
  });
  return [
    formatMetric('container_start_time_seconds', 'gauge', 'Start time of the container since unix epoch in seconds', started),
    formatMetric('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', [
      { value: cpuSeconds() },
    ]),
    formatMetric('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', [
      { value: process.memoryUsage.rss() },
    ]),
    formatMetric('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [
      { value: 0 },
    ]),
  ].join('');
}

/** `/stats/summary`, as far as the runtime knows. */
export async function statsSummary(view: KubeletView, clock: Clock): Promise<object> {
  const time = new Date(clock.now()).toISOString();
  const containers = Map.groupBy(await view.containers(), ({ podUid }) => podUid);
  const rss = process.memoryUsage.rss();
  return {
    node: {
      nodeName: view.nodeName,
      startTime: new Date(view.startedAtMs).toISOString(),
      cpu: { time, usageCoreNanoSeconds: Math.round(cpuSeconds() * 1e9) },
      memory: { time, usageBytes: rss, workingSetBytes: rss, rssBytes: rss },
    },
    pods: view.pods().map((pod) => ({
      podRef: { name: pod.metadata?.name, namespace: pod.metadata?.namespace, uid: pod.metadata?.uid },
      startTime: pod.status?.startTime ?? null,
      containers: (containers.get(pod.metadata?.uid ?? '') ?? []).map(({ name, startedAtMs }) => ({
        name,
        startTime: startedAtMs === undefined ? null : new Date(startedAtMs).toISOString(),
      })),
    })),
  };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
