import type { V1Pod } from '../../api/gen/types.ts';
import { claimNameOf } from '../../api/resource/v1/pod-claims.ts';
import type { Clock, Timer } from '../../std/clock.ts';
import { type PodInfo, podInfoOf } from '../pod-info.ts';
import type { ClusterEvent } from './cluster-event.ts';
import { Heap } from './heap.ts';

/** A pod that waits for a place. */
export interface QueuedPod {
  info: PodInfo;
  /** How often it was tried. */
  attempts: number;
  /** How often it was refused, which is what its delays grow with. */
  refusedCount: number;
  /** How often in a row trying it failed for another reason. */
  errorCount: number;
  /** When it was put in, in milliseconds: of the same priority the older one goes first. */
  sinceMs: number;
  /** When it was tried for the first time. */
  firstAttemptMs: number | undefined;
  /** When it may be tried again. */
  readyMs: number;
  /** The rules that refused it when it was tried last. */
  refusedBy: ReadonlySet<string>;
  /** Whether it is tried again only because it has waited so long, and no event let it. */
  isOverdue: boolean;
}

export interface SchedulingQueueOptions {
  readonly clock: Clock;
  readonly initialBackoffMs?: number;
  readonly maxBackoffMs?: number;
  /** Longest time that a refused pod waits for an event. */
  readonly maxUnschedulableMs?: number;
  /** Whether an event may let a refused pod pass. */
  readonly mayHelp: (event: ClusterEvent, pod: QueuedPod) => boolean;
  /** Counts what comes into which part of the queue, and why. */
  readonly onIncoming?: (queue: QueuePart, event: string) => void;
}

export type QueuePart = 'active' | 'backoff' | 'unschedulable' | 'gated';

/** Upstream's podInitialBackoffSeconds, podMaxBackoffSeconds and --pod-max-in-unschedulable-pods-duration. */
export const INITIAL_BACKOFF_MS = 1_000;
export const MAX_BACKOFF_MS = 10_000;
export const MAX_UNSCHEDULABLE_MS = 300_000;
/** Delays that end in the same second count as equal: then priority says who goes first. */
const BACKOFF_WINDOW_MS = 1_000;

/**
 * Pods that wait, the highest priority first, then the oldest.
 *
 *     add ──► active ──take──► in flight ──done──► (bound)
 *     gated     ▲  ▲               │ refused
 *               │  └─ backoff ◄─┐  ▼
 *               └────────────── unschedulable: until an event that may help, or five minutes
 *
 * While nobody else is active, a pod in backoff that rules have refused is taken before its delay is over; one for which something went wrong never is.
 */
export class SchedulingQueue {
  readonly #options: Required<SchedulingQueueOptions>;
  readonly #pods = new Map<string, QueuedPod>();
  readonly #active: Heap<QueuedPod>;
  readonly #backoff = new Heap<QueuedPod>((a, b) => a.readyMs < b.readyMs);
  /** Those in backoff that may be taken early. */
  readonly #early: Heap<QueuedPod>;
  readonly #unschedulable = new Map<QueuedPod, number>();
  readonly #gated = new Set<QueuedPod>();
  /** Pods that are being tried, with what has happened since. */
  readonly #inFlight = new Map<QueuedPod, ClusterEvent[]>();
  #taker: ((pod: QueuedPod | undefined) => void) | undefined;
  #backoffTimer: { timer: Timer; dueMs: number } | undefined;
  #flushTimer: Timer | undefined;
  #closed = false;

