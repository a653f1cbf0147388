import { CountedElsewhere, Gauge, Histogram, type Metric } from '../../std/metric.ts';
import type { FlowControl } from './flow-control.ts';
import type { FlowCounts } from './ticket.ts';

/** How long requests wait for their turn; those that need not wait, too. */
export const createWaitMetric = (): Histogram =>
  new Histogram(
    'apiserver_flowcontrol_request_wait_duration_seconds',
    'Length of time a request spent waiting in its queue',
    ['execute', 'flow_schema', 'priority_level'],
    [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
  );

/** How wide requests are, and how long they have their seats: those that only begin for that alone. */
export class ExecutionMetrics implements Metric {
  readonly #seats = new Histogram(
    'apiserver_flowcontrol_work_estimated_seats',
    'Number of estimated seats (maximum of initial and final seats) associated with requests in API Priority and Fairness',
    ['flow_schema', 'priority_level'],
    [1, 2, 4, 8, 16, 32, 64, 100],
  );
  readonly #seconds = new Histogram(
    'apiserver_flowcontrol_request_execution_seconds',
    'Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem',
    ['flow_schema', 'priority_level', 'type'],
    [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
  );

  arrived(flow: string, level: string, seats: number): void {
    this.#seats.observe(seats, flow, level);
  }

  executed(flow: string, level: string, watch: boolean, seconds: number): void {
    this.#seconds.observe(seconds, flow, level, watch ? 'watch' : 'regular');
  }

  render(): string {
    return this.#seats.render() + this.#seconds.render();
  }
}

/** Upstream's metrics of priority and fairness; counted where requests are let in, and read when scraped. */
export function createFlowControlMetrics(control: FlowControl, waits: Metric, executions?: Metric): Metric {
  const perLevel = (read: (level: ReturnType<FlowControl['levels']['get']> & object) => number) => () =>
    [...control.levels.values()].map((level) => [[level.name], read(level)] as const);
  const perFlow = (read: (counts: FlowCounts) => number) => () =>
    control.flows.map(({ name, level, counts }) => [[name, level.name], read(counts)] as const);
  const metrics: Metric[] = [
    waits,
    ...(executions ? [executions] : []),
    new CountedElsewhere(
      'apiserver_flowcontrol_dispatched_requests_total',
      'Number of requests executed by API Priority and Fairness subsystem',
      ['flow_schema', 'priority_level'],
      perFlow(({ dispatched }) => dispatched),
    ),
    new CountedElsewhere(
      'apiserver_flowcontrol_rejected_requests_total',
      'Number of requests rejected by API Priority and Fairness subsystem',
      ['flow_schema', 'priority_level', 'reason'],
      () =>
        control.flows.flatMap(({ name, level, counts }) =>
          [...counts.rejected].map(([reason, n]) => [[name, level.name, reason], n] as const),
        ),
    ),
    new Gauge(
      'apiserver_flowcontrol_current_inqueue_requests',
      'Number of requests currently pending in queues of the API Priority and Fairness subsystem',
      ['flow_schema', 'priority_level'],
      perFlow(({ waiting }) => waiting),
    ),
    new Gauge(
      'apiserver_flowcontrol_current_executing_requests',
      'Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem',
      ['flow_schema', 'priority_level'],
      perFlow(({ executing }) => executing),
    ),
    new Gauge(
      'apiserver_flowcontrol_current_executing_seats',
      'Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any stage otherwise) requests in the API Priority and Fairness subsystem',
      ['flow_schema', 'priority_level'],
      perFlow(({ seats }) => seats),
    ),
    new Gauge(
      'apiserver_flowcontrol_current_inqueue_seats',
      'Number of seats currently pending in queues of the API Priority and Fairness subsystem',
      ['flow_schema', 'priority_level'],
      perFlow(({ waitingSeats }) => waitingSeats),
    ),
    new Gauge(
      'apiserver_flowcontrol_nominal_limit_seats',
      'Nominal number of execution seats configured for each priority level',
      ['priority_level'],
      perLevel(({ limits }) => limits.nominal),
    ),
    new Gauge(
      'apiserver_flowcontrol_lower_limit_seats',
      'Configured lower bound on number of execution seats available to each priority level',
      ['priority_level'],
      perLevel(({ limits }) => limits.minimum),
    ),
    new Gauge(
      'apiserver_flowcontrol_upper_limit_seats',
      'Configured upper bound on number of execution seats available to each priority level',
      ['priority_level'],
      perLevel(({ limits }) => limits.maximum),
    ),
  ];
  return { render: () => metrics.map((metric) => metric.render()).join('') };
}
