import type { DecisionPoint, PointStatus } from './decide.ts';

/** A histogram's counts by labels, in the shape in which Prometheus prints them. */
export interface HistogramData {
  readonly buckets: readonly number[];
  /** Labels as they are printed → counts of each bucket and of what is larger than all. */
  readonly series: ReadonlyMap<string, { readonly counts: readonly number[]; readonly sum: number }>;
}

export class Counter {
  readonly series = new Map<string, number>();

  add(labels: Readonly<Record<string, string>>, by = 1): void {
    const key = labelText(labels);
    this.series.set(key, (this.series.get(key) ?? 0) + by);
  }
}

export class Histogram implements HistogramData {
  readonly buckets: readonly number[];
  readonly series = new Map<string, { counts: number[]; sum: number }>();

  constructor(buckets: readonly number[]) {
    this.buckets = buckets;
  }

  observe(labels: Readonly<Record<string, string>>, value: number): void {
    this.#observe(labelText(labels), value);
  }

  /** The same where the labels are the same again and again. */
  withLabels(labels: Readonly<Record<string, string>>): (value: number) => void {
    const key = labelText(labels);
    return (value) => this.#observe(key, value);
  }

  #observe(key: string, value: number): void {
    const known = this.series.get(key) ?? { counts: new Array<number>(this.buckets.length + 1).fill(0), sum: 0 };
    const at = this.buckets.findIndex((bound) => value <= bound);
    known.counts[at < 0 ? this.buckets.length : at]!++;
    known.sum += value;
    this.series.set(key, known);
  }
}

