/** Reads measured values of the three metrics APIs (upstream's podautoscaler/metrics/client.go). Values are in thousandths. */
import type { V2CrossVersionObjectReference } from '../../api/gen/types.ts';
import type { Selector } from '../../api/machinery/label-selector.ts';
import type { Client } from '../../client/client.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import { milliOf, type PodMetric, type PodMetrics } from './pod-metrics.ts';

interface PodMetricsItem {
  readonly metadata: { readonly name: string };
  readonly timestamp: string;
  readonly window: string;
  readonly containers?: readonly { readonly name: string; readonly usage: Readonly<Record<string, string>> }[];
}

interface MetricValue {
  readonly describedObject?: { readonly name: string };
  readonly timestamp: string;
  readonly windowSeconds?: number;
  readonly window?: number;
  readonly value: string;
}

export interface ObjectPlace {
  readonly reference: V2CrossVersionObjectReference;
  /** `resource` or `resource.group`. */
  readonly groupResource: string;
  readonly namespaced: boolean;
}

/** Upstream takes a metric of a custom API for a minute's where that says nothing. */
const DEFAULT_WINDOW_MS = 60_000;
const CUSTOM = 'custom.metrics.k8s.io';
const EXTERNAL = 'external.metrics.k8s.io';

export class MetricsClient {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** @param container empty: all of each pod */
  async ofResource(
    resource: string,
    container: string,
    namespace: string,
    selector: Selector,
    signal: AbortSignal,
  ): Promise<PodMetrics> {
    const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods?${query({ labelSelector: selector })}`;
    const items = await this.#items<PodMetricsItem>('resource', path, signal, 'pods.metrics.k8s.io');
    const metrics: PodMetrics = new Map();
    for (const item of items) {
      const all = item.containers ?? [];
      const counted = container ? all.filter(({ name }) => name === container) : all;
      if (container && counted.length === 0)
        throw new Error(
          `failed to get container metrics: container ${container} not present in metrics for pod ${namespace}/${item.metadata.name}`,
        );
      const values = counted.map(({ usage }) => usage[resource]);
      // A pod of which a part is missing is as one without a value.
      if (values.length === 0 || values.some((value) => value === undefined)) continue;
      const value = values.reduce((sum, text) => sum + milliOf(text ?? '0'), 0);
      metrics.set(item.metadata.name, { value, timestampMs: Date.parse(item.timestamp), windowMs: parseGoDuration(item.window) });
    }
    return metrics;
  }

  async ofPods(
    metric: string,
    namespace: string,
    selector: Selector,
    metricSelector: Selector,
    signal: AbortSignal,
  ): Promise<PodMetrics> {
    const path = `${await this.#customApi(signal)}/namespaces/${namespace}/pods/*/${encodeURIComponent(metric)}`;
    const selectors = query({ labelSelector: selector, metricLabelSelector: metricSelector });
    const items = await this.#items<MetricValue>('custom', `${path}?${selectors}`, signal, `pods.${CUSTOM}`);
    return new Map(items.map((item) => [item.describedObject?.name ?? '', podMetricOf(item)]));
  }

  async ofObject(
    metric: string,
    namespace: string,
    { reference, groupResource, namespaced }: ObjectPlace,
    metricSelector: Selector,
    signal: AbortSignal,
  ): Promise<number> {
    const api = await this.#customApi(signal);
    const name = encodeURIComponent(reference.name);
    const place =
      reference.kind === 'Namespace'
        ? `/namespaces/${name}/metrics`
        : `${namespaced ? `/namespaces/${namespace}` : ''}/${groupResource}/${name}`;
    const path = `${api}${place}/${encodeURIComponent(metric)}?${query({ metricLabelSelector: metricSelector })}`;
    const [first] = await this.#items<MetricValue>('custom', path, signal, `${groupResource}.${CUSTOM}`);
    return milliOf(first?.value ?? '0');
  }

  /** The sum of all that the selector finds. */
  async ofExternal(metric: string, namespace: string, selector: Selector, signal: AbortSignal): Promise<number> {
    const path = `/apis/${EXTERNAL}/v1beta1/namespaces/${namespace}/${encodeURIComponent(metric)}?${query({ labelSelector: selector })}`;
    const items = await this.#items<MetricValue>('external', path, signal, `${metric}.${EXTERNAL}`);
    return items.reduce((sum, { value }) => sum + milliOf(value), 0);
  }

  async #items<T>(api: string, path: string, signal: AbortSignal, asked: string): Promise<readonly T[]> {
    let items: readonly T[] | undefined;
    try {
      items = (JSON.parse((await this.#client.raw({ path, signal })).text) as { items?: readonly T[] }).items;
    } catch (error) {
      const { message } = error as Error;
      const isUnserved = (error as { status?: { code?: number } }).status?.code === 404;
      const why = isUnserved ? `the server could not find the requested resource (get ${asked})` : message;
      throw new Error(`unable to fetch metrics from ${api} metrics API: ${why}`, { cause: error });
    }
    if (!items?.length) throw new Error(`no metrics returned from ${api} metrics API`);
    return items;
  }

  /** The newest version of the custom metrics API that is served. Asked each time: adapters come and go. */
  async #customApi(signal: AbortSignal): Promise<string> {
    const group = await this.#client.raw({ path: `/apis/${CUSTOM}`, signal }).then(
      ({ text }) => JSON.parse(text) as { versions?: readonly { version: string }[] },
      (error: Error) => {
        throw new Error(
          'unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered',
          {
            cause: error,
          },
        );
      },
    );
    const served = new Set(group.versions?.map(({ version }) => version));
    return `/apis/${CUSTOM}/${served.has('v1beta2') ? 'v1beta2' : 'v1beta1'}`;
  }
}

function podMetricOf({ value, timestamp, windowSeconds, window }: MetricValue): PodMetric {
  const seconds = windowSeconds ?? window;
  return {
    value: milliOf(value),
    timestampMs: Date.parse(timestamp),
    windowMs: seconds === undefined ? DEFAULT_WINDOW_MS : seconds * 1000,
  };
}

function query(selectors: Readonly<Record<string, Selector>>): string {
  const given = Object.entries(selectors).filter(([, selector]) => !selector.empty);
  return new URLSearchParams(given.map(([name, selector]) => [name, String(selector)])).toString();
}
