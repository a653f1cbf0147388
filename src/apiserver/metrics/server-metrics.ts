import type { RequestInfo } from '../contracts.ts';
import type { InFlightCounts } from '../filters/max-in-flight.ts';
import { Counter, Gauge, Histogram, type Metric } from './metric.ts';

/** Upstream's buckets of apiserver_request_duration_seconds. */
const DURATION_BOUNDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

/** The verbs that upstream's labels may hold; anything else is `OTHER`, so that clients cannot make series. */
const VERBS: ReadonlyMap<string, string> = new Map([
  ['get', 'GET'],
  ['list', 'LIST'],
  ['watch', 'WATCH'],
  ['create', 'POST'],
  ['update', 'PUT'],
  ['patch', 'PATCH'],
  ['delete', 'DELETE'],
  ['deletecollection', 'DELETECOLLECTION'],
  ['post', 'POST'],
  ['put', 'PUT'],
  ['head', 'HEAD'],
]);

export interface ServerMetricSources {
  readonly inFlight: InFlightCounts;
  /** Objects by storage path. */
  readonly objectCounts: () => ReadonlyMap<string, number>;
  /** Watches by storage path. */
  readonly watchCounts: () => ReadonlyMap<string, number>;
  /** The label that names a storage path: `pods`, `leases.coordination.k8s.io`. */
  readonly resourceOf: (storagePath: string) => string;
  readonly version: string;
  readonly startMs: number;
}

/** The metrics of one API server, under upstream's names. */
export class ServerMetrics {
  readonly #requests = new Counter(
    'apiserver_request_total',
    'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
    ['code', 'component', 'dry_run', 'group', 'resource', 'scope', 'subresource', 'verb', 'version'],
  );
  readonly #durations = new Histogram(
    'apiserver_request_duration_seconds',
    'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
    ['component', 'dry_run', 'group', 'resource', 'scope', 'subresource', 'verb', 'version'],
    DURATION_BOUNDS,
  );
  readonly #metrics: readonly Metric[];
  readonly #more: Metric[] = [];

  constructor({ inFlight, objectCounts, watchCounts, resourceOf, version, startMs }: ServerMetricSources) {
    this.#metrics = [
      this.#requests,
      this.#durations,
      new Gauge(
        'apiserver_current_inflight_requests',
        'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
        ['request_kind'],
        () => [
          [['mutating'], inFlight.mutating],
          [['readOnly'], inFlight.readOnly],
        ],
      ),
      new Gauge(
        'apiserver_storage_objects',
        'Number of stored objects at the time of last check split by kind.',
        ['resource'],
        () => [...objectCounts()].map(([path, count]) => [[resourceOf(path)], count] as const),
      ),
      new Gauge(
        'apiserver_longrunning_requests',
        'Gauge of all active long-running apiserver requests broken out by verb and resource.',
        ['resource', 'verb'],
        () => [...watchCounts()].filter(([, n]) => n > 0).map(([path, n]) => [[resourceOf(path), 'WATCH'], n] as const),
      ),
      new Gauge(
        'kubernetes_build_info',
        'A metric with a constant 1 value labeled by the version of this server.',
        ['git_version'],
        () => [[[version], 1]],
      ),
      new Gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', [], () => [
        [[], startMs / 1000],
      ]),
      new Gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', [], () => [[[], process.memoryUsage.rss()]]),
      new Gauge('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', [], () => {
        const { user, system } = process.cpuUsage();
        return [[[], (user + system) / 1e6]];
      }),
    ];
  }

  /** Notes a request that has been answered. */
  observe(info: RequestInfo, known: boolean, status: number, dryRun: boolean, seconds: number): void {
    const verb = VERBS.get(info.verb) ?? 'OTHER';
    const { group, resource, subresource, version } = known ? info : NOWHERE;
    const scope = known ? scopeOf(info) : '';
    const dry = dryRun ? 'All' : '';
    this.#requests.increment(String(status), 'apiserver', dry, group, resource, scope, subresource, verb, version);
    if (info.verb !== 'watch')
      this.#durations.observe(seconds, 'apiserver', dry, group, resource, scope, subresource, verb, version);
  }

  /** Shows what a part of the server counts, too. */
  include(metric: Metric): void {
    this.#more.push(metric);
  }

  render(): string {
    return [...this.#metrics, ...this.#more].map((metric) => metric.render()).join('');
  }
}

const NOWHERE = { group: '', resource: '', subresource: '', version: '' };

function scopeOf({ name, namespace, isResourceRequest, verb }: RequestInfo): string {
  if (!isResourceRequest) return '';
  if (name !== '' || verb === 'create') return 'resource';
  return namespace !== '' ? 'namespace' : 'cluster';
}
