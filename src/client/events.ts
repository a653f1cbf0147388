import type { CoreV1Event } from '../api/gen/types.ts';
import type { ResourceKind } from '../api/machinery/kind.ts';
import { isStatus, StatusError } from '../api/machinery/status-error.ts';
import type { Calm } from '../std/calm.ts';
import type { Clock } from '../std/clock.ts';
import type { Logger } from '../std/logger.ts';
import type { Client } from './client.ts';
import { countPatch, EventCorrelator, type EventPlan, type EventSubject, makeEvent } from './event-correlator.ts';
import { createTokenBucket, type TokenBucket } from './transport/rate-limit.ts';

export type { EventSubject } from './event-correlator.ts';

const EVENT: ResourceKind = { group: '', version: 'v1', kind: 'Event', resource: 'events', namespaced: true };

export interface EventRecorderOptions {
  client: Client;
  /** `source.component` and `reportingController`: `kubelet`. */
  component: string;
  /** `source.host`: the node's name. */
  host?: string;
  /** Events a second in the long run, and at once; the others wait. `qps` 0: no limit, which is the default. */
  limit?: { readonly qps: number; readonly burst: number };
  /** Where the API server is in this process: Events are written when it has time for them. */
  calm?: Calm | undefined;
  clock: Clock;
  logger: Logger;
  /** Ends the sending of what waits. */
  signal?: AbortSignal;
}

export interface EventRecorder {
  /** Tells of something that happened to `object`. Returns at once and never fails; what cannot be sent is logged. */
  event(object: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Resolves when nothing waits any more. */
  flush(): Promise<void>;
}

/** As client-go: more than so many that wait are dropped. */
const MAX_QUEUE = 1000;
/** With more of them nothing is put off. */
const SHORT_QUEUE = MAX_QUEUE / 4;
const MAX_ATTEMPTS = 12;
const RETRY_MS = 10_000;
/** The API server refuses longer ones. */
const MAX_MESSAGE = 1024;

/** Writes Events, one after the other, without ever holding up who records them. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new QueueingRecorder(options);
}

class QueueingRecorder implements EventRecorder {
  #options: EventRecorderOptions;
  #correlator: EventCorrelator;
  #queue: CoreV1Event[] = [];
  #sending: Promise<void> | undefined;
  #count = 0;
  #dropped = 0;
  #bucket: TokenBucket | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    const { limit, clock } = options;
    if (limit && limit.qps > 0) this.#bucket = createTokenBucket({ ...limit, clock });
    this.#correlator = new EventCorrelator(options.clock);
  }

  event(subject: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { clock, component, host, logger, signal } = this.#options;
    if (signal?.aborted) return;
    if (this.#queue.length >= MAX_QUEUE) {
      if (this.#dropped++ === 0) logger.warn('The queue of events is full; events are dropped', { limit: MAX_QUEUE });
      return;
    }
    this.#dropped = 0;
    const what = { type, reason, message: message.slice(0, MAX_MESSAGE) };
    this.#queue.push(makeEvent(subject, { component, host }, what, clock.now(), this.#count++));
    this.#begin();
  }

  #begin(): void {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
      // Told of after the queue was found empty, and before this.
      if (this.#queue.length > 0 && !this.#options.signal?.aborted) this.#begin();
    });
  }

  async flush(): Promise<void> {
    while (this.#sending !== undefined) await this.#sending;
  }

  async #send(): Promise<void> {
    for (let event = this.#queue.shift(); event; event = this.#queue.shift()) {
      if (this.#options.signal?.aborted) return;
      const plan = this.#correlator.plan(event);
      if (plan.action === 'drop') continue;
      const delayMs = this.#bucket?.take() ?? 0;
      // Rejects only when aborted, which ends the loop.
      if (delayMs > 0) await this.#options.clock.sleep(delayMs, this.#options.signal).catch(() => undefined);
      if (this.#queue.length < SHORT_QUEUE) await this.#options.calm?.come();
      await this.#deliver(plan);
    }
  }

  /** An answer is final, whatever it is; no answer is tried again, as client-go does. */
  async #deliver(plan: Exclude<EventPlan, { action: 'drop' }>): Promise<void> {
    const { clock, logger, signal } = this.#options;
    const about = { reason: plan.event.reason, object: plan.event.involvedObject.name };
    for (let attempt = 1; !signal?.aborted; attempt++) {
      try {
        this.#correlator.wasWritten(plan.key, await this.#write(plan));
        return;
      } catch (error) {
        if (signal?.aborted) return;
        if (error instanceof StatusError || attempt >= MAX_ATTEMPTS) {
          logger.warn('Unable to write event', { error, ...about });
          return;
        }
        logger.debug(2, 'Unable to write event (may retry after sleeping)', { error, ...about });
        // Rejects only when aborted, which ends the loop.
        await clock.sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  async #write(plan: Exclude<EventPlan, { action: 'drop' }>): Promise<CoreV1Event> {
    const { signal } = this.#options;
    const events = this.#options.client.resource<CoreV1Event>(EVENT, plan.event.metadata.namespace);
    if (plan.action === 'patch') {
      try {
        return await events.patch(plan.name, countPatch(plan.event), { type: 'strategic', signal });
      } catch (error) {
        if (!isStatus(error, 'NotFound')) throw error;
        this.#correlator.wasForgotten(plan.key);
      }
    }
    return events.create(plan.event, { signal });
  }
}