/** `a="1",b="2"`; values are escaped as the text format wants it. */
function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`)
    .join(',');
}

/** `count` bounds from `start` on, each `factor` times the one before. */
const exponential = (start: number, factor: number, count: number) =>
  Array.from({ length: count }, (_, i) => Number((start * factor ** i).toPrecision(12)));

const ATTEMPT_SECONDS = exponential(0.001, 2, 15);

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';

/** What the scheduler counts, under upstream's names without their prefix (pkg/scheduler/metrics/metrics.go). Times are in seconds. */
export class SchedulerMetrics {
  readonly scheduleAttempts = new Counter();
  readonly attemptDuration = new Histogram(ATTEMPT_SECONDS);
  readonly algorithmDuration = new Histogram(ATTEMPT_SECONDS);
  readonly sliDuration = new Histogram(exponential(0.01, 2, 20));
  readonly podAttempts = new Histogram(exponential(1, 2, 5));
  readonly preemptionAttempts = new Counter();
  readonly preemptionVictims = new Histogram(exponential(1, 2, 7));
  readonly incomingPods = new Counter();
  readonly resourceClaimCreates = new Counter();
  readonly scheduledOverdue = new Counter();
  readonly deviceWaits = new Counter();
  readonly deviceWaitDuration = new Histogram(exponential(0.1, 2, 14));
  readonly pointDuration = new Histogram(exponential(0.0001, 2, 12));
  readonly #points = new Map<string, (seconds: number) => void>();

  attempt(profile: string, result: AttemptResult, seconds: number): void {
    this.scheduleAttempts.add({ profile, result });
    this.attemptDuration.observe({ profile, result }, seconds);
  }

  /** Devices of a driver had to be made ready before a pod was bound. */
  devicesAwaited(labels: { readonly profile: string; readonly driver: string; readonly status: string }, seconds: number): void {
    this.deviceWaits.add(labels);
    this.deviceWaitDuration.observe(labels, seconds);
  }

  /** How long all rules took together at a point. */
  point(profile: string, point: DecisionPoint, status: PointStatus, seconds: number): void {
    const key = `${point} ${status} ${profile}`;
    const observe = this.#points.get(key) ?? this.pointDuration.withLabels({ extension_point: point, profile, status });
    this.#points.set(key, observe);
    observe(seconds);
  }
}

/** What is read when somebody asks. */
export interface SchedulerGauges {
  readonly pendingPods: Readonly<Record<string, number>>;
  /** How many pods wait that a rule has refused. */
  readonly unschedulablePods: readonly { readonly plugin: string; readonly profile: string; readonly count: number }[];
  readonly cachedNodes: number;
  readonly cachedPods: number;
}

/** The metrics in Prometheus' text format. */
export function formatSchedulerMetrics(metrics: SchedulerMetrics, gauges: SchedulerGauges): string {
  const lines: string[] = [];
  const head = (name: string, type: string, help: string) => lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  const counter = (name: string, help: string, { series }: Counter) => {
    head(name, 'counter', help);
    for (const [labels, value] of series) lines.push(`${name}${labels && `{${labels}}`} ${value}`);
  };
  const histogram = (name: string, help: string, { buckets, series }: HistogramData) => {
    head(name, 'histogram', help);
    for (const [labels, { counts, sum }] of series) {
      let total = 0;
      for (const [i, count] of counts.entries()) {
        total += count;
        lines.push(`${name}_bucket{${labels && `${labels},`}le="${buckets[i] ?? '+Inf'}"} ${total}`);
      }
      lines.push(`${name}_sum${labels && `{${labels}}`} ${sum}`, `${name}_count${labels && `{${labels}}`} ${total}`);
    }
  };
  counter('scheduler_schedule_attempts_total', 'Attempts to schedule pods, by the result', metrics.scheduleAttempts);
  histogram('scheduler_scheduling_attempt_duration_seconds', 'Time of an attempt, with binding', metrics.attemptDuration);
  histogram('scheduler_scheduling_algorithm_duration_seconds', 'Time of a decision', metrics.algorithmDuration);
  histogram('scheduler_pod_scheduling_sli_duration_seconds', "Time from a pod's first attempt to its place", metrics.sliDuration);
  histogram('scheduler_pod_scheduling_attempts', 'Attempts that pods needed', metrics.podAttempts);
  histogram('scheduler_framework_extension_point_duration_seconds', 'Time of all rules at a point', metrics.pointDuration);
  counter('scheduler_preemption_attempts_total', 'Attempts to make room', metrics.preemptionAttempts);
  histogram('scheduler_preemption_victims', 'Pods that had to go for one', metrics.preemptionVictims);
  counter('scheduler_queue_incoming_pods_total', 'Pods put into a queue, by the reason', metrics.incomingPods);
  counter(
    'scheduler_pod_scheduled_after_flush_total',
    'Pods that got a place when no event had let them be tried again',
    metrics.scheduledOverdue,
  );
  counter('scheduler_resourceclaim_creates_total', 'Claims made for extended resources', metrics.resourceClaimCreates);
  counter(
    'scheduler_dra_bindingconditions_allocations_total',
    'Attempts for which devices had to be made ready, by driver',
    metrics.deviceWaits,
  );
  histogram(
    'scheduler_dra_bindingconditions_wait_duration_seconds',
    'Time until devices were made ready, by driver',
    metrics.deviceWaitDuration,
  );
  head('scheduler_pending_pods', 'gauge', 'Pods that wait, by queue');
  for (const [queue, count] of Object.entries(gauges.pendingPods))
    lines.push(`scheduler_pending_pods{queue="${queue}"} ${count}`);
  head('scheduler_unschedulable_pods', 'gauge', 'Pods that wait, by the rules that have refused them');
  for (const { count, ...labels } of gauges.unschedulablePods)
    lines.push(`scheduler_unschedulable_pods{${labelText(labels)}} ${count}`);
  head('scheduler_cache_size', 'gauge', 'What the scheduler knows of');
  lines.push(
    `scheduler_cache_size{type="nodes"} ${gauges.cachedNodes}`,
    `scheduler_cache_size{type="pods"} ${gauges.cachedPods}`,
  );
  return `${lines.join('\n')}\n`;
}
