import { Counter, Histogram, type Metric } from '../../std/metric.ts';

const PLUGIN_BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
const CONDITION_BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25];
const CONDITION_LABELS = ['kind', 'name', 'operation', 'type'];
const EXPRESSION_BOUNDS = [0.0000005, 0.001, 0.01, 0.1, 1];
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

/** One look at the match conditions of a webhook or a policy. */
export interface ConditionsOutcome {
  readonly name: string;
  readonly kind: 'webhook' | 'policy';
  readonly type: 'admit' | 'validate';
  readonly operation: string;
  readonly seconds: number;
  readonly errors: number;
}

/** What one expression of a policy came to. */
export interface PolicyOutcome {
  readonly policy: string;
  readonly binding: string;
  readonly seconds: number;
  /** Why it has no value, or is not true; undefined for a mutation that was made. */
  readonly message: string | undefined;
}

/** Those of Go's client where nobody names others. */
const GO_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const errorType = (message: string | undefined): string => {
  if (message === undefined) return 'no_error';
  if (message.startsWith('compilation')) return 'compile_error';
  return message.startsWith('validation failed due to running out of cost budget') ? 'out_of_budget' : 'invalid_error';
};

/** How long admission plugins, webhooks and policies take, and what they turn away, under upstream's names (apiserver/pkg/admission/metrics). */
export class AdmissionMetrics implements Metric {
  readonly #plugins = new Histogram(
    'apiserver_admission_controller_admission_duration_seconds',
    'Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
    ['name', 'operation', 'rejected', 'type'],
    PLUGIN_BOUNDS,
  );
  readonly #compilations = new Histogram(
    'apiserver_cel_compilation_duration_seconds',
    'CEL compilation time in seconds.',
    [],
    GO_BOUNDS,
  );
  readonly #evaluations = new Histogram(
    'apiserver_cel_evaluation_duration_seconds',
    'CEL evaluation time in seconds.',
    [],
    GO_BOUNDS,
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

  readonly #conditionErrors = new Counter(
    'apiserver_admission_match_condition_evaluation_errors_total',
    'Match conditions of webhooks and policies that failed or do not compile, by the name of what they belong to, its kind, operation and admission type.',
    CONDITION_LABELS,
  );
  readonly #conditionExclusions = new Counter(
    'apiserver_admission_match_condition_exclusions_total',
    'Requests that match conditions keep from webhooks, by the name of what they belong to, its kind, operation and admission type.',
    CONDITION_LABELS,
  );
  readonly #conditionSeconds = new Histogram(
    'apiserver_admission_match_condition_evaluation_seconds',
    'How long match conditions take, by the name of what they belong to, its kind, operation and admission type.',
    CONDITION_LABELS,
    CONDITION_BOUNDS,
  );
  readonly #validations = new Counter(
    'apiserver_validating_admission_policy_check_total',
    'Validations of policies that did not hold, by policy, binding, what was done about it and kind of error.',
    ['enforcement_action', 'error_type', 'policy', 'policy_binding'],
  );
  readonly #validationSeconds = new Histogram(
    'apiserver_validating_admission_policy_check_duration_seconds',
    'How long validations of policies take, by policy, binding, what was done about it and kind of error.',
    ['enforcement_action', 'error_type', 'policy', 'policy_binding'],
    EXPRESSION_BOUNDS,
  );
  readonly #mutations = new Counter(
    'apiserver_mutating_admission_policy_check_total',
    'Mutations of policies, by policy, binding and kind of error.',
    ['error_type', 'policy', 'policy_binding'],
  );
  readonly #mutationSeconds = new Histogram(
    'apiserver_mutating_admission_policy_check_duration_seconds',
    'How long mutations of policies take, by policy, binding and kind of error.',
    ['error_type', 'policy', 'policy_binding'],
    EXPRESSION_BOUNDS,
  );

  /** The expressions of a policy have been read. */
  compiled(seconds: number): void {
    this.#compilations.observe(seconds);
  }

  /** The expressions of a policy, or the conditions of a webhook, have been asked about a request. */
  evaluated(seconds: number): void {
    this.#evaluations.observe(seconds);
  }

  conditions({ name, kind, type, operation, seconds, errors }: ConditionsOutcome): void {
    // Of webhooks that check, upstream has another word here than below.
    const named = kind === 'webhook' && type === 'validate' ? 'validating' : type;
    this.#conditionSeconds.observe(seconds, kind, name, operation, named);
    // Those of policies are part of what is counted there.
    if (kind === 'webhook') this.evaluated(seconds);
    for (let i = 0; i < errors; i++) this.#conditionErrors.increment(kind, name, operation, named);
  }

  /** A webhook is not asked since its conditions do not hold, or have failed and that does not matter. */
  excluded(name: string, type: 'admit' | 'validate', operation: string): void {
    this.#conditionExclusions.increment('webhook', name, operation, type);
  }

  /** A validation that failed, by what was done about it; `allow`: nothing, though it has no value. */
  validation(action: 'allow' | 'deny' | 'audit' | 'warn', { policy, binding, seconds, message }: PolicyOutcome): void {
    this.#validations.increment(action, errorType(message), policy, binding);
    this.#validationSeconds.observe(seconds, action, errorType(message), policy, binding);
  }

  mutation({ policy, binding, seconds, message }: PolicyOutcome): void {
    this.evaluated(seconds);
    this.#mutations.increment(errorType(message), policy, binding);
    this.#mutationSeconds.observe(seconds, errorType(message), policy, binding);
  }

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
    const webhooks = [this.#webhooks, this.#requests, this.#rejections, this.#failedOpen];
    const conditions = [this.#conditionErrors, this.#conditionExclusions, this.#conditionSeconds];
    const policies = [this.#validations, this.#validationSeconds, this.#mutations, this.#mutationSeconds];
    const expressions = [this.#compilations, this.#evaluations];
    return [this.#plugins, ...webhooks, ...conditions, ...policies, ...expressions].map((metric) => metric.render()).join('');
  }
}
