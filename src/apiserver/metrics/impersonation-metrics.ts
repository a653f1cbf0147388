import { Counter, Histogram, type Metric } from '../../std/metric.ts';
import type { ImpersonationObserver } from '../authentication/impersonation-filter.ts';

const LABELS = ['mode', 'decision'];
/** A millisecond, and fourteen times the double of it. */
const BOUNDS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);

/** Counts who acted as another, in which way, and what was asked for it. */
export class ImpersonationMetrics implements Metric, ImpersonationObserver {
  readonly #attempts = new Counter(
    'apiserver_impersonation_attempts_total',
    'Total number of impersonation attempts split by mode and decision.',
    LABELS,
  );
  readonly #attemptSeconds = new Histogram(
    'apiserver_impersonation_attempts_duration_seconds',
    'Latency of impersonation attempts in seconds split by mode and decision.',
    LABELS,
    BOUNDS,
  );
  readonly #questions = new Counter(
    'apiserver_impersonation_authorization_attempts_total',
    'Total number of authorization checks made by the impersonation handler split by mode and decision.',
    LABELS,
  );
  readonly #questionSeconds = new Histogram(
    'apiserver_impersonation_authorization_attempts_duration_seconds',
    'Latency of authorization checks made by the impersonation handler in seconds split by mode and decision.',
    LABELS,
    BOUNDS,
  );

  attempted(verb: string, allowed: boolean, seconds: number): void {
    const labels = [verb && modeOf(verb), decisionOf(allowed)];
    this.#attempts.increment(...labels);
    this.#attemptSeconds.observe(seconds, ...labels);
  }

  asked(verb: string, allowed: boolean, seconds: number): void {
    const labels = [modeOf(verb), decisionOf(allowed)];
    this.#questions.increment(...labels);
    this.#questionSeconds.observe(seconds, ...labels);
  }

  render(): string {
    return [this.#attempts, this.#attemptSeconds, this.#questions, this.#questionSeconds]
      .map((metric) => metric.render())
      .join('');
  }
}

const decisionOf = (allowed: boolean) => (allowed ? 'allowed' : 'denied');

/** `impersonate:user-info` and `impersonate-on:user-info:get` are both `user-info`. */
function modeOf(verb: string): string {
  const [, mode] = /^impersonate(?:-on)?:([^:]+)/.exec(verb) ?? [];
  return mode ?? 'legacy';
}
