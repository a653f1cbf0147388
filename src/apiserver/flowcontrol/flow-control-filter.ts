import type { Clock } from '../../std/clock.ts';
import type { Histogram } from '../../std/metric.ts';
import type { Filter, RequestContext, RequestInfo } from '../contracts.ts';
import { isLongRunning } from '../filters/long-running.ts';
import type { InFlightCounts } from '../filters/max-in-flight.ts';
import { sendText } from '../response/send.ts';
import { DroppedRequests } from './dropped-requests.ts';
import type { FlowControl } from './flow-control.ts';
import type { ExecutionMetrics } from './flow-control-metrics.ts';

const READING: ReadonlySet<string> = new Set(['get', 'list', 'watch']);
const OBJECTS_A_SEAT = 100;
const MOST_SEATS = 10;

export interface FlowControlFilterDeps {
  readonly control: FlowControl;
  /** For the metric. */
  readonly counts: InFlightCounts;
  readonly waits?: Pick<Histogram, 'observe'>;
  readonly executions?: Pick<ExecutionMetrics, 'arrived' | 'executed'>;
  /** About how many objects of a kind there are. */
  readonly objectCount: (info: RequestInfo) => number;
  readonly clock: Pick<Clock, 'now'>;
}

/** Lets a request run when its flow has a seat, after its turn in a queue if need be (apiserver/pkg/server/filters/priority-and-fairness.go). */
export function createFlowControlFilter({
  control,
  counts,
  waits,
  executions,
  objectCount,
  clock,
}: FlowControlFilterDeps): Filter {
  const dropped = new DroppedRequests(clock);
  return (next) => async (context, response) => {
    const { user, info, request, answerHeaders } = context;
    const longRunning = isLongRunning(info);
    // Connections that their client keeps as long as it wishes count for nothing; watches wait for their turn to begin, and so do
    // connections to extension servers that are to speak another protocol.
    if (longRunning && info.verb !== 'watch') return next(context, response);
    const begins = longRunning || request.takeOver !== undefined;
    const flow = control.classify(user, info);
    if (answerHeaders) {
      answerHeaders['x-kubernetes-pf-flowschema-uid'] = flow.uid;
      answerHeaders['x-kubernetes-pf-prioritylevel-uid'] = flow.level.uid;
    }
    const seats = flow.level.exempt ? 1 : control.widthIn(flow, widthOf(info, request.query, objectCount));
    executions?.arrived(flow.name, flow.level.name, seats);
    const kind = READING.has(info.verb) ? 'readOnly' : 'mutating';
    const asked = control.acquire(flow, seats, { user, info, signal: () => request.signal, waitMs: waitOf(context) });
    const ticket = asked instanceof Promise ? await waited(asked, context, counts, kind) : asked;
    const startMs = performance.now();
    const executed = () => executions?.executed(flow.name, flow.level.name, longRunning, (performance.now() - startMs) / 1000);
    const rejected = typeof ticket === 'string';
    if (!flow.level.exempt) waits?.observe((context.waitedMs ?? 0) / 1000, String(!rejected), flow.name, flow.level.name);
    if (rejected) {
      const seconds = dropped.note(flow.level.name);
      if (answerHeaders) answerHeaders['retry-after'] = String(seconds);
      return sendText(response, 429, 'Too many requests, please try again later.\n');
    }
    if (begins) {
      control.release(flow, ticket);
      executed();
      return next(context, response);
    }
    counts[kind]++;
    try {
      await next(context, response);
    } finally {
      counts[kind]--;
      control.release(flow, ticket);
      executed();
    }
  };
}

/** A quarter of the time that the request has; others may wait as long as the server has it. */
const waitOf = ({ deadlineMs }: RequestContext) =>
  deadlineMs === undefined ? undefined : Math.max(0, deadlineMs - performance.now()) / 4;

async function waited<T>(
  turn: Promise<T>,
  context: RequestContext,
  { waiting }: InFlightCounts,
  kind: 'readOnly' | 'mutating',
): Promise<T> {
  const startMs = performance.now();
  if (waiting) waiting[kind]++;
  try {
    return await turn;
  } finally {
    context.waitedMs = performance.now() - startMs;
    if (waiting) waiting[kind]--;
  }
}

/** A list is as wide as there is to be read (apiserver/pkg/util/flowcontrol/request/list_work_estimator.go); everything else takes one seat. */
export function widthOf(info: RequestInfo, query: URLSearchParams, objectCount: (info: RequestInfo) => number): number {
  if (info.verb !== 'list' || info.name !== '') return 1;
  const stored = objectCount(info);
  const limit = Number(query.get('limit') ?? 0);
  const read = limit > 0 ? Math.min(limit, stored) : stored;
  return Math.max(1, Math.min(MOST_SEATS, Math.ceil(read / OBJECTS_A_SEAT)));
}
