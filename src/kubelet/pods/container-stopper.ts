import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import type { EventRecorder } from '../../client/events.ts';
import { type Clock, steadyMs } from '../../std/clock.ts';
import { deferred } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import type { Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import { containersByName, sidecarNames } from './container-kinds.ts';
import { containerSubject } from './container-subject.ts';
import { tellKillFailure } from './kill-failure.ts';
import type { RunHook } from './lifecycle-hooks.ts';

export interface ContainerStopperOptions {
  readonly runtime: Runtime;
  readonly events: EventRecorder | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Without it, hooks are not run (hollow containers have nothing to run them in). */
  readonly runHook?: RunHook;
  /** Where the pod is reached. */
  readonly podIpOf: (pod: V1Pod) => string;
}

export interface StopOptions {
  /** Goes before the pod's own. */
  readonly gracePeriodSeconds?: number;
  /** What the event says. */
  readonly message?: string;
}

interface Stopping {
  readonly podUid: string;
  readonly containerId: string;
  /** When it is killed. */
  deadlineMs: number;
  /** Ends its hook and its waiting for other containers. */
  readonly hurry: AbortController;
  /** Set while the runtime ends it: asks once more, with less time. */
  askAgain: ((graceMs: number) => void) | undefined;
}

/** As upstream: even who has used up its grace gets so long between TERM and KILL. */
const SHORTEST_GRACE_MS = 2000;

/**
 * Ends containers as upstream does: the preStop hook within the grace period, then TERM, then KILL. Of a whole pod, sidecars end after
 * the other containers, the last one first.
 */
export class ContainerStopper {
  readonly #options: ContainerStopperOptions;
  readonly #stopping = new Set<Stopping>();

  constructor(options: ContainerStopperOptions) {
    this.#options = options;
  }

  /** Ends the running ones of a pod's containers. Resolves when none runs; rejects when the runtime fails to end one. */
  async stopAll(pod: V1Pod, containers: readonly RuntimeContainer[], options: StopOptions = {}): Promise<void> {
    const running = containers.filter(({ phase }) => phase === 'running');
    const ended = new Map(running.map(({ id }) => [id, deferred()]));
    const specs = containersByName(pod);
    const turns = turnsOf(pod, running, (id) => ended.get(id)!.promise);
    const results = await Promise.allSettled(
      running.map((container) =>
        this.#stop(pod, container, { ...options, spec: specs.get(container.name)?.container }, turns.get(container.name)).finally(
          () => ended.get(container.id)!.resolve(),
        ),
      ),
    );
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  stop(pod: V1Pod, container: RuntimeContainer, options: StopOptions = {}): Promise<void> {
    return this.#stop(pod, container, { ...options, spec: containersByName(pod).get(container.name)?.container });
  }

  /** @param turn when it may be told to end; its hook runs at once */
  async #stop(
    pod: V1Pod,
    container: RuntimeContainer,
    options: StopOptions & { readonly spec: V1Container | undefined },
    turn?: Promise<unknown>,
  ): Promise<void> {
    const { runtime, events, clock } = this.#options;
    const { id, name } = container;
    const { spec } = options;
    const graceMs = (options.gracePeriodSeconds ?? gracePeriodOf(pod)) * 1000;
    const stopping: Stopping = {
      podUid: container.podUid,
      containerId: id,
      deadlineMs: steadyMs(clock) + graceMs,
      hurry: new AbortController(),
      askAgain: undefined,
    };
    this.#stopping.add(stopping);
    try {
      events?.event(containerSubject(pod, name), 'Normal', 'Killing', options.message ?? `Stopping container ${name}`);
      if (spec && graceMs > 0) await this.#runPreStop(pod, spec, stopping);
      if (turn !== undefined) await this.#waitFor(turn, stopping);
      const leastMs = this.#options.runHook ? SHORTEST_GRACE_MS : 0;
      const calls: Promise<void>[] = [];
      const ask = (leftMs: number) => void calls.push(runtime.stopContainer(id, Math.max(leastMs, leftMs)));
      ask(stopping.deadlineMs - steadyMs(clock));
      stopping.askAgain = ask;
      // With less time it is asked again while the first call is waited for; the first to fail tells why.
      for (let waited = 0; waited < calls.length; ) {
        waited = calls.length;
        await Promise.all(calls);
      }
    } catch (error) {
      tellKillFailure(events, pod, 'KillContainer', name, error);
      throw error;
    } finally {
      this.#stopping.delete(stopping);
    }
  }

  /** The pod's containers that are being stopped have no more than this left. */
  shorten(podUid: string, gracePeriodSeconds: number): void {
    const { clock } = this.#options;
    const deadlineMs = steadyMs(clock) + gracePeriodSeconds * 1000;
    for (const stopping of this.#stopping) {
      if (stopping.podUid !== podUid || stopping.deadlineMs <= deadlineMs) continue;
      stopping.deadlineMs = deadlineMs;
      if (stopping.askAgain) stopping.askAgain(gracePeriodSeconds * 1000);
      else if (gracePeriodSeconds === 0) stopping.hurry.abort(new Error('the grace period was shortened'));
      else clock.setTimer(gracePeriodSeconds * 1000, () => stopping.hurry.abort(new Error('the grace period is over')));
    }
  }

  async #runPreStop(pod: V1Pod, spec: V1Container, stopping: Stopping): Promise<void> {
    const { runHook, clock, events, logger, podIpOf } = this.#options;
    const handler = spec.lifecycle?.preStop;
    if (!handler || !runHook) return;
    try {
      await runHook({
        handler,
        container: spec,
        containerId: stopping.containerId,
        podIp: podIpOf(pod),
        timeoutMs: stopping.deadlineMs - steadyMs(clock),
        signal: stopping.hurry.signal,
      });
    } catch (error) {
      const about = { pod: `${pod.metadata?.namespace}/${pod.metadata?.name}`, containerName: spec.name };
      // Without its words: they may be what a command printed, and events are read by many.
      events?.event(containerSubject(pod, spec.name), 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
      logger.warn('PreStop hook failed', { ...about, err: error });
    }
  }

  async #waitFor(turn: Promise<unknown>, stopping: Stopping): Promise<void> {
    const { clock } = this.#options;
    const given = deferred();
    const timer = clock.setTimer(Math.max(0, stopping.deadlineMs - steadyMs(clock)), given.resolve);
    stopping.hurry.signal.addEventListener('abort', () => given.resolve(), { once: true });
    await Promise.race([turn, given.promise]);
    timer.cancel();
  }
}

/** When each sidecar may be told to end: behind all that are none, and behind the sidecars after it. Others need not wait. */
function turnsOf(
  pod: V1Pod,
  running: readonly RuntimeContainer[],
  endOf: (id: string) => Promise<void>,
): ReadonlyMap<string, Promise<unknown>> {
  const sidecars = sidecarNames(pod);
  const byName = Map.groupBy(running, ({ name }) => name);
  let before: Promise<unknown> = Promise.all(running.filter(({ name }) => !sidecars.has(name)).map(({ id }) => endOf(id)));
  const turns = new Map<string, Promise<unknown>>();
  for (const name of [...sidecars].reverse()) {
    turns.set(name, before);
    before = Promise.all([before, ...(byName.get(name) ?? []).map(({ id }) => endOf(id))]);
  }
  return turns;
}

/** What the API server gave a pod that is being deleted, else what the pod asks for; in seconds. */
export function gracePeriodOf(pod: V1Pod): number {
  return pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;
}
