import type { V1PriorityLevelConfigurationSpec } from '../../api/gen/types.ts';
import type { Clock, Timer } from '../../std/clock.ts';
import { dealHand } from './shuffle-sharding.ts';
import type { Rejection, Ticket } from './ticket.ts';

interface Waiting {
  readonly ticket: Ticket;
  readonly settle: (rejection: Rejection | undefined) => void;
}

/** Requests that wait, with the virtual time at which the next of them may start. */
interface Queue {
  waiting: Waiting[];
  start: number;
}

export interface Wait {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What a level may use of the server's seats. */
export interface Limits {
  readonly nominal: number;
  /** Never lent to others. */
  readonly minimum: number;
  /** With what it may borrow. */
  readonly maximum: number;
}

const NOTHING: Limits = { nominal: 0, minimum: 0, maximum: 0 };

/** One PriorityLevelConfiguration at work: who runs, who waits, and in which of its queues. */
export class PriorityLevel {
  readonly name: string;
  uid: string;
  spec: V1PriorityLevelConfigurationSpec;
  limits: Limits = NOTHING;
  /** Seats in use. */
  inUse = 0;
  waiting = 0;
  dispatched = 0;
  /** Its object is gone: nobody comes any more, and who waits still gets a turn. */
  quiescing = false;
  readonly rejected = new Map<Rejection, number>();
  readonly #running = new Set<Ticket>();
  /** Those that somebody has waited in: there may be ten million. */
  readonly #queues = new Map<number, Queue>();
  /** Virtual time: how much has been served of each queue that always had somebody waiting. */
  #time = 0;

  constructor(name: string, uid: string, spec: V1PriorityLevelConfigurationSpec) {
    this.name = name;
    this.uid = uid;
    this.spec = spec;
  }

  get exempt(): boolean {
    return this.spec.type === 'Exempt';
  }

  get activeQueues(): number {
    return [...this.#queues.values()].filter(({ waiting }) => waiting.length > 0).length;
  }

  /** Requests that have seats. */
  get executing(): number {
    return this.#running.size;
  }

  get running(): Iterable<Ticket> {
    return this.#running;
  }

  /** What waits in each queue that somebody has waited in, and the virtual time at which its next request may start. */
  queues(): readonly { readonly index: number; readonly waiting: readonly Ticket[]; readonly start: number }[] {
    const inOrder = [...this.#queues].sort(([a], [b]) => a - b);
    return inOrder.map(([index, { waiting, start }]) => ({ index, waiting: waiting.map(({ ticket }) => ticket), start }));
  }

  take(ticket: Ticket): void {
    const { counts, seats } = ticket;
    this.#running.add(ticket);
    this.inUse += seats;
    this.dispatched++;
    counts.seats += seats;
    counts.executing++;
    counts.dispatched++;
  }

  /** A ticket that has been given back already changes nothing. */
  give(ticket: Ticket): void {
    if (!this.#running.delete(ticket)) return;
    const { counts, seats } = ticket;
    this.inUse -= seats;
    counts.seats -= seats;
    counts.executing--;
  }

  reject({ counts }: Ticket, rejection: Rejection): Rejection {
    for (const rejected of [this.rejected, counts.rejected]) rejected.set(rejection, (rejected.get(rejection) ?? 0) + 1);
    return rejection;
  }

  /** Waits in the shortest of the flow's queues; resolves with undefined when its seats have been taken. */
  enqueue(ticket: Ticket, wait: Wait): Promise<Rejection | undefined> | Rejection {
    const queuing = this.spec.limited?.limitResponse?.queuing;
    if (this.spec.limited?.limitResponse?.type !== 'Queue' || !queuing) return this.reject(ticket, 'concurrency-limit');
    const { queues = 64, handSize = 8, queueLengthLimit = 50 } = queuing;
    let shortest = Number.POSITIVE_INFINITY;
    for (const card of dealHand(`${ticket.flow},${ticket.distinguisher}`, queues, Math.min(handSize, queues))) {
      const length = this.#queues.get(card)?.waiting.length ?? 0;
      if (length >= shortest) continue;
      shortest = length;
      ticket.queue = card;
    }
    if (shortest >= queueLengthLimit) return this.reject(ticket, 'queue-full');
    const queue = this.#queues.get(ticket.queue) ?? { waiting: [], start: 0 };
    this.#queues.set(ticket.queue, queue);
    return this.#wait(queue, ticket, wait);
  }

  #wait(queue: Queue, ticket: Ticket, { clock, timeoutMs, signal }: Wait): Promise<Rejection | undefined> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const settle = (rejection: Rejection | undefined) => {
        timer?.cancel();
        signal.removeEventListener('abort', onAbort);
        this.waiting--;
        ticket.counts.waiting--;
        ticket.counts.waitingSeats -= ticket.seats;
        if (rejection) this.reject(ticket, rejection);
        else ticket.startedMs = clock.now();
        resolve(rejection);
      };
      const leave = (rejection: Rejection) => {
        queue.waiting = queue.waiting.filter((other) => other !== entry);
        settle(rejection);
      };
      const onAbort = () => leave('cancelled');
      const entry: Waiting = { ticket, settle };
      // A queue that was empty has no claim on the time before.
      if (queue.waiting.length === 0) queue.start = Math.max(queue.start, this.#time);
      queue.waiting.push(entry);
      this.waiting++;
      ticket.counts.waiting++;
      ticket.counts.waitingSeats += ticket.seats;
      timer = clock.setTimer(timeoutMs, () => leave('time-out'));
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The queue whose turn it is: the one that has been served least. */
  #next(): Queue | undefined {
    let best: Queue | undefined;
    for (const queue of this.#queues.values()) if (queue.waiting.length && (!best || queue.start < best.start)) best = queue;
    return best;
  }

  /** Lets those go on who have waited, as long as `fits` says that there are seats. */
  dispatch(fits: (seats: number) => boolean): void {
    while (this.waiting > 0) {
      const queue = this.#next();
      const head = queue?.waiting[0];
      if (!queue || !head || !fits(head.ticket.seats)) return;
      queue.waiting.shift();
      this.#time = queue.start;
      queue.start += head.ticket.seats;
      this.take(head.ticket);
      head.settle(undefined);
    }
  }

  get idle(): boolean {
    return this.waiting + this.#running.size === 0;
  }
}
