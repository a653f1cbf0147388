import { Counter, type Metric } from '../../std/metric.ts';
import type { AuditLevel } from './audit-policy.ts';

/** Upstream's counters of auditing (apiserver/pkg/audit/metrics.go). */
export class AuditMetrics implements Metric {
  readonly #events = new Counter(
    'apiserver_audit_event_total',
    'Counter of audit events generated and sent to the audit backend.',
    [],
  );
  readonly #errors = new Counter(
    'apiserver_audit_error_total',
    'Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected by the error.',
    ['plugin'],
  );
  readonly #levels = new Counter('apiserver_audit_level_total', 'Counter of policy levels for audit events (1 per request).', [
    'level',
  ]);
  readonly #rejected = new Counter(
    'apiserver_audit_requests_rejected_total',
    'Counter of apiserver requests rejected due to an error in audit logging backend.',
    [],
  );

  recorded(): void {
    this.#events.increment();
  }

  level(level: AuditLevel): void {
    this.#levels.increment(level);
  }

  failed(plugin: string, events: number): void {
    this.#errors.add(events, plugin);
  }

  rejected(): void {
    this.#rejected.increment();
  }

  render(): string {
    return [this.#events, this.#errors, this.#levels, this.#rejected].map((metric) => metric.render()).join('');
  }
}
