import { leaderStatusText } from '../../client/leader-status-text.ts';
import { DURATION_BUCKETS_SECONDS, type LoopMetrics } from '../../client/loop-metrics.ts';
import { header, METRICS_TYPE } from '../../std/metric.ts';
import { processMetrics } from '../../std/process-metrics.ts';

/** The manager's metrics in Prometheus' text format, under the names that client-go's work queues have. */
export async function formatMetrics(
  metrics: LoopMetrics,
  isLeading: boolean,
  startMs: number,
): Promise<{ contentType: string; text: string }> {
  let adds = header('workqueue_adds_total', 'Keys added to the queue', 'counter');
  let depth = header('workqueue_depth', 'Keys that wait', 'gauge');
  let retries = header('workqueue_retries_total', 'Keys added again after a delay', 'counter');
  let errors = header('controller_reconcile_errors_total', 'Reconciliations that failed', 'counter');
  let durations = header('workqueue_work_duration_seconds', 'How long working on a key took', 'histogram');
  let waits = header('workqueue_queue_duration_seconds', 'How long a key that was due waited', 'histogram');
  let unfinished = header('workqueue_unfinished_work_seconds', 'How long what is worked on now has taken, all together', 'gauge');
  let longest = header(
    'workqueue_longest_running_processor_seconds',
    'How long the longest of what is worked on now has taken',
    'gauge',
  );
  let controllers = header('running_managed_controllers', 'Loops that run in this manager', 'gauge');
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
  const ofProcess = processMetrics(startMs).map((metric) => metric.render());
  const text = `${ofProcess.join('')}${leaderStatusText('kube-controller-manager', isLeading)}${queues}${metrics.ownText()}`;
  return { contentType: METRICS_TYPE, text };
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
