import type { V1Container, V1Pod, V1Probe } from '../../api/gen/types.ts';
import { type Clock, steadyMs, type Timer } from '../../std/clock.ts';
import type { ProbeKind, RuntimeContainer } from '../runtime/runtime.ts';
import { firstTryDelayMs, initialProgress, type ProbeProgress, progressAfter } from './probe-progress.ts';
import type { TryResult } from './probe-try.ts';

export interface ProbeWorkerOptions {
  readonly kind: ProbeKind;
  readonly probe: V1Probe;
  readonly container: RuntimeContainer;
  /** What the container was known to be before this kubelet started. */
  readonly adopted: ProbeProgress['verdict'] | undefined;
  readonly kubeletStartedAtMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** One try, retries included. Never rejects: undefined says that nothing could be found out. */
  readonly attempt: (worker: ProbeWorker) => Promise<TryResult | undefined>;
  /** The verdict has changed. */
  readonly changed: (worker: ProbeWorker) => void;
}

/** A manual try comes not sooner after the last. */
const SHORTEST_PAUSE_MS = 1000;

/** Tries one probe of one container again and again until it is stopped. At most one try at a time. */
export class ProbeWorker {
  readonly kind: ProbeKind;
  readonly container: RuntimeContainer;
  /** The newest that is known: a pod's labels and annotations change while it runs. */
  pod: V1Pod | undefined;
  spec: V1Container | undefined;
  /** Where the container is reached, once that is known. */
  podIp: string | undefined;
  #options: ProbeWorkerOptions;
  #probe: V1Probe;
  #progress: ProbeProgress;
  #timer: Timer | undefined;
  #trying = false;
  #stopped = false;
  #lastEndMs = Number.NEGATIVE_INFINITY;
  #firstMs: number;

  constructor(options: ProbeWorkerOptions) {
    const { kind, probe, container, adopted, clock } = options;
    this.#options = options;
    this.#probe = probe;
    this.kind = kind;
    this.container = container;
    const initial = initialProgress(kind);
    this.#progress = adopted ? { ...initial, verdict: adopted } : initial;
    const nowMs = clock.now();
    const delayMs = firstTryDelayMs({
      nowMs,
      startedAtMs: container.startedAtMs ?? container.createdAtMs,
      initialDelaySeconds: probe.initialDelaySeconds ?? 0,
      periodSeconds: this.#periodMs / 1000,
      kubeletStartedAtMs: options.kubeletStartedAtMs,
      random: options.random(),
    });
    this.#firstMs = steadyMs(clock) + delayMs;
    this.#arm(delayMs);
  }

  get probe(): V1Probe {
    return this.#probe;
  }

  get verdict(): ProbeProgress['verdict'] {
    return this.#progress.verdict;
  }

  /** Tries soon, out of turn, unless that would be before the initial delay is over or right after the last try. */
  trigger(): void {
    const nowMs = steadyMs(this.#options.clock);
    if (nowMs < this.#firstMs || nowMs - this.#lastEndMs < SHORTEST_PAUSE_MS) return;
    this.#timer?.cancel();
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  get #periodMs(): number {
    return Math.max(1, this.#probe.periodSeconds ?? 10) * 1000;
  }

  #arm(delayMs: number): void {
    this.#timer = this.#options.clock.setTimer(delayMs, () => void this.#run());
  }

  async #run(): Promise<void> {
    if (this.#trying || this.#stopped || this.#progress.onHold) return;
    this.#trying = true;
    const beganMs = steadyMs(this.#options.clock);
    const result = await this.#options.attempt(this);
    this.#trying = false;
    if (this.#stopped) return;
    const nowMs = steadyMs(this.#options.clock);
    this.#lastEndMs = nowMs;
    const before = this.#progress;
    if (result) this.#progress = progressAfter(before, this.kind, this.#probe, result.result !== 'failure');
    // As a ticker that drops what it cannot keep up with.
    if (!this.#progress.onHold) this.#arm(Math.max(0, beganMs + this.#periodMs - nowMs));
    if (this.#progress.verdict !== before.verdict) this.#options.changed(this);
  }
}
