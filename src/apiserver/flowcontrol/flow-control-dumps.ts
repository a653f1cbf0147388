import { formatTime } from '../../api/machinery/object.ts';
import type { Handler, RequestContext } from '../contracts.ts';
import { sendText } from '../response/send.ts';
import type { FlowControl } from './flow-control.ts';
import type { Ticket } from './ticket.ts';

type Row = readonly (string | number | boolean)[];

/** `/debug/api_priority_and_fairness/dump_*`: what upstream prints for somebody who looks for the reason of a wait. */
export function flowControlDumps(control: FlowControl): ReadonlyMap<string, Handler> {
  const serve =
    (rows: (query: RequestContext['request']['query']) => readonly Row[]): Handler =>
    async ({ request }, response) =>
      sendText(response, 200, formatTable(rows(request.query)));
  const root = '/debug/api_priority_and_fairness';
  return new Map([
    [`${root}/dump_priority_levels`, serve(() => priorityLevelRows(control))],
    [`${root}/dump_queues`, serve(() => queueRows(control))],
    [`${root}/dump_requests`, serve((query) => requestRows(control, Boolean(query.get('includeRequestDetails'))))],
  ]);
}

function priorityLevelRows({ levels }: FlowControl): Row[] {
  const head = ['PriorityLevelName', 'ActiveQueues', 'IsIdle', 'IsQuiescing', 'WaitingRequests', 'ExecutingRequests'];
  const counters = ['DispatchedRequests', 'RejectedRequests', 'TimedoutRequests', 'CancelledRequests'];
  const rows = [...levels.values()].map((level) => {
    const { rejected, waiting, executing } = level;
    const full = (rejected.get('queue-full') ?? 0) + (rejected.get('concurrency-limit') ?? 0);
    const left = [full, rejected.get('time-out') ?? 0, rejected.get('cancelled') ?? 0];
    return [level.name, level.activeQueues, level.idle, level.quiescing, waiting, executing, level.dispatched, ...left];
  });
  return [[...head, ...counters], ...rows.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))];
}

const seatsOf = (tickets: readonly Ticket[]) => tickets.reduce((sum, { seats }) => sum + seats, 0);

/** Seat-seconds as upstream shows them. What a request will take is not estimated here: it counts its seats. */
const work = (seats: number) => `${seats.toFixed(8)}ss`;

function queueRows({ levels }: FlowControl): Row[] {
  const head = ['PriorityLevelName', 'Index', 'PendingRequests', 'ExecutingRequests', 'SeatsInUse', 'NextDispatchR'];
  const sums = ['InitialSeatsSum', 'MaxSeatsSum', 'TotalWorkSum'];
  const rows = [...levels.values()].flatMap((level) => {
    const running = Map.groupBy(level.running, ({ queue }) => queue);
    return level.queues().map(({ index, waiting, start }): Row => {
      const executing = running.get(index) ?? [];
      const seats = seatsOf(waiting);
      return [level.name, index, waiting.length, executing.length, seatsOf(executing), work(start), seats, seats, work(seats)];
    });
  });
  return [[...head, ...sums], ...rows];
}

function requestRows({ levels }: FlowControl, detailed: boolean): Row[] {
  const head = ['PriorityLevelName', 'FlowSchemaName', 'QueueIndex', 'RequestIndexInQueue', 'FlowDistingsher', 'ArriveTime'];
  const costs = ['InitialSeats', 'FinalSeats', 'AdditionalLatency', 'StartTime'];
  const details = ['UserName', 'Verb', 'APIPath', 'Namespace', 'Name', 'APIVersion', 'Resource', 'SubResource'];
  const rowOf = (level: string, at: number, ticket: Ticket, startedMs: number | undefined): Row => {
    const { flow, queue, distinguisher, arrivedMs, seats, user, info } = ticket;
    const started = startedMs === undefined ? NOT_YET : formatTime(startedMs);
    const row = [level, flow, queue, at, distinguisher, formatTime(arrivedMs), seats, 0, '0s', started];
    const { verb, path, namespace, name, group, version, resource, subresource } = info;
    const apiVersion = group ? `${group}/${version}` : version;
    return detailed ? [...row, user.name, verb, path, namespace, name, apiVersion, resource, subresource] : row;
  };
  const rows = [...levels.values()].flatMap((level) => [
    ...level.queues().flatMap(({ waiting }) => waiting.map((ticket, at) => rowOf(level.name, at, ticket, undefined))),
    ...[...level.running].map((ticket) => rowOf(level.name, -1, ticket, ticket.startedMs)),
  ]);
  return [[...head, ...costs, ...(detailed ? details : [])], ...rows];
}

/** Go's zero time. */
const NOT_YET = '0001-01-01T00:00:00Z';

/** Cells with commas between them, in columns, as Go's tabwriter sets them (minimal width 8, padding 1). */
export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => row.map((cell, i) => (i === row.length - 1 ? String(cell) : `${cell},`)));
  const widths = (cells[0] ?? []).map((_, i) => Math.max(8, ...cells.map((row) => (row[i] ?? '').length + 1)));
  return cells
    .map((row) => `${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('')}\n`)
    .join('');
}
