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
  let waits = head('workqueue_queue_duration_seconds', 'histogram', 'How long a key that was due waited');
  let unfinished = head('workqueue_unfinished_work_seconds', 'gauge', 'How long what is worked on now has taken, all together');
  let longest = head(
    'workqueue_longest_running_processor_seconds',
    'gauge',
    'How long the longest of what is worked on now has taken',
  );
  let controllers = head('running_managed_controllers', 'gauge', 'Loops that run in this manager');
  for (const [name, counts] of metrics.entries()) {
    const label = `name="${name}"`;
    adds += `workqueue_adds_total{${label}} ${counts.adds}\n`;
    depth += `workqueue_depth{${label}} ${counts.depth()}\n`;
    retries += `workqueue_retries_total{${label}} ${counts.retries}\n`;
    errors += `controller_reconcile_errors_total{${label}} ${counts.errors}\n`;
    durations += histogram('workqueue_work_duration_seconds', label, counts.durations, counts.durationSumSeconds);
    waits += histogram('workqueue_queue_duration_seconds', label, counts.waits, counts.waitSumSeconds);
    const seconds = [...counts.running].map(({ sinceMs }) => (performance.now() - sinceMs) / 1000);
    unfinished += `workqueue_unfinished_work_seconds{${label}} ${seconds.reduce((sum, each) => sum + each, 0)}\n`;
    longest += `workqueue_longest_running_processor_seconds{${label}} ${seconds.reduce((most, each) => Math.max(most, each), 0)}\n`;
    controllers += `running_managed_controllers{manager="kube-controller-manager",${label}} ${Number(isLeading)}\n`;
  }
  const queues = `${adds}${depth}${retries}${errors}${durations}${waits}${unfinished}${longest}${controllers}`;
  const text = `${await registry.metrics()}\n${leaderStatusText('kube-controller-manager', isLeading)}${queues}${metrics.ownText()}`;
  return { contentType: registry.contentType, text };
}

/** @param counts by bucket of `DURATION_BUCKETS_SECONDS`, not cumulative */
function histogram(name: string, label: string, counts: readonly number[], sumSeconds: number): string {
  let sum = 0;
  let text = '';
  for (const [i, count] of counts.entries()) {
    sum += count;
    text += `${name}_bucket{${label},le="${DURATION_BUCKETS_SECONDS[i] ?? '+Inf'}"} ${sum}\n`;
  }
  return `${text}${name}_sum{${label}} ${sumSeconds}\n${name}_count{${label}} ${sum}\n`;
}
