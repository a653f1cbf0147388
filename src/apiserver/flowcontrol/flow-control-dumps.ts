import type { Handler } from '../contracts.ts';
import { sendText } from '../response/send.ts';
import type { FlowControl } from './flow-control.ts';

/** `/debug/api_priority_and_fairness/dump_*`: what upstream prints for somebody who looks for the reason of a wait. */
export function flowControlDumps(control: FlowControl): ReadonlyMap<string, Handler> {
  const serve =
    (rows: () => readonly (readonly (string | number | boolean)[])[]): Handler =>
    async (_context, response) =>
      sendText(response, 200, formatTable(rows()));
  const root = '/debug/api_priority_and_fairness';
  return new Map([
    [`${root}/dump_priority_levels`, serve(() => priorityLevelRows(control))],
    [`${root}/dump_queues`, serve(() => queueRows(control))],
  ]);
}

function priorityLevelRows({ levels }: FlowControl): (string | number | boolean)[][] {
  const head = ['PriorityLevelName', 'ActiveQueues', 'IsIdle', 'IsQuiescing', 'WaitingRequests', 'ExecutingRequests'];
  const counters = ['DispatchedRequests', 'RejectedRequests', 'TimedoutRequests', 'CancelledRequests'];
  const rows = [...levels.values()].map((level) => {
    const { rejected, waiting, executing } = level;
    const full = (rejected.get('queue-full') ?? 0) + (rejected.get('concurrency-limit') ?? 0);
    const left = [full, rejected.get('time-out') ?? 0, rejected.get('cancelled') ?? 0];
    return [level.name, level.activeQueues, waiting + executing === 0, false, waiting, executing, level.dispatched, ...left];
  });
  return [[...head, ...counters], ...rows.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))];
}

function queueRows({ levels }: FlowControl): (string | number)[][] {
  const rows = [...levels.values()].flatMap((level) => level.queueLengths().map((length, i) => [level.name, i, length]));
  return [['PriorityLevelName', 'Index', 'PendingRequests'], ...rows];
}

/** Cells with commas behind them, in columns, as Go's tabwriter sets them. */
export function formatTable(rows: readonly (readonly (string | number | boolean)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => `${cell},`));
  const widths = (cells[0] ?? []).map((_, i) => Math.max(8, ...cells.map((row) => (row[i] ?? '').length + 1)));
  return cells
    .map((row) => `${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('')}\n`)
    .join('');
}
