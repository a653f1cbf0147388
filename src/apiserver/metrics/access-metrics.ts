import { StatusError } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import { Counter, Histogram, type Metric } from '../../std/metric.ts';
import type { Admission, AdmissionAttributes, Filter, RequestContext } from '../contracts.ts';

const ADMISSION_BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];

/** 1 ms, and fourteen times twice as much. */
const ACCESS_BOUNDS = Array.from({ length: 15 }, (_, i) => 2 ** i / 1000);
const RESULTS = { allow: 'allowed', deny: 'denied', 'no-opinion': 'no-opinion' } as const;

const HOUR = 3600;
const DAY = 24 * HOUR;
const LIFETIME_BOUNDS = [
  0,
  HOUR / 2,
  HOUR,
  2 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  4 * DAY,
  7 * DAY,
  30 * DAY,
  90 * DAY,
  180 * DAY,
  360 * DAY,
];

/** Users whom upstream's label names; all others are one. */
const NAMED_USERS: ReadonlySet<string> = new Set([
  'admin',
  'client',
  'kube_proxy',
  'kubelet',
  'system:serviceaccount:kube-system:default',
]);

/** Counts who came in and who did not, and how long admission took. */
export class AccessMetrics implements Metric {
  readonly #attempts = new Counter('authentication_attempts', 'Counter of authenticated attempts.', ['result']);
  readonly #users = new Counter('authenticated_user_requests', 'Counter of authenticated requests broken out by username.', [
    'username',
  ]);
  readonly #admission = new Histogram(
    'apiserver_admission_step_admission_duration_seconds',
    'Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).',
    ['operation', 'rejected', 'type'],
    ADMISSION_BOUNDS,
  );

  readonly #certificates = new Histogram(
    'apiserver_client_certificate_expiration_seconds',
    'Distribution of the remaining lifetime on the certificate used to authenticate a request.',
    [],
    LIFETIME_BOUNDS,
  );
  readonly #authentications = new Histogram(
    'authentication_duration_seconds',
    'Authentication duration in seconds broken out by result.',
    ['result'],
    ACCESS_BOUNDS,
  );
  readonly #decisions = new Counter(
    'authorization_attempts_total',
    "Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', 'no-opinion' or 'error'.",
    ['result'],
  );
  readonly #authorizations = new Histogram(
    'authorization_duration_seconds',
    'Authorization duration in seconds broken out by result.',
    ['result'],
    ACCESS_BOUNDS,
  );
  readonly #tokens = {
    legacy: new Counter('serviceaccount_legacy_tokens_total', 'Cumulative legacy service account tokens used', []),
    stale: new Counter('serviceaccount_stale_tokens_total', 'Cumulative stale projected service account tokens used', []),
    valid: new Counter('serviceaccount_valid_tokens_total', 'Cumulative valid projected service account tokens used', []),
  };
  readonly #clock: Pick<Clock, 'now'>;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Stands around authentication. */
  watchAuthentication(authentication: Filter): Filter {
    return (next) => {
      const begun = new WeakMap<RequestContext, number>();
      const took = (context: RequestContext) => (performance.now() - begun.get(context)!) / 1000;
      const handler = authentication((context, response) => {
        this.#attempts.increment('success');
        this.#authentications.observe(took(context), 'success');
        const { name } = context.user;
        const { peerCertificate } = context.request;
        if (peerCertificate?.commonName === name)
          this.#certificates.observe(Math.max(0, peerCertificate.notAfterMs - this.#clock.now()) / 1000);
        this.#users.increment(NAMED_USERS.has(name) ? name : 'other');
        return next(context, response);
      });
      return async (context, response) => {
        const before = context.user;
        begun.set(context, performance.now());
        try {
          await handler(context, response);
        } catch (error) {
          // Nobody was found: who was, has been put there.
          if (context.user === before && error instanceof StatusError && error.code === 401) {
            this.#attempts.increment('failure');
            this.#authentications.observe(took(context), 'failure');
          }
          throw error;
        }
      };
    };
  }

  /** A request was allowed or not, or its authorizer failed. */
  decided(decision: 'allow' | 'deny' | 'no-opinion' | undefined, seconds: number): void {
    const result = decision === undefined ? 'error' : RESULTS[decision];
    this.#decisions.increment(result);
    this.#authorizations.observe(seconds, result);
  }

  /** A service account's token was good: of a Secret, one that should have been replaced, or another. */
  tokenUsed(kind: 'legacy' | 'stale' | 'valid'): void {
    this.#tokens[kind].increment();
  }

  timeAdmission(inner: () => Admission): () => Admission {
    const timed = async (type: 'admit' | 'validate', attributes: AdmissionAttributes) => {
      const startMs = performance.now();
      let rejected = 'true';
      try {
        await inner()[type](attributes);
        rejected = 'false';
      } finally {
        this.#admission.observe((performance.now() - startMs) / 1000, attributes.operation, rejected, type);
      }
    };
    const admission: Admission = {
      admit: (attributes) => timed('admit', attributes),
      validate: (attributes) => timed('validate', attributes),
    };
    return () => admission;
  }

  render(): string {
    const authorization = [this.#decisions, this.#authorizations];
    return [this.#attempts, this.#authentications, this.#users, ...authorization, this.#admission, this.#certificates]
      .concat(Object.values(this.#tokens))
      .map((metric) => metric.render())
      .join('');
  }
}
