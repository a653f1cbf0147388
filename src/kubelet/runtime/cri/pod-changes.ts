import { type Clock, steadyMs } from '../../../std/clock.ts';
import { formatGoDuration } from '../../../std/go-duration.ts';
import { isGrpcStatus } from '../../../std/grpc/grpc-error.ts';
import { isAbort } from '../../../std/lifecycle.ts';
import type { Logger } from '../../../std/logger.ts';
import type { KubeletMetrics } from '../../metrics/kubelet-metrics.ts';
import type { Overview } from './pod-listing.ts';
import { podUidOf } from './translate/container-state.ts';
import { POD_UID_LABEL } from './translate/pod-labels.ts';

export interface PodChangesOptions {
  readonly overview: () => Promise<Overview>;
  /** The uids of pods as their containers change; `Unimplemented` where the runtime does not tell. */
  readonly events: (signal: AbortSignal) => AsyncIterable<string>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: KubeletMetrics | undefined;
}

/** Where the runtime tells nothing by itself, it is asked this often. */
const RELIST_MS = 1000;
/** How long the first answer may take before that is a problem: a busy machine should not look broken. */
const FIRST_LIST_MS = 10_000;
/** Where it does, still now and then: an event may be lost. */
const RELIST_BESIDE_EVENTS_MS = 30_000;
const EVENTS_AGAIN_MS = 1000;
const EVENTS_UNKNOWN_AGAIN_MS = 5 * 60_000;
/** pkg/kubelet/pleg: relistThreshold. */
const THRESHOLD_MS = 3 * 60_000;

/**
 * Finds out which pods change by themselves: from the runtime's events, or by comparing what it lists with what it listed before. Works as
 * long as somebody listens.
 */
export class PodChanges {
  readonly #options: PodChangesOptions;
  readonly #listeners = new Set<(podUid: string) => void>();
  #running: AbortController | undefined;
  #known = new Map<string, string>();
  #eventsFlow = false;
  #listedAtMs: number | undefined;
  #startedAtMs = 0;

  constructor(options: PodChangesOptions) {
    this.#options = options;
  }

  subscribe(listener: (podUid: string) => void): () => void {
    this.#listeners.add(listener);
    if (!this.#running) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    this.#running?.abort(new DOMException('nobody listens to the runtime any more', 'AbortError'));
    this.#running = undefined;
  }

  /** Upstream's words when nothing has been learnt for too long. */
  problem(): string | undefined {
    if (!this.#running) return undefined;
    const nowMs = steadyMs(this.#options.clock);
    if (this.#listedAtMs === undefined)
      return nowMs - this.#startedAtMs > FIRST_LIST_MS ? 'PLEG is not healthy: pleg has yet to be successful' : undefined;
    const sinceMs = nowMs - this.#listedAtMs;
    if (sinceMs <= THRESHOLD_MS) return undefined;
    const [since, threshold] = [formatGoDuration(sinceMs), formatGoDuration(THRESHOLD_MS)];
    return `PLEG is not healthy: pleg was last seen active ${since} ago; threshold is ${threshold}`;
  }

  #start(): void {
    const { logger, clock } = this.#options;
    const controller = new AbortController();
    this.#running = controller;
    this.#startedAtMs = steadyMs(clock);
    const { signal } = controller;
    const report = (error: unknown) => {
      if (!isAbort(error, signal)) logger.error('Watching the container runtime ended', { err: error });
    };
    this.#relistForEver(signal).catch(report);
    this.#followEvents(signal).catch(report);
  }

  async #relistForEver(signal: AbortSignal): Promise<void> {
    const { clock, logger, metrics } = this.#options;
    for (;;) {
      const startedMs = steadyMs(clock);
      const dueMs = this.#eventsFlow ? RELIST_BESIDE_EVENTS_MS : 0;
      if (this.#listedAtMs === undefined || startedMs - this.#listedAtMs >= dueMs) {
        try {
          const overview = await this.#options.overview();
          signal.throwIfAborted();
          if (this.#listedAtMs !== undefined)
            metrics?.observe('kubelet_pleg_relist_interval_seconds', (startedMs - this.#listedAtMs) / 1000);
          this.#compare(overview);
          this.#listedAtMs = steadyMs(clock);
          metrics?.observe('kubelet_pleg_relist_duration_seconds', (this.#listedAtMs - startedMs) / 1000);
          metrics?.set('kubelet_pleg_last_seen_seconds', clock.now() / 1000);
        } catch (error) {
          signal.throwIfAborted();
          logger.debug(2, 'GenericPLEG: Unable to retrieve pods', { err: error });
        }
      }
      await clock.sleep(RELIST_MS, signal);
    }
  }

  async #followEvents(signal: AbortSignal): Promise<void> {
    const { clock, logger, events } = this.#options;
    for (;;) {
      let pauseMs = EVENTS_AGAIN_MS;
      try {
        for await (const podUid of events(signal)) {
          this.#eventsFlow = true;
          this.#tell(podUid);
        }
      } catch (error) {
        signal.throwIfAborted();
        if (isGrpcStatus(error, 'Unimplemented')) pauseMs = EVENTS_UNKNOWN_AGAIN_MS;
        else logger.debug(2, 'The stream of container events ended', { err: error });
      }
      this.#eventsFlow = false;
      await clock.sleep(pauseMs, signal);
    }
  }

  #compare(overview: Overview): void {
    const now = signatures(overview);
    const before = this.#known;
    this.#known = now;
    // The first look is where those who listen begin; they list for themselves.
    if (this.#listedAtMs === undefined) return;
    for (const uid of new Set([...before.keys(), ...now.keys()])) if (before.get(uid) !== now.get(uid)) this.#tell(uid);
  }

  #tell(podUid: string): void {
    for (const listener of [...this.#listeners]) listener(podUid);
  }
}

/** By pod, what its sandboxes and containers are and which state each is in. */
export function signatures({ sandboxes, containers }: Overview): Map<string, string> {
  const uids = new Map(sandboxes.map((sandbox) => [sandbox.id, podUidOf(sandbox)]));
  const parts = new Map<string, string[]>();
  const add = (uid: string, part: string) => {
    const known = parts.get(uid);
    if (known) known.push(part);
    else parts.set(uid, [part]);
  };
  for (const sandbox of sandboxes) add(podUidOf(sandbox), `${sandbox.id}:${sandbox.state}`);
  for (const { id, state, labels, pod_sandbox_id } of containers)
    add(labels[POD_UID_LABEL] ?? uids.get(pod_sandbox_id) ?? '', `${id}:${state}`);
  return new Map([...parts].map(([uid, list]) => [uid, list.sort().join(' ')]));
}
