import { StatusError } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import { Counter, Histogram, type Metric } from '../../std/metric.ts';
import type { Admission, AdmissionAttributes, Filter } from '../contracts.ts';

const ADMISSION_BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];

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
  readonly #clock: Pick<Clock, 'now'>;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Stands around authentication. */
  watchAuthentication(authentication: Filter): Filter {
    return (next) => {
      const handler = authentication((context, response) => {
        this.#attempts.increment('success');
        const { name } = context.user;
        const { peerCertificate } = context.request;
        if (peerCertificate?.commonName === name)
          this.#certificates.observe(Math.max(0, peerCertificate.notAfterMs - this.#clock.now()) / 1000);
        this.#users.increment(NAMED_USERS.has(name) ? name : 'other');
        return next(context, response);
      });
      return async (context, response) => {
        const before = context.user;
        try {
          await handler(context, response);
        } catch (error) {
          // Nobody was found: who was, has been put there.
          if (context.user === before && error instanceof StatusError && error.code === 401) this.#attempts.increment('failure');
          throw error;
        }
      };
    };
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
    return [this.#attempts, this.#users, this.#admission, this.#certificates].map((metric) => metric.render()).join('');
  }
}
