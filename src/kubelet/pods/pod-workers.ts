import type { V1Pod } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { deferred } from '../../std/lifecycle.ts';
import { gracePeriodOf } from './container-stopper.ts';
import { advancePod, shortest } from './pod-advance.ts';
import { cleanUpPod, effectiveGrace, failPod, retirePod, terminatePod } from './pod-ending.ts';
import type { PodEnd } from './pod-parts.ts';
import { isTerminal } from './pod-phase.ts';
import { currentSandbox } from './pod-plan.ts';
import { PodRoom } from './pod-room.ts';
import { newMemory, type PodMemory, type PodWork, tellStatus, uidOf, type WantedPod, withToldStatus } from './pod-work.ts';
import type { RealPods } from './real-pod-options.ts';
import type { WantedPods } from './wanted-pods.ts';

export interface PodWorkersOptions {
  readonly work: PodWork;
  readonly wanted: WantedPods;
  readonly client: Client;
  readonly real?: RealPods;
  /** Whether it is known which pods the API server has for this node. */
  readonly apiKnown: () => boolean;
  readonly poke: (uid: string) => void;
}

/** What is being done for a pod just now. */
interface Doing {
  readonly what: 'advance' | 'end';
  readonly abort: AbortController;
}

/** Why work on a pod was broken off: there is something more urgent for the same pod. */
class Interruption extends Error {
  override readonly name = 'Interruption';
}

/** A static pod looks so often whether the one of its name that it follows has ended. */
const PREDECESSOR_MS = 500;
/** A static pod without a mirror looks so often whether the API server takes one. */
const MIRROR_MS = 2000;
/** A pod that waits to grow asks so often whether there is room. */
const DEFERRED_MS = 10_000;

/** Decides for each pod what its sync has to do: run it, end it, or clean up after it. Remembers what the pods' objects do not tell. */
export class PodWorkers {
  readonly #options: PodWorkersOptions;
  readonly #room: PodRoom;
  readonly #memories = new Map<string, PodMemory>();
  readonly #doing = new Map<string, Doing>();
  readonly #ended = new Map<string, PromiseWithResolvers<void>>();
  #sweepTimer: { cancel(): void } | undefined;
  #stopped = false;

