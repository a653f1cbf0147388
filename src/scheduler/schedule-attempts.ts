import { isStatus } from '../api/machinery/status-error.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import type { Clock } from '../std/clock.ts';
import { isAbort } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';
import { Slots } from '../std/slots.ts';
import { runInTurns } from '../std/turn-pace.ts';
import { afterRefusal, type NotYet, type Refused } from './after-refusal.ts';
import { bindPod } from './bind-pod.ts';
import type { ClusterState } from './cluster-state.ts';
import { type DecisionContext, type DecisionPoint, decideInSteps, decideWithExtenders, type PointStatus } from './decide.ts';
import type { Extender } from './framework/extender.ts';
import type { Cycle, Reservation } from './framework/plugin.ts';
import type { Profile } from './framework/profile.ts';
import type { LazyObjects } from './lazy-objects.ts';
import type { AttemptResult, SchedulerMetrics } from './metrics.ts';
import type { NodeInfo } from './node-info.ts';
import type { Nominations } from './nominations.ts';
import { type PodInfo, podKeyOf } from './pod-info.ts';
import { needsOf } from './pod-needs.ts';
import { makeRoom } from './preemption/make-room.ts';
import type { Candidate } from './preemption/victims.ts';
import type { QueuedPod, SchedulingQueue } from './queue/scheduling-queue.ts';
import { type Failure, failurePatch, writeStatus } from './report-failure.ts';

export interface ScheduleAttemptsOptions {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly extenders: readonly Extender[];
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly state: ClusterState;
  readonly objects: LazyObjects;
  readonly nominations: Nominations;
  readonly queue: SchedulingQueue;
  readonly metrics: SchedulerMetrics;
}

/** Deciding goes on while so many writes are under way. What only waits, for a volume to be made, is not counted. */
const MAX_WRITES = 64;
/** Of these, so many that only say why a pod has no place: they keep nobody waiting, and whoever makes the pods shall not wait for them. */
const MAX_REFUSALS = 4;
/** How long pods are decided on before requests and answers get their turn, in milliseconds. */
const TURN_MS = 5;

interface Attempt {
  readonly queued: QueuedPod;
  readonly profile: Profile;
  readonly cycle: Cycle;
  readonly startedMs: number;
}

type Outcome = { readonly node: NodeInfo } | Refused | NotYet;

/** Takes pods from the queue and gives each a place, makes room for it, or says why it has none. */
export class ScheduleAttempts {
  readonly #options: ScheduleAttemptsOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #writes = new Set<Promise<void>>();
  readonly #refusals = new Slots(MAX_REFUSALS);
  /** Victims that have been told to go, and for whom. */
  readonly #leaving = new Map<string, string>();
  /** Pods that are not bound yet because something is made ready for them: how that is ended. */
  readonly #preparing = new Map<string, AbortController>();
  #start = 0;

  constructor(options: ScheduleAttemptsOptions) {
    this.#options = options;
  }

