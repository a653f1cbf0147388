import type { V1ContainerStatus, V1Pod } from '../../../api/gen/types.ts';
import type { Clock, Timer } from '../../../std/clock.ts';
import { CodedError } from '../../../std/coded-error.ts';
import { MUSTER_VERSION } from '../../../std/version.ts';
import type { ContainerPhase, PodSandbox, Runtime, RuntimeContainer, RuntimeStatus } from '../runtime.ts';
import { AddressPool } from './address-pool.ts';
import { hollowBehaviour } from './hollow-annotations.ts';

export interface HollowRuntimeOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Where pods get their addresses from as long as the cluster gave the node no range. */
  readonly fallbackPodCidr?: string;
}

const READY: RuntimeStatus = { ready: true, networkReady: true };
const SIGKILL_EXIT = 137;

interface HollowContainer {
  state: RuntimeContainer;
  /** What the pod asked for when it started: the pod itself would be kept as it was then. */
  readonly stopAfterMs: number;
  endTimer?: Timer;
}

/**
 * A runtime that keeps the state of pods which it does not run: they start, answer probes, end and stop as their
 * annotations say, and cost a few hundred bytes each. It forgets with the process; `restore` takes over from the API's statuses.
 */
export function createHollowRuntime(options: HollowRuntimeOptions): Runtime {
  return new HollowRuntime(options);
}

class HollowRuntime implements Runtime {
  readonly version = { name: 'hollow', version: MUSTER_VERSION };
  #options: HollowRuntimeOptions;
  #sandboxes = new Map<string, PodSandbox>();
  #containers = new Map<string, HollowContainer>();
  /** By pod: what `list` is asked for again and again. */
  #byPod = new Map<string, { sandboxes: Set<string>; containers: Set<string> }>();
  #listeners = new Set<(podUid: string) => void>();
  #pool: AddressPool | undefined;

  constructor(options: HollowRuntimeOptions) {
    this.#options = options;
  }

  async status(): Promise<RuntimeStatus> {
    return READY;
  }

