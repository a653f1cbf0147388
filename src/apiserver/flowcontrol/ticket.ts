import type { RequestInfo, UserInfo } from '../contracts.ts';

export type Rejection = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';

/** What there has been of one FlowSchema, and what there is. Kept when schemas are read again. */
export interface FlowCounts {
  waiting: number;
  /** Seats of those that wait. */
  waitingSeats: number;
  executing: number;
  /** Seats of those that execute. */
  seats: number;
  dispatched: number;
  readonly rejected: Map<Rejection, number>;
}

export const noCounts = (): FlowCounts => ({
  waiting: 0,
  waitingSeats: 0,
  executing: 0,
  seats: 0,
  dispatched: 0,
  rejected: new Map(),
});

/** A request that waits for seats, or has them until it gives the ticket back. */
export interface Ticket {
  /** Of its FlowSchema. */
  readonly flow: string;
  /** What tells flows of one schema apart: a user, a namespace or nothing. */
  readonly distinguisher: string;
  readonly counts: FlowCounts;
  readonly seats: number;
  readonly user: UserInfo;
  readonly info: RequestInfo;
  readonly arrivedMs: number;
  startedMs: number;
  /** The queue that it waits or waited in; -1 for none. */
  queue: number;
}