  /** Works until the queue is closed. */
  async run(signal: AbortSignal): Promise<void> {
    let turnMs = performance.now();
    for (;;) {
      const queued = await this.#options.queue.take();
      if (!queued) break;
      await this.#attempt(queued, signal);
      while (this.#writes.size >= MAX_WRITES) await Promise.race(this.#writes);
      if (performance.now() - turnMs < TURN_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnMs = performance.now();
    }
    await Promise.all(this.#running);
  }

  forgetVictim(uid: string): void {
    this.#leaving.delete(uid);
  }

  /** Rejects only when aborted. */
  async #attempt(queued: QueuedPod, signal: AbortSignal): Promise<void> {
    const { profiles, state, objects, queue } = this.#options;
    const { info } = queued;
    const profile = profiles.get(info.pod.spec?.schedulerName || 'default-scheduler');
    if (!profile || state.pod(info.uid)) {
      queue.done(queued);
      return;
    }
    const attempt = { queued, profile, cycle: { pod: info, state, objects }, startedMs: performance.now() };
    try {
      const outcome = await this.#decide(attempt, signal);
      if ('wait' in outcome) {
        // The others need not wait for that.
        void this.#track(
          outcome.wait.then(() => queue.readmit(queued)),
          attempt,
          signal,
        );
      } else if ('node' in outcome) this.#place(attempt, outcome.node, signal);
      else this.#refuse(attempt, outcome, signal);
    } catch (error) {
      if (isAbort(error, signal)) throw error;
      void this.#track(this.#fail(attempt, error, signal), attempt, signal);
    }
  }

  async #decide(attempt: Attempt, signal: AbortSignal): Promise<Outcome> {
    const { objects, state, nominations, random, extenders, metrics } = this.#options;
    const { profile, cycle } = attempt;
    const needs = needsOf(cycle.pod, state, objects);
    if (!objects.has(needs)) return { wait: objects.need(needs, signal) };
    for (const { prepare } of profile.filters) {
      const wait = prepare?.(cycle.pod, objects);
      if (wait) return { wait };
    }
    const onPoint: DecisionContext['onPoint'] = (point, status, ms) =>
      metrics.point(profile.schedulerName, point, status, ms / 1000);
    const context: DecisionContext = { profile, cycle, nominations, start: this.#start, random, onPoint };
    const decision = extenders.length
      ? await decideWithExtenders(context, extenders, signal)
      : await runInTurns(decideInSteps(context));
    metrics.algorithmDuration.observe({}, (performance.now() - attempt.startedMs) / 1000);
    this.#start = (this.#start + decision.evaluated) % Math.max(1, state.nodes().length);
    // Others had their turn meanwhile: the pod may have gone, or the node.
    const isGone = (node?: NodeInfo) =>
      this.#options.queue.get(cycle.pod.uid) !== attempt.queued || (node !== undefined && !state.node(node.name));
    if (isGone('node' in decision ? decision.node : undefined)) return { wait: Promise.resolve() };
    if ('node' in decision) return { node: decision.node };
    const startMs = performance.now();
    const isLeaving = ({ uid }: PodInfo) => this.#leaving.get(uid) === cycle.pod.uid;
    const outcome = await afterRefusal(context, decision.diagnosis, { objects, extenders, metrics, isLeaving, signal });
    if ('wait' in outcome) return outcome;
    onPoint('PostFilter', outcome.candidate ? 'Success' : 'Unschedulable', performance.now() - startMs);
    // And once more while it was looked where room could be made: for one that has gone nobody is sent away, and no room is kept.
    return isGone(outcome.candidate?.node) ? { wait: Promise.resolve() } : outcome;
  }

  #place(attempt: Attempt, node: NodeInfo, signal: AbortSignal): void {
    const { state } = this.#options;
    const { profile, cycle } = attempt;
    const reservations: Reservation[] = [];
    for (const plugin of profile.reserves) {
      const reservation = plugin.reserve?.(cycle, node);
      if (reservation) reservations.push(reservation);
    }
    state.setPod(cycle.pod, node.name);
    this.#endNomination(cycle.pod, node.name);
    const bound = this.#track(this.#bind(attempt, { node, reservations }, signal), attempt, signal);
    if (reservations.length === 0) this.#limit(bound);
  }