  async list(podUid?: string) {
    if (podUid === undefined)
      return { sandboxes: [...this.#sandboxes.values()], containers: [...this.#containers.values()].map(({ state }) => state) };
    const ids = this.#byPod.get(podUid);
    return {
      sandboxes: [...(ids?.sandboxes ?? [])].map((id) => this.#sandboxes.get(id)!),
      containers: [...(ids?.containers ?? [])].map((id) => this.#containers.get(id)!.state),
    };
  }

  async runSandbox({ pod, attempt, podCidr }: { pod: V1Pod; attempt: number; podCidr?: string }): Promise<PodSandbox> {
    const { uid = '', name = '', namespace = '' } = pod.metadata ?? {};
    const ips = pod.spec?.hostNetwork ? [] : [this.#addresses(podCidr).take()];
    const sandbox: PodSandbox = {
      id: this.#newId(),
      podUid: uid,
      podName: name,
      podNamespace: namespace,
      ready: true,
      createdAtMs: this.#options.clock.now(),
      ips,
      attempt,
    };
    this.#putSandbox(sandbox);
    return sandbox;
  }

  async stopSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox?.ready) return;
    for (const containerId of [...(this.#byPod.get(sandbox.podUid)?.containers ?? [])])
      if (this.#containers.get(containerId)?.state.sandboxId === id) this.#end(containerId, SIGKILL_EXIT);
    for (const ip of sandbox.ips) this.#pool?.release(ip);
    this.#sandboxes.set(id, { ...sandbox, ready: false });
  }

  async removeSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox) return;
    await this.stopSandbox(id);
    const ids = this.#byPod.get(sandbox.podUid);
    for (const containerId of [...(ids?.containers ?? [])])
      if (this.#containers.get(containerId)?.state.sandboxId === id) await this.removeContainer(containerId);
    this.#sandboxes.delete(id);
    ids?.sandboxes.delete(id);
    this.#forgetIfEmpty(sandbox.podUid);
  }

  async startContainer(
    sandbox: PodSandbox,
    request: { pod: V1Pod; container: { name: string; image?: string }; attempt: number },
  ) {
    const { pod, container, attempt } = request;
    const { clock } = this.#options;
    this.#checkReady(sandbox.id);
    const behaviour = hollowBehaviour(pod, container.name);
    const createdAtMs = clock.now();
    if (behaviour.startAfterMs > 0) {
      await clock.sleep(behaviour.startAfterMs);
      this.#checkReady(sandbox.id);
    }
    const image = container.image ?? '';
    const state: RuntimeContainer = {
      id: this.#newId(),
      sandboxId: sandbox.id,
      podUid: sandbox.podUid,
      name: container.name,
      attempt,
      phase: 'running',
      image,
      imageId: image,
      createdAtMs,
      startedAtMs: clock.now(),
    };
    this.#putContainer({ state, stopAfterMs: behaviour.stopAfterMs });
    this.#endLater(state.id, behaviour.runForMs, behaviour.exitCode);
    return state;
  }

  #checkReady(sandboxId: string): void {
    if (!this.#sandboxes.get(sandboxId)?.ready)
      throw new CodedError(`sandbox ${sandboxId} is not running`, { code: 'SANDBOX_NOT_READY', retryable: true });
  }

  async stopContainer(id: string, gracePeriodMs: number): Promise<void> {
    const container = this.#containers.get(id);
    if (container?.state.phase !== 'running') return;
    const { stopAfterMs } = container;
    const waitMs = Math.min(stopAfterMs, gracePeriodMs);
    if (waitMs > 0) await this.#options.clock.sleep(waitMs);
    // What ends when asked ends well; what had to be killed shows the signal.
    this.#end(id, stopAfterMs <= gracePeriodMs ? 0 : SIGKILL_EXIT);
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    container.endTimer?.cancel();
    this.#containers.delete(id);
    this.#byPod.get(container.state.podUid)?.containers.delete(id);
    this.#forgetIfEmpty(container.state.podUid);
  }

  async probe(id: string) {
    const running = this.#containers.get(id)?.state.phase === 'running';
    return { success: running, constant: true };
  }

  subscribe(listener: (podUid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async restore(pods: readonly V1Pod[]): Promise<void> {
    for (const pod of pods) this.#restorePod(pod);
  }

  #restorePod(pod: V1Pod): void {
    const { metadata, spec, status } = pod;
    const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
    const known = statuses.filter(({ containerID }) => containerID?.startsWith('hollow://'));
    if (!metadata?.uid || this.#byPod.has(metadata.uid) || known.length === 0) return;
    const ips = spec?.hostNetwork ? [] : (status?.podIPs ?? []).map(({ ip }) => ip);
    for (const ip of ips) this.#pool?.claim(ip);
    const running = status?.phase === 'Pending' || status?.phase === 'Running';
    const sandbox: PodSandbox = {
      id: this.#newId(),
      podUid: metadata.uid,
      podName: metadata.name ?? '',
      podNamespace: metadata.namespace ?? '',
      ready: running,
      createdAtMs: time(status?.startTime) ?? this.#options.clock.now(),
      ips,
      attempt: 0,
    };
    this.#putSandbox(sandbox);
    for (const containerStatus of known) this.#restoreContainer(pod, sandbox, containerStatus);
  }

  #restoreContainer(pod: V1Pod, sandbox: PodSandbox, status: V1ContainerStatus): void {
    const { running, terminated } = status.state ?? {};
    if (!running && !terminated) return;
    const startedAtMs = time(running?.startedAt ?? terminated?.startedAt) ?? sandbox.createdAtMs;
    const phase: ContainerPhase = running ? 'running' : 'exited';
    const state: RuntimeContainer = {
      id: status.containerID!.slice('hollow://'.length),
      sandboxId: sandbox.id,
      podUid: sandbox.podUid,
      name: status.name,
      attempt: status.restartCount,
      phase,
      image: status.image,
      imageId: status.imageID,
      createdAtMs: startedAtMs,
      startedAtMs,
      ...(terminated && {
        finishedAtMs: time(terminated.finishedAt) ?? startedAtMs,
        exitCode: terminated.exitCode,
        reason: terminated.reason,
        message: terminated.message,
      }),
    };
    if (phase !== 'running') {
      this.#putContainer({ state, stopAfterMs: 0 });
      return;
    }
    const { runForMs, exitCode, stopAfterMs } = hollowBehaviour(pod, status.name);
    this.#putContainer({ state, stopAfterMs });
    const ranMs = this.#options.clock.now() - startedAtMs;
    this.#endLater(state.id, runForMs === undefined ? undefined : Math.max(0, runForMs - ranMs), exitCode);
  }

  #endLater(id: string, afterMs: number | undefined, exitCode: number): void {
    if (afterMs === undefined) return;
    const container = this.#containers.get(id)!;
    container.endTimer = this.#options.clock.setTimer(afterMs, () => this.#end(id, exitCode));
  }

  #end(id: string, exitCode: number): void {
    const container = this.#containers.get(id);
    if (container?.state.phase !== 'running') return;
    container.endTimer?.cancel();
    const finishedAtMs = this.#options.clock.now();
    const reason = exitCode === 0 ? 'Completed' : 'Error';
    container.state = { ...container.state, phase: 'exited', finishedAtMs, exitCode, reason };
    for (const listener of this.#listeners) listener(container.state.podUid);
  }

  /** The range that the cluster gave goes before the fallback; addresses handed out before stay with their pods. */
  #addresses(podCidr: string | undefined): AddressPool {
    const cidr = podCidr ?? this.#options.fallbackPodCidr ?? '10.88.0.0/16';
    if (this.#pool?.cidr !== cidr) {
      this.#pool = new AddressPool(cidr);
      for (const { ready, ips } of this.#sandboxes.values()) if (ready) for (const ip of ips) this.#pool.claim(ip);
    }
    return this.#pool;
  }

  #entry(podUid: string) {
    const known = this.#byPod.get(podUid);
    if (known) return known;
    const entry = { sandboxes: new Set<string>(), containers: new Set<string>() };
    this.#byPod.set(podUid, entry);
    return entry;
  }

  #putSandbox(sandbox: PodSandbox): void {
    this.#sandboxes.set(sandbox.id, sandbox);
    this.#entry(sandbox.podUid).sandboxes.add(sandbox.id);
  }

  #putContainer(container: HollowContainer): void {
    this.#containers.set(container.state.id, container);
    this.#entry(container.state.podUid).containers.add(container.state.id);
  }

  #forgetIfEmpty(podUid: string): void {
    const entry = this.#byPod.get(podUid);
    if (entry && entry.sandboxes.size === 0 && entry.containers.size === 0) this.#byPod.delete(podUid);
  }

  /** 64 hex digits, as containerd's. */
  #newId(): string {
    let id = '';
    while (id.length < 64)
      id += Math.floor(this.#options.random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    return id;
  }
}

function time(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
