import type { KindDefinition } from '../../api/machinery/kind.ts';
import { CountedElsewhere, Counter, Gauge, Histogram, type Metric } from '../../std/metric.ts';
import { processMetrics } from '../../std/process-metrics.ts';
import type { RequestInfo } from '../contracts.ts';
import type { InFlightCounts } from '../filters/max-in-flight.ts';
import { removedRelease } from '../kinds/removed-release.ts';
import { type VersionInfo, versionInfo } from '../version.ts';
import { familiesOf } from './families.ts';
import { type AnsweredRequest, NOWHERE, RequestMetrics, scopeOf, VERB_LABELS } from './request-metrics.ts';

/** A feature gate that changes something here, in upstream's words. */
export interface FeatureGate {
  readonly name: string;
  /** '' for one that is there for good. */
  readonly stage: '' | 'ALPHA' | 'BETA' | 'DEPRECATED';
  readonly enabled: boolean;
}

export interface ServerMetricSources {
  readonly inFlight: InFlightCounts;
  /** Objects by storage path. */
  readonly objectCounts: () => ReadonlyMap<string, number>;
  /** Changes that the store has told of, by storage path. */
  readonly eventCounts: () => ReadonlyMap<string, number>;
  /** Feature gates that change something here. */
  readonly features?: readonly FeatureGate[];
  /** The kind that names a storage path. */
  readonly resourceOf: (storagePath: string) => { readonly group: string; readonly resource: string };
  readonly startMs: number;
}

/** What watches of one kind have been sent. */
export interface WatchEventCount {
  readonly labels: readonly [group: string, resource: string, version: string];
  events: number;
}

const joined = ({ group, resource }: { readonly group: string; readonly resource: string }) =>
  group ? `${resource}.${group}` : resource;

