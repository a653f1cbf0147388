import { tooManyRequests } from '../../api/machinery/status-error.ts';
import type { Filter, RequestInfo, UserInfo } from '../contracts.ts';
import { isLongRunning } from './long-running.ts';

export interface InFlightLimits {
  /** Reading requests at a time; 0 is no limit. */
  readonly readOnly: number;
  readonly mutating: number;
}

/** How many requests run, for the metric. */
export interface InFlightCounts {
  readOnly: number;
  mutating: number;
  /** Those that wait for their turn, where there are queues. */
  readonly waiting?: { readOnly: number; mutating: number };
}

const READING: ReadonlySet<string> = new Set(['get', 'list', 'watch']);

/** Refuses with 429 what is too much at a time (apiserver/pkg/server/filters/maxinflight.go). Long-running requests and system:masters do not count. */
export function createMaxInFlightFilter(limits: InFlightLimits, counts: InFlightCounts): Filter {
  return (next) => async (context, response) => {
    if (isLongRunning(context.info)) return next(context, response);
    const kind = isReading(context.info) ? 'readOnly' : 'mutating';
    if (limits[kind] > 0 && counts[kind] >= limits[kind] && !isMaster(context.user))
      throw tooManyRequests('the server has received too many requests and has asked us to try again later', 1);
    counts[kind]++;
    try {
      await next(context, response);
    } finally {
      counts[kind]--;
    }
  };
}

const isReading = ({ verb }: RequestInfo) => READING.has(verb);
const isMaster = (user: UserInfo) => user.groups.includes('system:masters');