  constructor(options: PodWorkersOptions) {
    this.#options = options;
    this.#room = new PodRoom({
      work: options.work,
      // As upstream: what was deleted by force no longer counts, though it may take a while to end. The scheduler knows nothing of it either.
      memories: () => [...this.#memories].flatMap(([uid, memory]) => (options.wanted.find(uid) ? [memory] : [])),
      preempt: (uid, end) => this.#preempt(uid, end),
    });
  }

  /** One look at a pod; answers after how long to look again. */
  async sync(uid: string): Promise<number | undefined> {
    const { work, wanted, apiKnown, real } = this.#options;
    const found = wanted.find(uid);
    if (!found) {
      // Before the API server has told its pods, nobody can be called unwanted.
      if (apiKnown() || this.#memories.has(uid)) await this.#do(uid, 'end', () => this.#cleanUp(uid));
      return undefined;
    }
    const memory = this.#memoryOf(uid);
    memory.wanted = found;
    work.statuses.observe(uid, found.told);
    if (found.isStatic && apiKnown()) await this.#mirror(found);
    if (found.pod.metadata?.deletionTimestamp) {
      await this.#do(uid, 'end', () => terminatePod(work, found, memory, this.#options.client));
      this.#settle(uid);
      return undefined;
    }
    if (isTerminal(withToldStatus(work, found.pod).status?.phase)) {
      await this.#do(uid, 'end', () => retirePod(work, uid, memory));
      this.#settle(uid);
      return undefined;
    }
    if (memory.end) return this.#fail(found, memory);
    if (found.isStatic && this.#predecessorOf(found.pod)) return PREDECESSOR_MS;
    if (!memory.admitted && !(await this.#room.admit(found, memory))) {
      this.#settle(uid);
      return undefined;
    }
    const given = this.#room.allocate(found, memory);
    memory.wanted = given;
    const recheckAfterMs = await this.#do(uid, 'advance', (signal) => advancePod(work, given, memory, signal));
    const waits = memory.resizeConditions.some(({ reason }) => reason === 'Deferred');
    const soonMs = found.isStatic && !found.told ? MIRROR_MS : waits ? DEFERRED_MS : real?.syncMs;
    return shortest(recheckAfterMs, soonMs);
  }

  /** A pod has changed: work that is no longer wanted ends, and stopping that takes too long is hurried. */
  interrupt(uid: string): void {
    const doing = this.#doing.get(uid);
    if (!doing) return;
    const { wanted, work } = this.#options;
    const pod = wanted.find(uid)?.pod;
    const memory = this.#memories.get(uid);
    const ends = !pod || pod.metadata?.deletionTimestamp !== undefined || memory?.end !== undefined;
    if (!ends) return;
    if (doing.what === 'advance') doing.abort.abort(new Interruption(`pod ${uid} is to end`));
    else if (pod) work.stopper.shorten(uid, effectiveGrace(pod, memory));
  }

  /**
   * Something of a pod changed by itself. While it is worked on, which may take long (an image is pulled, a hook runs), its status is
   * told all the same.
   */
  async refresh(uid: string): Promise<void> {
    const { work, real } = this.#options;
    const doing = this.#doing.get(uid);
    const memory = this.#memories.get(uid);
    if (!real || doing?.what !== 'advance' || !memory?.wanted) return;
    // What the work itself sees from here on may be newer.
    const look = ++memory.looks;
    try {
      const { sandboxes, containers } = await work.runtime.list(uid);
      if (this.#doing.get(uid) !== doing) return;
      const { backoff, problems, wanted } = memory;
      tellStatus(work, wanted, memory, { look, sandbox: currentSandbox(wanted.pod, sandboxes), containers, backoff, problems });
    } catch (error) {
      // The work itself meets the same trouble, and is tried again.
      work.logger.debug(2, 'The status of a pod that is worked on cannot be told', { podUid: uid, err: error });
    }
  }

  wasInterrupted(error: unknown): boolean {
    return error instanceof Interruption;
  }

  /** The kubelet ends a pod; resolves when it has ended. */
  async end(uid: string, end: PodEnd): Promise<void> {
    const { wanted, work, poke } = this.#options;
    const found = wanted.find(uid);
    if (!found || isTerminal(withToldStatus(work, found.pod).status?.phase)) return;
    const memory = this.#memoryOf(uid);
    memory.end ??= end;
    const ended = this.#ended.get(uid) ?? deferred();
    this.#ended.set(uid, ended);
    const graceMs = (end.gracePeriodSeconds ?? gracePeriodOf(found.pod)) * 1000;
    // As upstream: half as long again, and no less than ten seconds.
    const timer = work.clock.setTimer(graceMs + Math.max(graceMs / 2, 10_000), () => {
      const message = 'Container runtime did not kill the pod within specified grace period.';
      work.events?.event(found.pod, 'Warning', 'ExceededGracePeriod', message);
    });
    this.interrupt(uid);
    poke(uid);
    try {
      await ended.promise;
    } finally {
      timer.cancel();
    }
  }

  /** Looks for pods that something is left of and that nobody wants, now and from time to time. */
  async sweep(): Promise<void> {
    const { work, wanted, poke, real } = this.#options;
    this.#sweepTimer?.cancel();
    if (this.#stopped) return;
    try {
      const [{ sandboxes }, known] = await Promise.all([work.runtime.list(), work.starter.known()]);
      const left = new Set([...sandboxes.map(({ podUid }) => podUid), ...known]);
      for (const uid of left) if (!wanted.find(uid)) poke(uid);
    } catch (error) {
      work.logger.error('Looking for pods that nobody wants failed', { err: error });
    }
    await this.removeLonelyMirrors();
    if (real && !this.#stopped) this.#sweepTimer = work.clock.setTimer(real.sweepMs, () => void this.sweep());
  }

  /** Mirrors of static pods that are gone, also of those that went while no kubelet ran. */
  async removeLonelyMirrors(): Promise<void> {
    const { real, wanted, work } = this.#options;
    for (const mirror of wanted.lonelyMirrors())
      try {
        await real?.staticPods?.mirror(undefined, mirror);
      } catch (error) {
        work.logger.error('Failed deleting a mirror pod', {
          pod: `${mirror.metadata?.namespace}/${mirror.metadata?.name}`,
          err: error,
        });
      }
  }

  stop(): void {
    this.#stopped = true;
    this.#sweepTimer?.cancel();
    for (const { abort, what } of this.#doing.values())
      if (what === 'advance') abort.abort(new Interruption('the kubelet stops'));
  }

  #memoryOf(uid: string): PodMemory {
    const known = this.#memories.get(uid);
    if (known) return known;
    const memory = newMemory();
    this.#memories.set(uid, memory);
    return memory;
  }

  async #do<T>(uid: string, what: Doing['what'], act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const abort = new AbortController();
    this.#doing.set(uid, { what, abort });
    try {
      return await act(abort.signal);
    } finally {
      this.#doing.delete(uid);
    }
  }

  async #cleanUp(uid: string): Promise<void> {
    const { work } = this.#options;
    const memory = this.#memories.get(uid);
    await cleanUpPod(work, uid, memory);
    this.#memories.delete(uid);
    this.#settle(uid);
    if (memory?.wanted?.isStatic) await this.removeLonelyMirrors();
  }

  async #fail(found: WantedPod, memory: PodMemory): Promise<undefined> {
    const uid = uidOf(found.pod);
    await this.#do(uid, 'end', () => failPod(this.#options.work, found, memory));
    this.#settle(uid);
    return undefined;
  }

  async #preempt(uid: string, end: PodEnd): Promise<void> {
    const { work, wanted } = this.#options;
    const victim = wanted.find(uid);
    if (victim) work.events?.event(victim.pod, 'Warning', end.reason, end.message);
    await this.end(uid, end);
  }

  async #mirror({ pod }: WantedPod): Promise<void> {
    const { real, wanted, work } = this.#options;
    try {
      await real?.staticPods?.mirror(pod, wanted.mirrorOf(pod));
    } catch (error) {
      // The pod runs without it.
      work.logger.error('Failed creating a mirror pod', { pod: `${pod.metadata?.namespace}/${pod.metadata?.name}`, err: error });
    }
  }

  /** Another static pod of the same name that has not ended yet. */
  #predecessorOf(pod: V1Pod): boolean {
    const { name, namespace, uid } = pod.metadata ?? {};
    return [...this.#memories].some(([other, { wanted }]) => {
      const metadata = wanted?.isStatic ? wanted.pod.metadata : undefined;
      return other !== uid && metadata?.name === name && metadata?.namespace === namespace;
    });
  }

  #settle(uid: string): void {
    this.#ended.get(uid)?.resolve();
    this.#ended.delete(uid);
  }
}
