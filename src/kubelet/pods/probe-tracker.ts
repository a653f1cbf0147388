import type { V1Container, V1Pod, V1Probe } from '../../api/gen/types.ts';
import type { ProbeKind, Runtime, RuntimeContainer } from '../runtime/runtime.ts';

/** What the probes of one running container have shown. */
interface Track {
  readonly results: Map<ProbeKind, Progress>;
}

interface Progress {
  passed: boolean;
  successes: number;
  failures: number;
  /** Infinity when asking again is no use. */
  nextMs: number;
}

/**
 * Probes running containers when they are due: startup first, then readiness and liveness. Holds no timers: `check` says
 * when to ask again. A container without a probe has passed it.
 */
export class ProbeTracker {
  #runtime: Runtime;
  #tracks = new Map<string, Track>();
  readonly #specs = new WeakMap<V1Pod, ReadonlyMap<string, V1Container>>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  isStarted(pod: V1Pod, container: RuntimeContainer): boolean {
    return this.#passed(pod, container, 'startup');
  }

  isReady(pod: V1Pod, container: RuntimeContainer): boolean {
    return this.isStarted(pod, container) && this.#passed(pod, container, 'readiness');
  }

  /** Does what is due. Answers which containers must be killed and after how long to come again. */
  async check(
    pod: V1Pod,
    containers: readonly RuntimeContainer[],
    nowMs: number,
  ): Promise<{ unhealthy: Set<string>; recheckAfterMs?: number }> {
    const unhealthy = new Set<string>();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const container of containers) {
      const spec = this.#specOf(pod, container.name);
      if (container.phase !== 'running' || !spec) continue;
      const kinds: ProbeKind[] = spec.startupProbe && !this.isStarted(pod, container) ? ['startup'] : ['readiness', 'liveness'];
      for (const kind of kinds) {
        const probe = probeOf(spec, kind);
        if (!probe) continue;
        const progress = this.#progress(container, kind, probe);
        if (progress.nextMs <= nowMs) await this.#try(container, kind, probe, progress, nowMs);
        nextMs = Math.min(nextMs, progress.nextMs);
        const limit = probe.failureThreshold ?? 3;
        if (kind !== 'readiness' && progress.failures >= limit) unhealthy.add(container.id);
      }
      // What has just passed its startup probe goes on with the others at once.
      if (kinds[0] === 'startup' && this.isStarted(pod, container) && (spec.readinessProbe || spec.livenessProbe)) nextMs = nowMs;
    }
    return { unhealthy, ...(Number.isFinite(nextMs) && { recheckAfterMs: Math.max(0, nextMs - nowMs) }) };
  }

  /** By look-up: a pod may have thousands of containers, each of which is asked for. */
  #specOf(pod: V1Pod, name: string): V1Container | undefined {
    let specs = this.#specs.get(pod);
    if (!specs) {
      const { containers = [], initContainers = [] } = pod.spec ?? {};
      specs = new Map([...initContainers, ...containers].map((container) => [container.name, container]));
      this.#specs.set(pod, specs);
    }
    return specs.get(name);
  }

  forget(containers: readonly RuntimeContainer[]): void {
    for (const { id } of containers) this.#tracks.delete(id);
  }

  async #try(container: RuntimeContainer, kind: ProbeKind, probe: V1Probe, progress: Progress, nowMs: number): Promise<void> {
    const { success, constant } = await this.#runtime.probe(container.id, kind, probe);
    if (success) {
      progress.successes++;
      progress.failures = 0;
    } else {
      progress.failures++;
      progress.successes = 0;
    }
    const needed = kind === 'readiness' ? (probe.successThreshold ?? 1) : 1;
    if (success && (progress.successes >= needed || constant)) progress.passed = true;
    if (!success && progress.failures >= (probe.failureThreshold ?? 3)) progress.passed = false;
    const settled = constant && success;
    progress.nextMs = settled ? Number.POSITIVE_INFINITY : nowMs + (probe.periodSeconds ?? 10) * 1000;
  }

  #passed(pod: V1Pod, container: RuntimeContainer, kind: ProbeKind): boolean {
    const spec = this.#specOf(pod, container.name);
    if (!spec || !probeOf(spec, kind)) return true;
    return this.#tracks.get(container.id)?.results.get(kind)?.passed ?? false;
  }

  #progress(container: RuntimeContainer, kind: ProbeKind, probe: V1Probe): Progress {
    let track = this.#tracks.get(container.id);
    if (!track) {
      track = { results: new Map() };
      this.#tracks.set(container.id, track);
    }
    let progress = track.results.get(kind);
    if (!progress) {
      const firstMs = (container.startedAtMs ?? container.createdAtMs) + (probe.initialDelaySeconds ?? 0) * 1000;
      progress = { passed: kind === 'liveness', successes: 0, failures: 0, nextMs: firstMs };
      track.results.set(kind, progress);
    }
    return progress;
  }
}

function probeOf(container: V1Container, kind: ProbeKind): V1Probe | undefined {
  return kind === 'startup' ? container.startupProbe : kind === 'readiness' ? container.readinessProbe : container.livenessProbe;
}
