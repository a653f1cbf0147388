import type { V1Job, V1JobStatus } from '../../api/gen/types.ts';
import { Counter, Histogram, type Metric } from '../../std/metric.ts';

export type SyncAction = 'reconciling' | 'tracking' | 'pods_created' | 'pods_deleted';

/** What upstream counts of Jobs (pkg/controller/job/metrics). */
export class JobMetrics implements Metric {
  readonly #syncs = new Counter('job_controller_job_syncs_total', 'The number of job syncs', [
    'completion_mode',
    'result',
    'action',
  ]);
  readonly #durations = new Histogram(
    'job_controller_job_sync_duration_seconds',
    'The time it took to sync a job',
    ['completion_mode', 'result', 'action'],
    Array.from({ length: 15 }, (_, i) => (4 * 2 ** i) / 1000),
  );
  readonly #finished = new Counter('job_controller_jobs_finished_total', 'The number of finished jobs', [
    'completion_mode',
    'result',
    'reason',
  ]);
  readonly #pods = new Counter('job_controller_job_pods_finished_total', 'The number of finished Pods that are fully tracked', [
    'completion_mode',
    'result',
  ]);

  synced(job: V1Job, action: SyncAction, failed: boolean, seconds: number): void {
    const labels = [modeOf(job), failed ? 'error' : 'success', action];
    this.#syncs.increment(...labels);
    this.#durations.observe(seconds, ...labels);
  }

  finished(job: V1Job, result: 'succeeded' | 'failed', reason: string): void {
    this.#finished.increment(modeOf(job), result, reason);
  }

  /** Pods that the status counts now and did not count before. */
  counted(job: V1Job, before: V1JobStatus | undefined, after: V1JobStatus): void {
    for (const result of ['succeeded', 'failed'] as const) {
      const more = (after[result] ?? 0) - (before?.[result] ?? 0);
      if (more > 0) this.#pods.add(more, modeOf(job), result);
    }
  }

  render(): string {
    return [this.#syncs, this.#durations, this.#finished, this.#pods].map((metric) => metric.render()).join('');
  }
}

const modeOf = ({ spec }: V1Job): string => (spec?.completionMode === 'Indexed' ? 'Indexed' : 'NonIndexed');
