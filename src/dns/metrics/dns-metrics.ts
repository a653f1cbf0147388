/** What a server counts, under CoreDNS's names, as text for Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/). */
export interface DnsMetrics {
  /** A counter or gauge of these label values; to be kept by who counts often. */
  series(name: MetricName, labels: readonly string[]): Series;
  histogram(name: HistogramName, labels: readonly string[]): Histogram;
  render(): string;
}

export interface Series {
  add(by?: number): void;
  set(value: number): void;
}

export interface Histogram {
  observe(value: number): void;
}

interface MetricDefinition {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
}

const dns = ['server', 'zone', 'view'] as const;
const cache = ['server', 'zones', 'view'] as const;

const METRICS = {
  coredns_build_info: gauge('A metric with a constant value labelled by what was built.', 'version', 'revision', 'goversion'),
  coredns_panics_total: counter('Failures of plugins that were not foreseen.'),
  coredns_dns_requests_total: counter('DNS requests.', ...dns, 'proto', 'family', 'type'),
  coredns_dns_do_requests_total: counter('Requests with the DO bit.', ...dns),
  coredns_dns_responses_total: counter('Responses by their code.', ...dns, 'rcode', 'plugin'),
  coredns_plugin_enabled: gauge('Plugins by server and zone.', ...dns, 'name'),
  coredns_cache_entries: gauge('Answers in the cache.', 'server', 'type', 'zones', 'view'),
  coredns_cache_hits_total: counter('Answers from the cache.', 'server', 'type', 'zones', 'view'),
  coredns_cache_misses_total: counter('Questions that the cache had no answer for.', ...cache),
  coredns_cache_requests_total: counter('Questions to the cache.', ...cache),
  coredns_cache_prefetch_total: counter('Answers fetched before they ran out.', ...cache),
  coredns_cache_drops_total: counter('Responses to another question than was asked.', ...cache),
  coredns_cache_served_stale_total: counter('Answers from entries that had run out.', ...cache),
  coredns_cache_evictions_total: counter('Entries that had to make room.', 'server', 'type', 'zones', 'view'),
  coredns_forward_healthcheck_broken_total: counter('Times that all upstreams were down.'),
  coredns_forward_max_concurrent_rejects_total: counter('Queries refused because too many were under way.'),
  coredns_proxy_healthcheck_failures_total: counter('Failed health checks.', 'proxy_name', 'to', 'rcode'),
  coredns_proxy_conn_cache_hits_total: counter('Connections used again.', 'proxy_name', 'to', 'proto'),
  coredns_proxy_conn_cache_misses_total: counter('Connections opened.', 'proxy_name', 'to', 'proto'),
  coredns_template_matches_total: counter('Questions that a template was for.', ...dns, 'class', 'type'),
  coredns_hosts_entries: gauge('Entries of hosts files.'),
  coredns_hosts_reload_timestamp_seconds: gauge('When a hosts file was last read.'),
  coredns_reload_failed_total: counter('Corefiles that could not be used.'),
  coredns_reload_version_info: gauge('The Corefile in use.', 'hash', 'value'),
  coredns_health_request_failures_total: counter('Failed health requests.'),
} satisfies Readonly<Record<string, MetricDefinition>>;

const SECONDS = [
  0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192,
];
const BYTES = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000];

const HISTOGRAMS = {
  coredns_dns_request_duration_seconds: { help: 'Time that each answer took.', labels: dns, buckets: SECONDS },
  coredns_dns_request_size_bytes: { help: 'Size of requests.', labels: [...dns, 'proto'], buckets: BYTES },
  coredns_dns_response_size_bytes: { help: 'Size of responses.', labels: [...dns, 'proto'], buckets: BYTES },
  coredns_proxy_request_duration_seconds: {
    help: 'Time that upstreams took.',
    labels: ['proxy_name', 'to', 'rcode'],
    buckets: SECONDS,
  },
} as const satisfies Readonly<Record<string, { help: string; labels: readonly string[]; buckets: readonly number[] }>>;

export type MetricName = keyof typeof METRICS;
export type HistogramName = keyof typeof HISTOGRAMS;

function counter(help: string, ...labels: string[]): MetricDefinition {
  return { type: 'counter', help, labels };
}

function gauge(help: string, ...labels: string[]): MetricDefinition {
  return { type: 'gauge', help, labels };
}

interface Value {
  readonly labels: string;
  value: number;
}

interface Counts {
  readonly labels: string;
  readonly buckets: readonly number[];
  readonly counts: Float64Array;
  sum: number;
  count: number;
}

export function createDnsMetrics(): DnsMetrics {
  const values = new Map<string, Map<string, Value & Series>>();
  const histograms = new Map<string, Map<string, Counts & Histogram>>();
  return {
    series: (name, labels) =>
      entryOf(values, name, labels.join('\0'), () => createSeries(labelText(METRICS[name].labels, labels))),
    histogram: (name, labels) =>
      entryOf(histograms, name, labels.join('\0'), () =>
        createHistogram(labelText(HISTOGRAMS[name].labels, labels), HISTOGRAMS[name].buckets),
      ),
    render() {
      const lines: string[] = [];
      for (const [name, { type, help }] of Object.entries(METRICS as Record<string, MetricDefinition>)) {
        const series = values.get(name);
        if (!series) continue;
        lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
        for (const { labels, value } of series.values()) lines.push(`${name}${labels && `{${labels}}`} ${value}`);
      }
      for (const [name, { help }] of Object.entries(HISTOGRAMS)) {
        const series = histograms.get(name);
        if (!series) continue;
        lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`);
        for (const one of series.values()) renderHistogram(name, one, lines);
      }
      return `${lines.join('\n')}\n`;
    },
  };
}

function entryOf<T>(table: Map<string, Map<string, T>>, name: string, key: string, create: () => T): T {
  let entries = table.get(name);
  if (!entries) {
    entries = new Map();
    table.set(name, entries);
  }
  let entry = entries.get(key);
  if (entry === undefined) {
    entry = create();
    entries.set(key, entry);
  }
  return entry;
}

function createSeries(labels: string): Value & Series {
  return {
    labels,
    value: 0,
    add(by = 1) {
      this.value += by;
    },
    set(value) {
      this.value = value;
    },
  };
}

function createHistogram(labels: string, buckets: readonly number[]): Counts & Histogram {
  return {
    labels,
    buckets,
    counts: new Float64Array(buckets.length),
    sum: 0,
    count: 0,
    observe(value) {
      this.sum += value;
      this.count++;
      for (let i = 0; i < buckets.length; i++)
        if (value <= buckets[i]!) {
          this.counts[i]!++;
          return;
        }
    },
  };
}

function renderHistogram(name: string, { labels, buckets, counts, sum, count }: Counts, lines: string[]): void {
  const with_ = (more: string) => [labels, more].filter(Boolean).join(',');
  let total = 0;
  buckets.forEach((limit, i) => {
    total += counts[i]!;
    lines.push(`${name}_bucket{${with_(`le="${limit}"`)}} ${total}`);
  });
  lines.push(`${name}_bucket{${with_('le="+Inf"')}} ${count}`);
  lines.push(`${name}_sum${labels && `{${labels}}`} ${sum}`, `${name}_count${labels && `{${labels}}`} ${count}`);
}

function labelText(names: readonly string[], values: readonly string[]): string {
  return names.map((name, i) => `${name}="${(values[i] ?? '').replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`).join(',');
}