  constructor(options: SchedulingQueueOptions) {
    this.#options = {
      initialBackoffMs: INITIAL_BACKOFF_MS,
      maxBackoffMs: MAX_BACKOFF_MS,
      maxUnschedulableMs: MAX_UNSCHEDULABLE_MS,
      onIncoming: () => undefined,
      ...options,
    };
    const goesFirst = (a: QueuedPod, b: QueuedPod) =>
      a.info.priority !== b.info.priority ? a.info.priority > b.info.priority : a.sinceMs < b.sinceMs;
    const window = ({ readyMs }: QueuedPod) => Math.floor(readyMs / BACKOFF_WINDOW_MS);
    this.#active = new Heap(goesFirst);
    this.#early = new Heap((a, b) => (window(a) !== window(b) ? window(a) < window(b) : goesFirst(a, b)));
  }

  /** How many wait in a part. */
  count(part: QueuePart): number {
    const parts = { active: this.#active, backoff: this.#backoff, unschedulable: this.#unschedulable, gated: this.#gated };
    return parts[part].size;
  }

  /** Those that wait in any part. */
  *waiting(): Iterable<QueuedPod> {
    yield* this.#active.values();
    yield* this.#backoff.values();
    yield* this.#unschedulable.keys();
    yield* this.#gated;
  }

  get(uid: string): QueuedPod | undefined {
    return this.#pods.get(uid);
  }

  /** Puts a pod in, or takes note of what it is now. Only a change of what it wants lets a refused pod be tried again. */
  set(pod: V1Pod): void {
    if (this.#closed) return;
    const info = podInfoOf(pod);
    const known = this.#pods.get(info.uid);
    if (!known) {
      this.#add(info);
      this.#serve();
      return;
    }
    const wantsOther = wishesOf(known.info.pod) !== wishesOf(pod);
    // The heap's order is by priority, which never changes.
    known.info = info;
    if (!wantsOther) return;
    if (this.#gated.has(known)) {
      if (isGated(pod)) return;
      this.#gated.delete(known);
      this.#activate(known, 'ScheduledGatesEliminated');
    } else if (this.#unschedulable.delete(known)) this.#moveOn(known, 'UnscheduledPodUpdate');
    this.#serve();
  }

  delete(uid: string): void {
    const pod = this.#pods.get(uid);
    if (!pod) return;
    this.#pods.delete(uid);
    this.#active.delete(pod);
    this.#backoff.delete(pod);
    this.#early.delete(pod);
    this.#unschedulable.delete(pod);
    this.#gated.delete(pod);
    this.#inFlight.delete(pod);
  }

  /** The next pod to try, which then is in flight; undefined when the queue is closed. Only one may wait for it. */
  take(): Promise<QueuedPod | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const pod = this.#next();
    if (pod) return Promise.resolve(this.#takeOff(pod));
    return new Promise((resolve) => {
      this.#taker = resolve;
    });
  }

  /** Says that a pod in flight has got its place. It stays known until it is deleted. */
  done(pod: QueuedPod): void {
    this.#inFlight.delete(pod);
  }

  /** Puts back a pod that rules have refused. What has happened while it was tried counts. */
  refuse(pod: QueuedPod, refusedBy: ReadonlySet<string>): void {
    const events = this.#inFlight.get(pod) ?? [];
    this.#inFlight.delete(pod);
    if (this.#pods.get(pod.info.uid) !== pod) return;
    pod.refusedBy = refusedBy;
    pod.isOverdue = false;
    pod.refusedCount++;
    pod.errorCount = 0;
    pod.sinceMs = this.#options.clock.now();
    pod.readyMs = pod.sinceMs + this.#backoffMs(pod.refusedCount);
    if (events.some((event) => this.#options.mayHelp(event, pod))) {
      this.#moveOn(pod, 'ScheduleAttemptFailure');
      this.#serve();
      return;
    }
    this.#unschedulable.set(pod, pod.sinceMs);
    this.#options.onIncoming('unschedulable', 'ScheduleAttemptFailure');
    this.#armFlush();
  }

  /** Puts back a pod for which something went wrong that may go well the next time. */
  retry(pod: QueuedPod): void {
    this.#inFlight.delete(pod);
    if (this.#pods.get(pod.info.uid) !== pod) return;
    pod.errorCount++;
    pod.sinceMs = this.#options.clock.now();
    pod.readyMs = pod.sinceMs + this.#backoffMs(pod.errorCount);
    this.#moveOn(pod, 'ScheduleAttemptFailure');
    this.#serve();
  }

  /** Puts back a pod that was not tried after all, as the next of its priority. */
  readmit(pod: QueuedPod): void {
    this.#inFlight.delete(pod);
    if (this.#pods.get(pod.info.uid) !== pod) return;
    pod.attempts--;
    this.#activate(pod, 'PodActivated');
    this.#serve();
  }

  /** Lets the refused pods that an event may help be tried again. One whose doing it is need not hear of it: `causedBy`. */
  notice(event: ClusterEvent, causedBy?: string): void {
    for (const [pod, events] of this.#inFlight) if (pod.info.uid !== causedBy) events.push(event);
    for (const pod of this.#unschedulable.keys()) {
      if (!this.#options.mayHelp(event, pod)) continue;
      this.#unschedulable.delete(pod);
      this.#moveOn(pod, eventName(event));
    }
    this.#serve();
  }

  close(): void {
    this.#closed = true;
    this.#backoffTimer?.timer.cancel();
    this.#flushTimer?.cancel();
    this.#taker?.(undefined);
    this.#taker = undefined;
  }

  #add(info: PodInfo): void {
    const nowMs = this.#options.clock.now();
    const pod: QueuedPod = {
      info,
      attempts: 0,
      refusedCount: 0,
      errorCount: 0,
      sinceMs: nowMs,
      firstAttemptMs: undefined,
      readyMs: nowMs,
      refusedBy: new Set(),
      isOverdue: false,
    };
    this.#pods.set(info.uid, pod);
    if (isGated(info.pod)) {
      this.#gated.add(pod);
      this.#options.onIncoming('gated', 'UnscheduledPodAdd');
    } else this.#activate(pod, 'UnscheduledPodAdd');
  }

  #activate(pod: QueuedPod, event: string): void {
    this.#options.onIncoming('active', event);
    this.#active.push(pod);
  }

  /** Gives whoever waits the first of all that have become ready together. */
  #serve(): void {
    const taker = this.#taker;
    const pod = taker && this.#next();
    if (!pod) return;
    this.#taker = undefined;
    taker(this.#takeOff(pod));
  }

  #next(): QueuedPod | undefined {
    return this.#active.pop() ?? this.#popEarly();
  }

  /** To the active ones, or to those that wait for their delay to pass. */
  #moveOn(pod: QueuedPod, event: string): void {
    if (pod.readyMs <= this.#options.clock.now()) {
      this.#activate(pod, event);
      return;
    }
    this.#options.onIncoming('backoff', event);
    this.#backoff.push(pod);
    if (pod.errorCount === 0) this.#early.push(pod);
    this.#armBackoff();
  }

  /** Takes one out of backoff before its time. */
  #popEarly(): QueuedPod | undefined {
    const pod = this.#early.pop();
    if (!pod) return undefined;
    this.#backoff.delete(pod);
    this.#options.onIncoming('active', 'PopFromBackoffQ');
    return pod;
  }

  #takeOff(pod: QueuedPod): QueuedPod {
    pod.attempts++;
    pod.firstAttemptMs ??= this.#options.clock.now();
    this.#inFlight.set(pod, []);
    return pod;
  }

  #backoffMs(count: number): number {
    const { initialBackoffMs, maxBackoffMs } = this.#options;
    return Math.min(maxBackoffMs, initialBackoffMs * 2 ** Math.min(count - 1, 40));
  }

  #armBackoff(): void {
    const next = this.#backoff.first;
    if (!next || this.#closed) return;
    if (this.#backoffTimer && this.#backoffTimer.dueMs <= next.readyMs) return;
    this.#backoffTimer?.timer.cancel();
    const { clock } = this.#options;
    const timer = clock.setTimer(Math.max(0, next.readyMs - clock.now()), () => {
      this.#backoffTimer = undefined;
      for (let pod = this.#backoff.first; pod && pod.readyMs <= clock.now(); pod = this.#backoff.first) {
        this.#backoff.pop();
        this.#early.delete(pod);
        this.#activate(pod, 'BackoffComplete');
      }
      this.#armBackoff();
      this.#serve();
    });
    this.#backoffTimer = { timer, dueMs: next.readyMs };
  }

  /** No event came: something may have been missed. Nothing runs while nobody waits. */
  #armFlush(): void {
    const oldest = this.#unschedulable.values().next().value;
    if (this.#flushTimer || oldest === undefined || this.#closed) return;
    const { clock, maxUnschedulableMs } = this.#options;
    this.#flushTimer = clock.setTimer(Math.max(0, oldest + maxUnschedulableMs - clock.now()), () => {
      this.#flushTimer = undefined;
      for (const [pod, sinceMs] of this.#unschedulable) {
        if (sinceMs + maxUnschedulableMs > clock.now()) break;
        this.#unschedulable.delete(pod);
        pod.isOverdue = true;
        this.#moveOn(pod, 'UnschedulableTimeout');
      }
      this.#armFlush();
      this.#serve();
    });
  }
}

/** Also one whose claims of devices have not been made of their templates yet. */
export const isGated = (pod: V1Pod): boolean =>
  Boolean(pod.spec?.schedulingGates?.length) ||
  (pod.spec?.resourceClaims?.some((claim) => 'missing' in claimNameOf(pod, claim)) ?? false);

/** What of a pod that has no place may change and matter: the generation counts changes of the spec. */
function wishesOf({ metadata, spec, status }: V1Pod): string {
  const { schedulingGates, tolerations, nodeSelector } = spec ?? {};
  const { generation, labels } = metadata ?? {};
  return JSON.stringify([generation, labels, schedulingGates, tolerations, nodeSelector, status?.resourceClaimStatuses]);
}

const ACTIONS = { add: 'Add', update: 'Update', delete: 'Delete' } as const;

/** As upstream's metrics call it. */
function eventName(event: ClusterEvent): string {
  if (event.resource === 'NodeGone') return 'NodeDelete';
  return `${event.resource === 'Pod' ? 'AssignedPod' : event.resource}${ACTIONS[event.action]}`;
}
