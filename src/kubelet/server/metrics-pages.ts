import { readdir, readFile } from 'node:fs/promises';
import type { Clock } from '../../std/clock.ts';
import { KUBERNETES_MAJOR, KUBERNETES_MINOR, KUBERNETES_VERSION } from '../../std/version.ts';
import { formatMetric, type Sample } from '../metrics/metric-text.ts';
import type { HealthCheck } from './health-page.ts';
import type { KubeletView } from './kubelet-view.ts';

const PAGE_BYTES = 4096;

/** `/metrics`: what is counted and what is read now, sorted by name. The histogram of client certificates comes first so. */
export async function metricsPage(view: KubeletView, clock: Clock): Promise<string> {
  const texts = new Map(view.metrics.render('kubelet'));
  for (const [name, text] of (await view.statistics?.kubeletMetrics?.()) ?? []) texts.set(name, text);
  const put = (name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[] | number | undefined) => {
    const list = typeof samples === 'number' ? [{ value: samples }] : (samples ?? []);
    if (list.length > 0) texts.set(name, formatMetric(name, type, help, list));
  };
  await putPods(view, put);
  putCertificates(view, clock, put);
  put('kubelet_node_name', 'gauge', "The node's name. The count is always 1.", [{ labels: { node: view.nodeName }, value: 1 }]);
  put(
    'kubernetes_build_info',
    'gauge',
    "A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
    [{ labels: { git_version: KUBERNETES_VERSION, major: KUBERNETES_MAJOR, minor: KUBERNETES_MINOR }, value: 1 }],
  );
  await putProcess(view, put);
  return [...texts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, text]) => text)
    .join('');
}

/** `/metrics/probes`. */
export function probeMetricsPage(view: KubeletView): string {
  const start = formatMetric('process_start_time_seconds', 'gauge', START_HELP, [{ value: view.startedAtMs / 1000 }]);
  return [...view.metrics.render('probes').values(), start].join('');
}

/** `/metrics/slis`: the health checks, for those who count how often they fail. */
export function healthMetricsPage(checks: readonly HealthCheck[]): string {
  const samples = checks.map(({ name, check }) => ({ labels: { name, type: 'healthz' }, value: check() === undefined ? 1 : 0 }));
  return formatMetric('kubernetes_healthcheck', 'gauge', 'This metric records the result of a single healthcheck.', samples);
}

type Put = (name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[] | number | undefined) => void;
const START_HELP = 'Start time of the process since unix epoch in seconds.';

async function putPods(view: KubeletView, put: Put): Promise<void> {
  const { sandboxes, containers } = await view.runtime.list();
  const states = Map.groupBy(containers, ({ phase }) => phase);
  const isStatic = ({ metadata }: { metadata?: { annotations?: Record<string, string> } }) =>
    String((metadata?.annotations?.['kubernetes.io/config.source'] ?? 'api') !== 'api');
  const pods = view.pods();
  const bySource = (chosen: typeof pods) =>
    [...Map.groupBy(chosen, isStatic)].map(([key, list]) => ({ labels: { static: key }, value: list.length }));
  put(
    'kubelet_running_containers',
    'gauge',
    'Number of containers currently running',
    [...states].map(([phase, list]) => ({ labels: { container_state: phase }, value: list.length })),
  );
  const running = new Set(sandboxes.filter(({ ready }) => ready).map(({ podUid }) => podUid));
  put('kubelet_running_pods', 'gauge', 'Number of pods that have a running pod sandbox', running.size);
  put(
    'kubelet_desired_pods',
    'gauge',
    'The number of pods the kubelet is being instructed to run. static is true if the pod is not from the apiserver.',
    bySource(pods),
  );
  put(
    'kubelet_active_pods',
    'gauge',
    'The number of pods the kubelet considers active and which are being considered when admitting new pods. static is true if the pod is not from the apiserver.',
    bySource(pods.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed')),
  );
  put(
    'kubelet_mirror_pods',
    'gauge',
    'The number of mirror pods the kubelet will try to create (one per admitted static pod)',
    pods.filter((pod) => isStatic(pod) === 'true').length,
  );
  put(
    'kubelet_managed_ephemeral_containers',
    'gauge',
    'Current number of ephemeral containers in pods managed by this kubelet.',
    pods.reduce((sum, { spec }) => sum + (spec?.ephemeralContainers?.length ?? 0), 0),
  );
}

function putCertificates(view: KubeletView, clock: Clock, put: Put): void {
  const ends = view.certificateEnds();
  const failures = view.renewFailures();
  const ttl = (endMs: number | undefined) => (endMs === undefined ? Number.POSITIVE_INFINITY : (endMs - clock.now()) / 1000);
  const errors = 'Counter of certificate renewal errors.';
  put('kubelet_certificate_manager_client_expiration_renew_errors', 'counter', errors, failures.client);
  put('kubelet_server_expiration_renew_errors', 'counter', errors, failures.server);
  put(
    'kubelet_certificate_manager_client_ttl_seconds',
    'gauge',
    "Gauge of the TTL (time-to-live) of the Kubelet's client certificate. The value is in seconds until certificate expiry (negative if already expired). If client certificate is invalid or unused, the value will be +INF.",
    ttl(ends.client),
  );
  put(
    'kubelet_certificate_manager_server_ttl_seconds',
    'gauge',
    "Gauge of the shortest TTL (time-to-live) of the Kubelet's serving certificate. The value is in seconds until certificate expiry (negative if already expired). If serving certificate is invalid or unused, the value will be +INF.",
    ttl(ends.server),
  );
}

/** What Go's client library tells of a process; what a system does not have is left out. */
async function putProcess(view: KubeletView, put: Put): Promise<void> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  const [statm, limits, descriptors] = await Promise.all([
    read('/proc/self/statm'),
    read('/proc/self/limits'),
    readdir('/proc/self/fd').catch(() => []),
  ]);
  const { user, system } = process.cpuUsage();
  const most = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  put('process_cpu_seconds_total', 'counter', 'Total user and system CPU time spent in seconds.', (user + system) / 1e6);
  put('process_max_fds', 'gauge', 'Maximum number of open file descriptors.', most === undefined ? undefined : Number(most));
  put('process_open_fds', 'gauge', 'Number of open file descriptors.', descriptors.length || undefined);
  put('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', process.memoryUsage.rss());
  put('process_start_time_seconds', 'gauge', START_HELP, view.startedAtMs / 1000);
  put(
    'process_virtual_memory_bytes',
    'gauge',
    'Virtual memory size in bytes.',
    statm ? Number(statm.split(' ')[0]) * PAGE_BYTES : undefined,
  );
}
