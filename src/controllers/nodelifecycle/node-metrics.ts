import { Counter, Gauge, type Metric } from '../../std/metric.ts';

interface ZoneCount {
  readonly ready: number;
  readonly notReady: number;
}

/** What upstream counts of nodes by zone (pkg/controller/nodelifecycle/metrics.go). */
export class NodeMetrics implements Metric {
  /** How many nodes of each zone are Ready, as they were last looked at. */
  zones: ReadonlyMap<string, ZoneCount> = new Map();
  readonly #evictions = new Counter(
    'node_collector_evictions_total',
    'Number of Node evictions that happened since current instance of NodeController started.',
    ['zone'],
  );
  readonly #gauges = [
    this.#gauge('zone_size', 'Gauge measuring number of registered Nodes per zones.', ({ ready, notReady }) => ready + notReady),
    this.#gauge('zone_health', 'Gauge measuring percentage of healthy nodes per zone.', ({ ready, notReady }) =>
      ready + notReady === 0 ? 100 : (100 * ready) / (ready + notReady),
    ),
    this.#gauge('unhealthy_nodes_in_zone', 'Gauge measuring number of not Ready Nodes per zones.', ({ notReady }) => notReady),
  ];

  evicted(zone: string): void {
    this.#evictions.increment(zone);
  }

  render(): string {
    return [this.#evictions, ...this.#gauges].map((metric) => metric.render()).join('');
  }

  #gauge(name: string, help: string, read: (count: ZoneCount) => number): Gauge {
    return new Gauge(`node_collector_${name}`, help, ['zone'], () =>
      [...this.zones].map(([zone, count]) => [[zone], read(count)] as const),
    );
  }
}
