import type { Clock } from '../../std/clock.ts';
import type { Histogram } from '../../std/metric.ts';
import type { Filter, RequestContext, RequestInfo } from '../contracts.ts';
import { isLongRunning } from '../filters/long-running.ts';
import type { InFlightCounts } from '../filters/max-in-flight.ts';
import { sendText } from '../response/send.ts';
import { DroppedRequests } from './dropped-requests.ts';
import type { FlowControl } from './flow-control.ts';
import type { ExecutionMetrics } from './flow-control-metrics.ts';
import { type StoredStats, widthOf } from './request-width.ts';

const READING: ReadonlySet<string> = new Set(['get', 'list', 'watch']);
/** A watch whose client does not read what there is gives its seats back at the latest after this time. */
const LONGEST_BEGINNING_MS = 60_000;

export interface FlowControlFilterDeps {
  readonly control: FlowControl;
  /** For the metric. */
  readonly counts: InFlightCounts;
  readonly waits?: Pick<Histogram, 'observe'>;
  readonly executions?: Pick<ExecutionMetrics, 'arrived' | 'executed'>;
  /** What there is of a kind that is stored here. */
  readonly stored: (info: RequestInfo) => StoredStats | undefined;
  readonly clock: Pick<Clock, 'now' | 'steady' | 'setTimer'>;
}

/** Lets a request run when its flow has a seat, after its turn in a queue if need be (apiserver/pkg/server/filters/priority-and-fairness.go). */
export function createFlowControlFilter({ control, counts, waits, executions, stored, clock }: FlowControlFilterDeps): Filter {
  const dropped = new DroppedRequests(clock);
  return (next) => async (context, response) => {
    const { user, info, request, answerHeaders } = context;
    const longRunning = isLongRunning(info);
    // Connections that their client keeps as long as it wishes count for nothing; watches have their seats until what there is has been
    // sent, and connections to extension servers that are to speak another protocol until they begin.
    if (longRunning && info.verb !== 'watch') return next(context, response);
    const begins = !longRunning && request.takeOver !== undefined;
    const flow = control.classify(user, info);
    if (answerHeaders) {
      answerHeaders['x-kubernetes-pf-flowschema-uid'] = flow.uid;
      answerHeaders['x-kubernetes-pf-prioritylevel-uid'] = flow.level.uid;
    }
    const seats = flow.level.exempt ? 1 : control.widthIn(flow, widthOf(info, request.query, stored));
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
    if (longRunning) {
      const release = once(() => {
        latest.cancel();
        control.release(flow, ticket);
        executed();
      });
      const latest = clock.setTimer(LONGEST_BEGINNING_MS, () => release());
      context.begun = release;
      try {
        return await next(context, response);
      } finally {
        release();
      }
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

function once(call: () => void): () => void {
  let called = false;
  return () => {
    if (called) return;
    called = true;
    call();
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
