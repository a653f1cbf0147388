import { leaderStatusText } from '../../client/leader-status-text.ts';
import { DURATION_BUCKETS_SECONDS, type LoopMetrics } from '../../client/loop-metrics.ts';

/** The manager's metrics in Prometheus' text format, under the names that client-go's work queues have. */
export async function formatMetrics(metrics: LoopMetrics, isLeading: boolean): Promise<{ contentType: string; text: string }> {
  // Loaded with the first scrape: nobody else needs it.
  const { Registry, collectDefaultMetrics } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const head = (name: string, type: string, help: string) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  let adds = head('workqueue_adds_total', 'counter', 'Keys added to the queue');
  let depth = head('workqueue_depth', 'gauge', 'Keys that wait');
  let retries = head('workqueue_retries_total', 'counter', 'Keys added again after a delay');
  let errors = head('controller_reconcile_errors_total', 'counter', 'Reconciliations that failed');
  let durations = head('workqueue_work_duration_seconds', 'histogram', 'How long working on a key took');
  for (const [name, counts] of metrics.entries()) {
    adds += `workqueue_adds_total{name="${name}"} ${counts.adds}\n`;
    depth += `workqueue_depth{name="${name}"} ${counts.depth()}\n`;
    retries += `workqueue_retries_total{name="${name}"} ${counts.retries}\n`;
    errors += `controller_reconcile_errors_total{name="${name}"} ${counts.errors}\n`;
    let sum = 0;
    for (const [i, count] of counts.durations.entries()) {
      sum += count;
      durations += `workqueue_work_duration_seconds_bucket{name="${name}",le="${DURATION_BUCKETS_SECONDS[i] ?? '+Inf'}"} ${sum}\n`;
    }
    durations += `workqueue_work_duration_seconds_sum{name="${name}"} ${counts.durationSumSeconds}\n`;
    durations += `workqueue_work_duration_seconds_count{name="${name}"} ${sum}\n`;
  }
  const text = `${await registry.metrics()}\n${leaderStatusText('kube-controller-manager', isLeading)}${adds}${depth}${retries}${errors}${durations}`;
  return { contentType: registry.contentType, text };
}
