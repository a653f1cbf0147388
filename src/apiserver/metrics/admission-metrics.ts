import { Counter, Histogram, type Metric } from '../../std/metric.ts';

const PLUGIN_BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
const MOST_CODE = 600;
const WEBHOOK_BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];

/** What became of asking one webhook. */
export interface WebhookOutcome {
  readonly name: string;
  readonly type: 'admit' | 'validating';
  readonly operation: string;
  readonly seconds: number;
  /** Why the request was turned away: by the webhook, since it could not be asked, or since its answer could not be used. */
  readonly rejection?: 'no_error' | 'calling_webhook_error' | 'apiserver_internal_error';
  /** That the client is told, or what the webhook's own server said; 503 where it said nothing, 0 where the fault is here, 200 for yes. */
  readonly code: number;
  /** It could not be asked, and that does not matter. */
  readonly failedOpen?: boolean;
}

/** How long admission plugins and webhooks take, and what they turn away, under upstream's names (apiserver/pkg/admission/metrics). */
export class AdmissionMetrics implements Metric {
  readonly #plugins = new Histogram(
    'apiserver_admission_controller_admission_duration_seconds',
    'Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
    ['name', 'operation', 'rejected', 'type'],
    PLUGIN_BOUNDS,
  );
  readonly #webhooks = new Histogram(
    'apiserver_admission_webhook_admission_duration_seconds',
    'Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
    ['name', 'operation', 'rejected', 'type'],
    WEBHOOK_BOUNDS,
  );
  readonly #requests = new Counter(
    'apiserver_admission_webhook_request_total',
    'Admission webhook request total, identified by name and broken out for each admission type (validating or mutating) and operation. Additional labels specify whether the request was rejected or not and an HTTP status code.',
    ['code', 'name', 'operation', 'rejected', 'type'],
  );
  readonly #rejections = new Counter(
    'apiserver_admission_webhook_rejection_count',
    'Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify an error type (calling_webhook_error or apiserver_internal_error if an error occurred; no_error otherwise) and optionally a non-zero rejection code.',
    ['error_type', 'name', 'operation', 'rejection_code', 'type'],
  );
  readonly #failedOpen = new Counter(
    'apiserver_admission_webhook_fail_open_count',
    'Admission webhook fail open count, identified by name and broken out for each admission type (validating or mutating).',
    ['name', 'type'],
  );

  plugin(name: string, operation: string, type: 'admit' | 'validate', outcome: { rejected: boolean; seconds: number }): void {
    this.#plugins.observe(outcome.seconds, name, operation, String(outcome.rejected), type);
  }

  webhook({ name, type, operation, seconds, rejection, code: said, failedOpen = false }: WebhookOutcome): void {
    // So that nobody's webhook makes ever more series.
    const code = String(Math.min(said, MOST_CODE));
    const rejected = String(rejection !== undefined);
    this.#webhooks.observe(seconds, name, operation, rejected, type);
    this.#requests.increment(code, name, operation, rejected, type);
    if (rejection) this.#rejections.increment(rejection, name, operation, code, type);
    if (failedOpen) this.#failedOpen.increment(name, type);
  }

  render(): string {
    return [this.#plugins, this.#webhooks, this.#requests, this.#rejections, this.#failedOpen]
      .map((metric) => metric.render())
      .join('');
  }
}
