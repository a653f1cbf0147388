import { Counter, Histogram, type Metric } from '../../std/metric.ts';

const WEBHOOK_BOUNDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 45, 60];
/** From a millisecond on, each twice the one before. */
const CONVERSION_BOUNDS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);

export type ConversionFailureType =
  | 'call_failure'
  | 'malformed_response_failure'
  | 'partial_response_failure'
  | 'invalid_converted_object_failure';

/** What became of asking one conversion webhook. */
export interface ConversionOutcome {
  readonly definition: string;
  readonly from: string;
  readonly to: string;
  readonly seconds: number;
  readonly failure?: ConversionFailureType;
}

/** How long conversion webhooks take, and how they fail, under upstream's names (apiextensions-apiserver/pkg/apiserver/conversion/metrics.go). */
export class ConversionMetrics implements Metric {
  readonly #requests = new Counter(
    'apiserver_conversion_webhook_request_total',
    'Counter for conversion webhook requests with success/failure and failure error type',
    ['failure_type', 'result'],
  );
  readonly #webhooks = new Histogram(
    'apiserver_conversion_webhook_duration_seconds',
    'Conversion webhook request latency',
    ['failure_type', 'result'],
    WEBHOOK_BOUNDS,
  );
  readonly #conversions = new Histogram(
    'apiserver_crd_conversion_webhook_duration_seconds',
    'CRD webhook conversion duration in seconds',
    ['crd_name', 'from_version', 'succeeded', 'to_version'],
    CONVERSION_BOUNDS,
  );

  asked({ definition, from, to, seconds, failure }: ConversionOutcome): void {
    const labels = failure ? [`conversion_webhook_${failure}`, 'failure'] : ['', 'success'];
    this.#requests.increment(...labels);
    this.#webhooks.observe(seconds, ...labels);
    this.#conversions.observe(seconds, definition, from, String(!failure), to);
  }

  render(): string {
    return [this.#requests, this.#webhooks, this.#conversions].map((metric) => metric.render()).join('');
  }
}
