import { hash, randomUUID } from 'node:crypto';
import type { CoreV1Event } from '../api/gen/types.ts';
import { checkDnsSubdomain } from '../api/machinery/names.ts';
import { formatTime } from '../api/machinery/object.ts';
import type { Clock } from '../std/clock.ts';
import { createTokenBucket, type TokenBucket, type TokenBucketOptions } from './transport/rate-limit.ts';

/** What to write for an event: a new one, more of one that was written before, or nothing. */
export type EventPlan =
  | { readonly action: 'create'; readonly event: CoreV1Event; readonly key: string }
  | {
      readonly action: 'patch';
      readonly name: string;
      readonly namespace: string;
      readonly event: CoreV1Event;
      readonly key: string;
    }
  | { readonly action: 'drop' };

/** client-go's numbers (tools/record/events_cache.go). */
const MAX_ENTRIES = 4096;
const MAX_SIMILAR = 10;
const SIMILAR_WINDOW_MS = 600_000;
const SPAM_BURST = 25;
const SPAM_QPS = 1 / 300;

interface Similar {
  readonly messages: Set<string>;
  lastMs: number;
}

interface Written {
  readonly name: string;
  readonly firstTimestamp: string | undefined;
  count: number;
}

/**
 * client-go's event correlation: more than 10 events that differ only in their message within 10 minutes become one
 * "(combined from similar events)"; one that was written before is counted up instead; and one object gets no more than 25
 * at once and one in five minutes after that from one source. Memory is bounded, and what no longer matters goes sooner: one process may
 * have the correlators of a thousand nodes.
 */
export class EventCorrelator {
  #clock: Pick<Clock, 'now'>;
  #spamLimit: TokenBucketOptions;
  #similar = new Map<string, Similar>();
  #written = new Map<string, Written>();
  #buckets = new Map<string, TokenBucket>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
    this.#spamLimit = { qps: SPAM_QPS, burst: SPAM_BURST, clock };
  }

  /** How much it remembers. */
  get size(): number {
    return this.#similar.size + this.#written.size + this.#buckets.size;
  }

  plan(original: CoreV1Event): EventPlan {
    const { event, key } = this.#aggregate(original);
    if (!this.#bucketOf(event).tryTake()) return { action: 'drop' };
    const written = this.#written.get(key);
    if (!written) return { action: 'create', event, key };
    touch(this.#written, key, { ...written, count: written.count + 1 });
    const counted = { ...event, count: written.count + 1, firstTimestamp: written.firstTimestamp };
    return { action: 'patch', name: written.name, namespace: event.metadata.namespace!, event: counted, key };
  }

  /** The server has the event, so that the next one alike counts it up. */
  wasWritten(key: string, event: CoreV1Event): void {
    const count = event.count ?? 1;
    // Counted on while this one was on its way.
    const known = this.#written.get(key);
    if (known && known.name === event.metadata.name && known.count >= count) return;
    touch(this.#written, key, { name: event.metadata.name!, firstTimestamp: event.firstTimestamp, count });
  }

  /** The server has it no more (events live an hour): the next one is new. */
  wasForgotten(key: string): void {
    this.#written.delete(key);
  }

  #aggregate(event: CoreV1Event): { event: CoreV1Event; key: string } {
    const nowMs = this.#clock.now();
    const similarKey = keyOf(event, false);
    let similar = this.#similar.get(similarKey);
    if (!similar || nowMs - similar.lastMs > SIMILAR_WINDOW_MS) similar = { messages: new Set(), lastMs: nowMs };
    similar.lastMs = nowMs;
    similar.messages.add(event.message ?? '');
    touch(this.#similar, similarKey, similar);
    dropFirst(this.#similar, ({ lastMs }) => nowMs - lastMs > SIMILAR_WINDOW_MS);
    if (similar.messages.size < MAX_SIMILAR) return { event, key: keyOf(event, true) };
    similar.messages.delete(similar.messages.values().next().value!);
    return { event: { ...event, message: `(combined from similar events): ${event.message}` }, key: similarKey };
  }

  #bucketOf(event: CoreV1Event): TokenBucket {
    const key = shortKey([event.source, identityOf(event)]);
    const bucket = this.#buckets.get(key) ?? createTokenBucket(this.#spamLimit);
    // Before the new one is there, which is full as well.
    dropFirst(this.#buckets, (oldest) => oldest.isFull());
    touch(this.#buckets, key, bucket);
    return bucket;
  }
}

function keyOf(event: CoreV1Event, withMessage: boolean): string {
  const { source, type, reason, reportingComponent, reportingInstance, message } = event;
  return shortKey([
    ...[source, identityOf(event), type, reason, reportingComponent, reportingInstance],
    withMessage ? message : null,
  ]);
}

/** Thousands are kept, and their texts are long. */
const shortKey = (parts: readonly unknown[]): string => hash('sha256', JSON.stringify(parts), 'base64url');

/** The object without its version: it is the same one after every change. */
function identityOf({ involvedObject: { resourceVersion: _, ...identity } }: CoreV1Event): object {
  return identity;
}

/** Maps keep the order of insertion, which makes one a list by last use. */
function touch<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MAX_ENTRIES) map.delete(map.keys().next().value!);
}

/** Takes away those that were not used for longest, as long as they may go. */
function dropFirst<V>(map: Map<string, V>, mayGo: (value: V) => boolean): void {
  for (const [key, value] of map) {
    if (!mayGo(value)) return;
    map.delete(key);
  }
}

/** An object's name may be one that no Event can have, a Role's for one, or be as long as names are; client-go takes a UUID then. */
const eventName = (name: string): string => (checkDnsSubdomain(name).length === 0 ? name : randomUUID());

/** What counts an event up. */
export function countPatch(event: CoreV1Event): object {
  return { count: event.count, lastTimestamp: event.lastTimestamp, message: event.message };
}

export interface EventSource {
  readonly component: string;
  readonly host?: string;
}

/** The object that an event is about, as far as the event says it. */
export interface EventSubject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
  /** The part of it: `spec.containers{web}`. */
  readonly fieldPath?: string;
}

/** A core/v1 Event as client-go's recorder makes them: named after its object and the time. */
export function makeEvent(
  subject: EventSubject,
  source: EventSource,
  what: { type: 'Normal' | 'Warning'; reason: string; message: string },
  nowMs: number,
  unique: number,
): CoreV1Event {
  const { name = '', namespace = '', uid, resourceVersion } = subject.metadata ?? {};
  const time = formatTime(nowMs);
  // client-go writes nanoseconds; the counter makes two events of one millisecond different.
  const suffix = (BigInt(Math.trunc(nowMs)) * 1_000_000n + BigInt(unique % 1_000_000)).toString(16);
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: eventName(`${name}.${suffix}`), namespace: namespace || 'default' },
    involvedObject: {
      apiVersion: subject.apiVersion,
      kind: subject.kind,
      name,
      namespace: namespace || undefined,
      uid,
      resourceVersion,
      ...(subject.fieldPath !== undefined && { fieldPath: subject.fieldPath }),
    },
    ...what,
    source: { component: source.component, host: source.host },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
    reportingComponent: source.component,
    reportingInstance: source.host ?? '',
  };
}
