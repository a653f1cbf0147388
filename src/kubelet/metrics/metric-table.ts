/** What the kubelet counts and measures, under upstream's names (pkg/kubelet/metrics, server/metrics, prober). A metric is one line here. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, ascending. */
  readonly buckets?: readonly number[];
  /** Served at `/metrics/probes` instead of `/metrics`. */
  readonly probes?: true;
}

const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const POD_START_BUCKETS = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
/** 0, 6 h, 12 h, 1 d, 2 d, 4 d, 7 d, 30 d, 90 d, 180 d, 360 d. */
const EXPIRATION_BUCKETS = [0, 21600, 43200, 86400, 172800, 345600, 604800, 2592000, 7776000, 15552000, 31104000];
const exponential = (start: number, factor: number, count: number) =>
  Array.from({ length: count }, (_, i) => Number((start * factor ** i).toPrecision(15)));

const counter = (help: string, ...labels: string[]): MetricDefinition => ({ type: 'counter', help, labels });
const gauge = (help: string, ...labels: string[]): MetricDefinition => ({ type: 'gauge', help, labels });
const histogram = (help: string, buckets: readonly number[], ...labels: string[]): MetricDefinition => ({
  type: 'histogram',
  help,
  labels,
  buckets,
});

const REQUEST_LABELS = ['method', 'path', 'server_type', 'long_running'];
const PROBE_LABELS = ['probe_type', 'result', 'container', 'pod', 'namespace', 'pod_uid'];

export const kubeletMetricTable = {
  apiserver_client_certificate_expiration_seconds: histogram(
    'Distribution of the remaining lifetime on the certificate used to authenticate a request.',
    EXPIRATION_BUCKETS,
  ),

  storage_operation_duration_seconds: histogram(
    'Storage operation duration',
    [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600],
    ...['volume_plugin', 'operation_name', 'status', 'migrated'],
  ),

  kubelet_containers_per_pod_count: histogram('The number of containers per pod.', [1, 2, 4, 8, 16]),
  kubelet_pod_worker_duration_seconds: histogram(
    'Duration in seconds to sync a single pod. Broken down by operation type: create, update, or sync',
    DEFAULT_BUCKETS,
    'operation_type',
  ),
  kubelet_pod_start_duration_seconds: histogram(
    'Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run',
    POD_START_BUCKETS,
  ),
  kubelet_pod_start_total_duration_seconds: histogram(
    'Duration in seconds to start a pod since creation, including time to pull images and run init containers, measured from pod creation timestamp to when all its containers are reported as started and observed via watch',
    POD_START_BUCKETS,
  ),
  kubelet_pod_status_sync_duration_seconds: histogram(
    'Duration in seconds to sync a pod status update. Measures time from detection of a change to pod status until the API is successfully updated for that pod, even if multiple intevening changes to pod status occur.',
    [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 45, 60],
  ),
  kubelet_pleg_relist_duration_seconds: histogram('Duration in seconds for relisting pods in PLEG.', DEFAULT_BUCKETS),
  kubelet_pleg_relist_interval_seconds: histogram('Interval in seconds between relisting in PLEG.', DEFAULT_BUCKETS),
  kubelet_pleg_last_seen_seconds: gauge('Timestamp in seconds when PLEG was last seen active.'),

  /** `operation_type` as upstream has it: `run_podsandbox`, `create_container`, `list_containers`, `pull_image` … */
  kubelet_runtime_operations_total: counter('Cumulative number of runtime operations by operation type.', 'operation_type'),
  kubelet_runtime_operations_duration_seconds: histogram(
    'Duration in seconds of runtime operations. Broken down by operation type.',
    exponential(0.005, 2.5, 14),
    'operation_type',
  ),
  kubelet_runtime_operations_errors_total: counter(
    'Cumulative number of runtime operation errors by operation type.',
    'operation_type',
  ),
  kubelet_run_podsandbox_duration_seconds: histogram(
    'Duration in seconds of the run_podsandbox operations. Broken down by RuntimeClass.Handler.',
    DEFAULT_BUCKETS,
    'runtime_handler',
  ),
  kubelet_run_podsandbox_errors_total: counter(
    'Cumulative number of the run_podsandbox operation errors by RuntimeClass.Handler.',
    'runtime_handler',
  ),

  kubelet_started_pods_total: counter('Cumulative number of pods started'),
  kubelet_started_pods_errors_total: counter('Cumulative number of errors when starting pods'),
  /** `container`, `init_container`, `ephemeral_container`. */
  kubelet_started_containers_total: counter('Cumulative number of containers started', 'container_type'),
  kubelet_started_containers_errors_total: counter(
    'Cumulative number of errors when starting containers',
    'container_type',
    'code',
  ),

  kubelet_evictions: counter('Cumulative number of pod evictions by eviction signal', 'eviction_signal'),
  kubelet_image_pull_duration_seconds: histogram(
    'Duration in seconds to pull an image.',
    [1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600],
    'image_size_in_bytes',
  ),
  kubelet_image_garbage_collected_total: counter(
    'Total number of images garbage collected by the kubelet, whether through disk usage or image age.',
    'reason',
  ),
  kubelet_device_plugin_registration_total: counter(
    'Cumulative number of device plugin registrations. Broken down by resource name.',
    'resource_name',
  ),
  kubelet_device_plugin_alloc_duration_seconds: histogram(
    'Duration in seconds to serve a device plugin Allocation request. Broken down by resource name.',
    DEFAULT_BUCKETS,
    'resource_name',
  ),
  kubelet_graceful_shutdown_start_time_seconds: gauge('Last graceful shutdown start time since unix epoch in seconds'),
  kubelet_graceful_shutdown_end_time_seconds: gauge('Last graceful shutdown start time since unix epoch in seconds'),

  kubelet_http_requests_total: counter('Number of the http requests received since the server started', ...REQUEST_LABELS),
  kubelet_http_requests_duration_seconds: histogram(
    'Duration in seconds to serve http requests',
    DEFAULT_BUCKETS,
    ...REQUEST_LABELS,
  ),
  kubelet_http_inflight_requests: gauge('Number of the inflight http requests', ...REQUEST_LABELS),

  rest_client_requests_total: counter(
    'Number of HTTP requests, partitioned by status code, method, and host.',
    'code',
    'host',
    'method',
  ),

  /** `probe_type`: `Liveness`, `Readiness`, `Startup`; `result`: `successful`, `failed`, `unknown`. */
  prober_probe_total: {
    ...counter('Cumulative number of a liveness, readiness or startup probe for a container by result.', ...PROBE_LABELS),
    probes: true,
  },
  prober_probe_duration_seconds: {
    ...histogram(
      'Duration in seconds for a probe response.',
      DEFAULT_BUCKETS,
      ...PROBE_LABELS.filter((label) => label !== 'result' && label !== 'pod_uid'),
    ),
    probes: true,
  },
} satisfies Record<string, MetricDefinition>;

export type KubeletMetricName = keyof typeof kubeletMetricTable;
