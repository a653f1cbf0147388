import type { Clock } from '../../std/clock.ts';
import { goFloat } from '../../std/go-text.ts';
import { type KubeletMetricName, kubeletMetricTable, type MetricDefinition } from './metric-table.ts';
import { braced, formatLabels, metricHead } from './metric-text.ts';

/**
 * What one kubelet counts. Metrics are named as in `metric-table.ts`; label values come in the order of its `labels`. Nothing is kept
 * for a metric before its first use, so that a hollow kubelet pays nothing.
 */
export interface KubeletMetrics {
  /** Counters and gauges: adds `by`, by default 1. */
  add(name: KubeletMetricName, labels?: readonly string[], by?: number): void;
  /** Gauges. */
  set(name: KubeletMetricName, value: number, labels?: readonly string[]): void;
  /** Histograms; durations in seconds. */
  observe(name: KubeletMetricName, value: number, labels?: readonly string[]): void;
  /** Forgets the series whose labels have these values, for what is gone (a pod's probes). */
  remove(name: KubeletMetricName, labels: Readonly<Record<string, string>>): void;
  /** The text of every metric of a page, by name. */
  render(page: 'kubelet' | 'probes'): ReadonlyMap<string, string>;
}

/** How many label sets one metric may have: what comes from outside must not fill the memory. */
const MOST_SERIES = 10_000;

interface Series {
  readonly labels: readonly string[];
  value: number;
  /** Of a histogram: how many values fell into each bucket, and above all. */
  readonly counts?: number[];
  count: number;
}

export function createKubeletMetrics(): KubeletMetrics {
  const table: Readonly<Record<string, MetricDefinition>> = kubeletMetricTable;
  const metrics = new Map<string, Map<string, Series>>();

  function seriesOf(name: string, labels: readonly string[]): Series | undefined {
    let series = metrics.get(name);
    if (!series) {
      series = new Map();
      metrics.set(name, series);
    }
    const key = labels.join('\0');
    let found = series.get(key);
    if (!found) {
      if (series.size >= MOST_SERIES) return undefined;
      const { buckets } = table[name]!;
      found = { labels, value: 0, count: 0, ...(buckets && { counts: new Array<number>(buckets.length).fill(0) }) };
      series.set(key, found);
    }
    return found;
  }

  return {
    add(name, labels = [], by = 1) {
      const series = seriesOf(name, labels);
      if (series) series.value += by;
    },
    set(name, value, labels = []) {
      const series = seriesOf(name, labels);
      if (series) series.value = value;
    },
    observe(name, value, labels = []) {
      const series = seriesOf(name, labels);
      if (!series) return;
      series.value += value;
      series.count++;
      const bucket = table[name]!.buckets!.findIndex((bound) => value <= bound);
      if (bucket >= 0) series.counts![bucket]!++;
    },
    remove(name, wanted) {
      const series = metrics.get(name);
      const positions = Object.entries(wanted).map(([label, value]) => [table[name]!.labels.indexOf(label), value] as const);
      for (const [key, { labels }] of series ?? [])
        if (positions.every(([at, value]) => labels[at] === value)) series!.delete(key);
    },
    render(page) {
      const texts = new Map<string, string>();
      for (const [name, definition] of Object.entries(table)) {
        if ((page === 'probes') !== (definition.probes === true)) continue;
        const series = [...(metrics.get(name)?.values() ?? [])];
        // As Go's client library: a metric without labels is there from the beginning.
        if (series.length === 0 && definition.labels.length === 0) series.push(emptySeries(definition));
        if (series.length > 0) texts.set(name, formatSeries(name, definition, series));
      }
      return texts;
    },
  };
}

/** Runs one call to the container runtime and counts it: how often, how long, and whether it failed. */
export async function countRuntimeOperation<T>(
  metrics: KubeletMetrics | undefined,
  clock: Clock,
  operation: string,
  call: () => Promise<T>,
): Promise<T> {
  if (!metrics) return call();
  const labels = [operation];
  const startedMs = clock.now();
  metrics.add('kubelet_runtime_operations_total', labels);
  try {
    return await call();
  } catch (error) {
    metrics.add('kubelet_runtime_operations_errors_total', labels);
    throw error;
  } finally {
    metrics.observe('kubelet_runtime_operations_duration_seconds', (clock.now() - startedMs) / 1000, labels);
  }
}

const emptySeries = ({ buckets }: MetricDefinition): Series => ({
  labels: [],
  value: 0,
  count: 0,
  ...(buckets && { counts: buckets.map(() => 0) }),
});

function formatSeries(name: string, { type, help, labels, buckets = [] }: MetricDefinition, series: readonly Series[]): string {
  let text = metricHead(name, type, help);
  for (const { labels: values, value, counts, count } of series) {
    const inside = formatLabels(labels.map((label, i) => [label, values[i] ?? ''] as const));
    if (!counts) {
      text += `${name}${braced(inside)} ${goFloat(value)}\n`;
      continue;
    }
    const before = inside && `${inside},`;
    let below = 0;
    for (const [i, bound] of buckets.entries()) {
      below += counts[i]!;
      text += `${name}_bucket{${before}le="${goFloat(bound)}"} ${below}\n`;
    }
    text += `${name}_bucket{${before}le="+Inf"} ${count}\n`;
    text += `${name}_sum${braced(inside)} ${goFloat(value)}\n${name}_count${braced(inside)} ${count}\n`;
  }
  return text;
}