  /** A failed binding gives the place back and puts the pod into the queue again. */
  async #bind(
    attempt: Attempt,
    { node, reservations }: { node: NodeInfo; reservations: readonly Reservation[] },
    signal: AbortSignal,
  ): Promise<void> {
    const { client, events, state, queue, extenders, metrics, clock } = this.#options;
    const { queued, profile } = attempt;
    const { info } = queued;
    queue.done(queued);
    try {
      if (reservations.length) {
        await this.#announce(info, node.name, signal);
        await this.#timed(attempt, 'PreBind', () => this.#prepare(info, reservations, signal));
      }
      await this.#timed(attempt, 'Bind', () => bindPod(info, node.name, { client, extenders, signal }));
    } catch (error) {
      for (const reservation of reservations) reservation.release();
      if (isAbort(error, signal)) return;
      await this.#undo(reservations, signal);
      state.removePod(info.uid);
      queue.notice({ resource: 'Pod', action: 'delete', pod: info });
      if (isStatus(error, 'NotFound')) return;
      await this.#fail(attempt, new Error(`binding rejected: ${messageOf(error)}`, { cause: error }), signal, node.name);
      return;
    }
    this.#count(attempt, 'scheduled');
    if (queued.isOverdue) metrics.scheduledOverdue.add({});
    metrics.podAttempts.observe({}, queued.attempts);
    const waitedMs = clock.now() - (queued.firstAttemptMs ?? clock.now());
    metrics.sliDuration.observe({ attempts: queued.attempts >= 16 ? '16+' : String(queued.attempts) }, waitedMs / 1000);
    events.event(info.pod, 'Normal', 'Scheduled', `Successfully assigned ${podKeyOf(info.pod)} to ${node.name}`);
    this.#options.logger.debug(2, 'Successfully bound pod to node', {
      pod: podKeyOf(info.pod),
      node: node.name,
      profile: profile.schedulerName,
    });
  }

  /** Rejects as well when a pod of a higher priority takes the place meanwhile. */
  async #prepare({ uid }: PodInfo, reservations: readonly Reservation[], signal: AbortSignal): Promise<void> {
    const taken = new AbortController();
    this.#preparing.set(uid, taken);
    const either = AbortSignal.any([signal, taken.signal]);
    try {
      await commitAll(reservations, either);
      either.throwIfAborted();
    } catch (error) {
      // Whatever failed because of that: this is why.
      throw taken.signal.aborted && !signal.aborted ? taken.signal.reason : error;
    } finally {
      this.#preparing.delete(uid);
    }
  }

  /** What cannot be taken back now is, when the pod is tried again. */
  async #undo(reservations: readonly Reservation[], signal: AbortSignal): Promise<void> {
    for (const { undo } of reservations) {
      try {
        await undo?.(signal);
      } catch (error) {
        if (isAbort(error, signal)) throw error;
        this.#options.logger.error('Failed to take back what a pod had been given', { err: error });
      }
    }
  }

  /**
   * What a pod needs may take long to be made ready: until then `nominatedNodeName` tells others, as who adds nodes, that it has a place.
   * The pod is bound all the same when that cannot be written.
   */
  async #announce({ pod }: PodInfo, nodeName: string, signal: AbortSignal): Promise<void> {
    if (pod.status?.nominatedNodeName === nodeName) return;
    const { client, logger } = this.#options;
    try {
      await writeStatus(client, pod, { metadata: { uid: pod.metadata?.uid }, status: { nominatedNodeName: nodeName } }, signal);
    } catch (error) {
      if (isAbort(error, signal)) throw error;
      logger.error('Failed to tell where a pod will be', { pod: podKeyOf(pod), err: error });
    }
  }

  #refuse(attempt: Attempt, { failure, refused, candidate, amends }: Refused, signal: AbortSignal): void {
    const { nominations, queue } = this.#options;
    const { queued } = attempt;
    const acts = amends.flatMap(({ act }) => act ?? []);
    this.#count(attempt, 'unschedulable');
    if (candidate) nominations.set(queued.info, candidate.node.name);
    else if (failure.nominatedNodeName === null) this.#endNomination(queued.info);
    this.#report(attempt, failure);
    const patch = failurePatch(queued.info.pod, failure, this.#options.clock.now());
    if (!patch && !candidate && acts.length === 0) {
      queue.refuse(queued, refused.plugins);
      return;
    }
    // What happens while this is written counts: the pod is in flight until then.
    const written = async () => {
      if (patch) await this.#refusals.run(() => writeStatus(this.#options.client, queued.info.pod, patch, signal));
      for (const act of acts) await act(signal);
      if (candidate) await this.#evict(attempt, candidate, signal);
      queue.refuse(queued, refused.plugins);
    };
    const work = this.#track(written(), attempt, signal);
    if (candidate || acts.length) this.#limit(work);
  }

  async #evict({ queued }: Attempt, candidate: Candidate, signal: AbortSignal): Promise<void> {
    const { client, events, clock, nominations } = this.#options;
    const { info } = queued;
    for (const { uid } of candidate.victims) this.#leaving.set(uid, info.uid);
    try {
      const takeBack = (uid: string) => {
        const preparing = this.#preparing.get(uid);
        if (!preparing) return false;
        this.#leaving.delete(uid);
        preparing.abort(new Error('preempted by DefaultPreemption'));
        return true;
      };
      await makeRoom(info, candidate, { client, events, nominations, nowMs: clock.now(), signal, takeBack });
    } catch (error) {
      for (const { uid } of candidate.victims) this.#leaving.delete(uid);
      throw error;
    }
  }

  /** Something other than a rule: an extender, the API server. `announced`: where the pod was to be, which does not hold any more. */
  async #fail(attempt: Attempt, error: unknown, signal: AbortSignal, announced?: string): Promise<void> {
    const { logger, client, queue, clock } = this.#options;
    const { queued } = attempt;
    const { pod } = queued.info;
    logger.error('Error scheduling pod; retrying', { pod: podKeyOf(pod), err: error });
    this.#count(attempt, 'error');
    queue.retry(queued);
    const failure: Failure = {
      reason: 'SchedulerError',
      message: messageOf(error),
      ...(announced && { nominatedNodeName: null }),
    };
    this.#report(attempt, failure);
    const told = announced ? { ...pod, status: { ...pod.status, nominatedNodeName: announced } } : pod;
    const patch = failurePatch(told, failure, clock.now());
    if (patch) await writeStatus(client, pod, patch, signal);
  }

  #report({ queued }: Attempt, { message }: Failure): void {
    this.#options.events.event(queued.info.pod, 'Warning', 'FailedScheduling', message);
  }

  #count({ profile, startedMs }: Attempt, result: AttemptResult): void {
    this.#options.metrics.attempt(profile.schedulerName, result, (performance.now() - startedMs) / 1000);
  }

  /** Room that was kept for a pod where it does not go is free for others. */
  #endNomination(pod: PodInfo, nodeName?: string): void {
    const { nominations, queue } = this.#options;
    const nominated = nominations.nodeOf(pod.uid);
    if (nominated === undefined) return;
    nominations.delete(pod.uid);
    if (nominated !== nodeName) queue.notice({ resource: 'Pod', action: 'delete', pod }, pod.uid);
  }

  async #timed(attempt: Attempt, point: DecisionPoint, act: () => Promise<void>): Promise<void> {
    const startMs = performance.now();
    let status: PointStatus = 'Error';
    try {
      await act();
      status = 'Success';
    } finally {
      this.#options.metrics.point(attempt.profile.schedulerName, point, status, (performance.now() - startMs) / 1000);
    }
  }

  /** Keeps work that goes on beside deciding; what fails in it puts the pod back. */
  #track(work: Promise<void>, { queued }: Attempt, signal: AbortSignal): Promise<void> {
    const { logger, queue } = this.#options;
    const tracked = work
      .catch((error: unknown) => {
        if (isAbort(error, signal)) return;
        logger.error('Error scheduling pod; retrying', { pod: podKeyOf(queued.info.pod), err: error });
        queue.retry(queued);
      })
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
    return tracked;
  }

  /** Lets no more than some writes be under way at a time. */
  #limit(tracked: Promise<void>): void {
    this.#writes.add(tracked);
    void tracked.then(() => this.#writes.delete(tracked));
  }
}

async function commitAll(reservations: readonly Reservation[], signal: AbortSignal): Promise<void> {
  for (const reservation of reservations) await reservation.commit(signal);
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
