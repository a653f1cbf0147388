import { CountedElsewhere, Gauge, type Metric } from '../../std/metric.ts';
import type { HealthCheck } from '../health/health-checks.ts';

interface Seen {
  readonly name: string;
  readonly type: string;
  well: boolean;
  success: number;
  error: number;
}

/** How the server's checks went when somebody asked, for `/metrics/slis` (component-base/metrics/prometheus/slis). */
export class HealthMetrics implements Metric {
  readonly #seen = new Map<string, Seen>();

  /** The same checks, whose ends are noted. */
  watch(type: string, checks: readonly HealthCheck[]): HealthCheck[] {
    return checks.map(({ name, check }) => {
      const seen: Seen = { name, type, well: false, success: 0, error: 0 };
      this.#seen.set(`${type} ${name}`, seen);
      return {
        name,
        check: async () => {
          try {
            await check();
            seen.well = true;
            seen.success++;
          } catch (error) {
            seen.well = false;
            seen.error++;
            throw error;
          }
        },
      };
    });
  }

  render(): string {
    const asked = () => [...this.#seen.values()].filter(({ success, error }) => success + error > 0);
    return [
      new Gauge('kubernetes_healthcheck', 'This metric records the result of a single healthcheck.', ['name', 'type'], () =>
        asked().map(({ name, type, well }) => [[name, type], Number(well)] as const),
      ),
      new CountedElsewhere(
        'kubernetes_healthchecks_total',
        'This metric records the results of all healthcheck.',
        ['name', 'status', 'type'],
        () =>
          asked().flatMap(({ name, type, success, error }) =>
            [['success', success] as const, ['error', error] as const]
              .filter(([, n]) => n > 0)
              .map(([status, n]) => [[name, status, type], n] as const),
          ),
      ),
    ]
      .map((metric) => metric.render())
      .join('');
  }
}