/** The metrics of one API server, under upstream's names. */
export class ServerMetrics {
  readonly #requests = new RequestMetrics();
  readonly #watchEvents = new Map<string, WatchEventCount>();
  /** Those that last as long as their client wishes: watches, exec, proxies, logs. */
  readonly #connections = new Map<string, { readonly labels: readonly string[]; count: number }>();
  readonly #deprecated = new Map<string, readonly string[]>();
  readonly #watchLists = new Histogram(
    'apiserver_watch_list_duration_seconds',
    'Response latency distribution in seconds for watch list requests broken by group, version, resource and scope.',
    ['group', 'version', 'resource', 'scope'],
    [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 60],
  );
  readonly #aborts = new Counter(
    'apiserver_request_aborts_total',
    'Number of requests which apiserver aborted possibly due to a timeout, for each group, version, verb, resource, subresource and scope',
    ['group', 'resource', 'scope', 'subresource', 'verb', 'version'],
  );
  readonly #resourceOf: ServerMetricSources['resourceOf'];
  readonly #metrics: readonly Metric[];
  readonly #more: Metric[] = [];

  constructor({ inFlight, objectCounts, eventCounts, resourceOf, features = [], startMs }: ServerMetricSources) {
    this.#resourceOf = resourceOf;
    this.#metrics = [
      this.#requests,
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
        'apiserver_current_inqueue_requests',
        'Maximal number of queued requests in this apiserver per request kind in last second.',
        ['request_kind'],
        () => [
          [['mutating'], inFlight.waiting?.mutating ?? 0],
          [['readOnly'], inFlight.waiting?.readOnly ?? 0],
        ],
      ),
      new Gauge(
        'apiserver_storage_objects',
        'Number of stored objects at the time of last check split by kind.',
        ['resource'],
        () => [...objectCounts()].map(([path, count]) => [[joined(resourceOf(path))], count] as const),
      ),
      new Gauge(
        'apiserver_resource_objects',
        'Number of stored objects at the time of last check split by kind.',
        ['group', 'resource'],
        () =>
          [...objectCounts()].map(([path, count]) => {
            const { group, resource } = resourceOf(path);
            return [[group, resource], count] as const;
          }),
      ),
      new Gauge(
        'apiserver_longrunning_requests',
        'Gauge of all active long-running apiserver requests broken out by verb, group, resource and component.',
        ['component', 'group', 'resource', 'scope', 'subresource', 'verb', 'version'],
        () => [...this.#connections.values()].map(({ labels, count }) => [labels, count] as const),
      ),
      new Gauge(
        'apiserver_requested_deprecated_apis',
        'Gauge of deprecated APIs that have been requested, broken out by API group, version, resource, subresource, and removed_release.',
        ['group', 'removed_release', 'resource', 'subresource', 'version'],
        () => [...this.#deprecated.values()].map((labels) => [labels, 1] as const),
      ),
      new CountedElsewhere(
        'apiserver_watch_events_total',
        'Number of events sent in watch clients',
        ['group', 'resource', 'version'],
        () => [...this.#watchEvents.values()].map(({ labels, events }) => [labels, events] as const),
      ),
      new Gauge(
        'kubernetes_build_info',
        'A metric with a constant 1 value labeled by the version of this server.',
        ['build_date', 'compiler', 'git_commit', 'git_tree_state', 'git_version', 'go_version', 'major', 'minor', 'platform'],
        () => [[buildLabels(versionInfo()), 1]],
      ),
      new Gauge(
        'kubernetes_feature_enabled',
        'This metric records the data about the stage and enablement of a k8s feature.',
        ['name', 'stage'],
        () => features.map(({ name, stage, enabled }) => [[name, stage], Number(enabled)] as const),
      ),
      new CountedElsewhere(
        'apiserver_storage_events_received_total',
        'Number of etcd events received split by kind.',
        ['group', 'resource'],
        () => this.#perKind(eventCounts()),
      ),
      new CountedElsewhere(
        'apiserver_watch_cache_events_received_total',
        'Counter of events received in watch cache broken by resource type.',
        ['group', 'resource'],
        () => this.#perKind(eventCounts()),
      ),
      ...declarativeValidation(),
      this.#watchLists,
      this.#aborts,
      ...processMetrics(startMs),
    ];
  }

  /** Counts a connection until it is called back. */
  beginConnection(info: RequestInfo): () => void {
    const { group, resource, subresource, version, verb } = info;
    const labels = ['apiserver', group, resource, scopeOf(info), subresource, VERB_LABELS.get(verb) ?? 'OTHER', version];
    const key = labels.join('\0');
    const entry = this.#connections.get(key) ?? { labels, count: 0 };
    this.#connections.set(key, entry);
    entry.count++;
    return () => {
      entry.count--;
      if (entry.count === 0) this.#connections.delete(key);
    };
  }

  /** Notes how long it took until a watch had been told all that was there when it began. */
  noteWatchList(info: RequestInfo, seconds: number): void {
    this.#watchLists.observe(seconds, info.group, info.version, info.resource, scopeOf(info));
  }

  /** Notes an answer that was cut in its midst. */
  noteAbort(info: RequestInfo, known: boolean): void {
    const { group, resource, subresource, version } = known ? info : NOWHERE;
    const verb = VERB_LABELS.get(info.verb) ?? 'OTHER';
    this.#aborts.increment(group, resource, known ? scopeOf(info) : '', subresource, verb, version);
  }

  #perKind(counts: ReadonlyMap<string, number>) {
    return [...counts].map(([path, count]) => {
      const { group, resource } = this.#resourceOf(path);
      return [[group, resource], count] as const;
    });
  }

  /** Notes that something deprecated is still asked for. */
  noteDeprecated(kind: KindDefinition, subresource: string): void {
    const { group, version, resource } = kind;
    const labels = [group, removedRelease(kind), resource, subresource, version];
    this.#deprecated.set(labels.join('\0'), labels);
  }

  /** Notes a request that has been answered. */
  observe(request: AnsweredRequest): void {
    this.#requests.observe(request);
  }

  /** Where watches of a kind count what they send. */
  watchEvents({
    group,
    resource,
    version,
  }: {
    readonly group: string;
    readonly resource: string;
    readonly version: string;
  }): WatchEventCount {
    const key = `${group}/${version}/${resource}`;
    let count = this.#watchEvents.get(key);
    if (!count) {
      count = { labels: [group, resource, version], events: 0 };
      this.#watchEvents.set(key, count);
    }
    return count;
  }

  /** Shows what a part of the server counts, too. */
  include(metric: Metric): void {
    this.#more.push(metric);
  }

  render(): string {
    const text = [...this.#metrics, ...this.#more].map((metric) => metric.render()).join('');
    return text + familiesOf(text).render();
  }
}

/** In the order of the names. */
const buildLabels = (info: VersionInfo) => [
  info.buildDate,
  info.compiler,
  info.gitCommit,
  info.gitTreeState,
  info.gitVersion,
  info.goVersion,
  info.major,
  info.minor,
  info.platform,
];

/** There is one validation of each kind here: nothing that it could differ from. */
const declarativeValidation = (): Metric[] =>
  (
    [
      ['mismatch', 'Number of times declarative validation results differed from handwritten validation results for core types.'],
      ['panic', 'Number of times declarative validation has panicked during validation.'],
    ] as const
  ).map(
    ([what, help]) =>
      new CountedElsewhere(`apiserver_validation_declarative_validation_${what}_total`, help, [], () => [[[], 0]]),
  );
