import type { KindDefinition } from '../../api/machinery/kind.ts';
import { CountedElsewhere, Gauge, type Metric } from '../../std/metric.ts';
import type { RequestInfo } from '../contracts.ts';
import type { InFlightCounts } from '../filters/max-in-flight.ts';
import { removedRelease } from '../kinds/removed-release.ts';
import { processMetrics } from './process-metrics.ts';
import { type AnsweredRequest, RequestMetrics, scopeOf, VERB_LABELS } from './request-metrics.ts';

export interface ServerMetricSources {
  readonly inFlight: InFlightCounts;
  /** Objects by storage path. */
  readonly objectCounts: () => ReadonlyMap<string, number>;
  /** Watches by storage path. */
  readonly watchCounts: () => ReadonlyMap<string, number>;
  /** The kind that names a storage path. */
  readonly resourceOf: (storagePath: string) => { readonly group: string; readonly resource: string };
  readonly version: string;
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
  /** Those that last as long as their client wishes: exec, proxies, logs. Watches are counted where they are kept. */
  readonly #connections = new Map<string, { readonly labels: readonly string[]; count: number }>();
  readonly #deprecated = new Map<string, readonly string[]>();
  readonly #metrics: readonly Metric[];
  readonly #more: Metric[] = [];

  constructor({ inFlight, objectCounts, watchCounts, resourceOf, version, startMs }: ServerMetricSources) {
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
        () => [
          ...[...watchCounts()]
            .filter(([, n]) => n > 0)
            .map(([path, n]) => {
              const { group, resource } = resourceOf(path);
              return [['apiserver', group, resource, '', '', 'WATCH', ''], n] as const;
            }),
          ...[...this.#connections.values()].map(({ labels, count }) => [labels, count] as const),
        ],
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
        ['git_version', 'major', 'minor', 'platform'],
        () => [[[version, ...version.replace(/^v/, '').split('.').slice(0, 2), `${process.platform}/${process.arch}`], 1]],
      ),
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
    return [...this.#metrics, ...this.#more].map((metric) => metric.render()).join('');
  }
}
