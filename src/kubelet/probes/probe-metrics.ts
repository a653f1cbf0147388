import type { V1Pod } from '../../api/gen/types.ts';
import type { ProbeKind } from '../runtime/runtime.ts';
import { formatMetric, type Sample } from '../server/metrics.ts';

export type ProbeMetricResult = 'successful' | 'failed' | 'unknown';

const TYPES: Readonly<Record<ProbeKind, string>> = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' };

/** Counts the tries of probes by result, as `prober_probe_total` has them. */
export class ProbeMetrics {
  readonly #counts = new Map<string, { readonly uid: string; readonly labels: Record<string, string>; value: number }>();

  count(pod: V1Pod, container: string, kind: ProbeKind, result: ProbeMetricResult): void {
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    const key = [uid, container, kind, result].join('/');
    const entry = this.#counts.get(key);
    if (entry) entry.value++;
    else {
      const labels = { container, namespace, pod: name, pod_uid: uid, probe_type: TYPES[kind], result };
      this.#counts.set(key, { uid, labels, value: 1 });
    }
  }

  forgetPod(uid: string): void {
    for (const [key, entry] of this.#counts) if (entry.uid === uid) this.#counts.delete(key);
  }

  /** For `/metrics/probes`. */
  page(): string {
    const samples: Sample[] = [...this.#counts.values()].map(({ labels, value }) => ({ labels, value }));
    return formatMetric(
      'prober_probe_total',
      'counter',
      'Cumulative number of a liveness, readiness or startup probe for a container by result.',
      samples,
    );
  }
}
