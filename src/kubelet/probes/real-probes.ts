import type { V1Container, V1Pod, V1Probe } from '../../api/gen/types.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { containerSubject } from '../pods/container-subject.ts';
import type { ProbeKind, Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import type { PodProbes, ProbeFailure, ProbeOutcome } from './pod-probes.ts';
import { type TryResult, tryProbe } from './probe-try.ts';
import { ProbeWorker } from './probe-worker.ts';

export interface RealProbesOptions {
  readonly runtime: Pick<Runtime, 'streams' | 'list'>;
  /** Where pods on the host's network are reached. */
  readonly nodeIps: readonly string[];
  readonly events: EventRecorder | undefined;
  /** True: after a start, containers that were ready count as not ready until they are probed, as before Kubernetes 1.35. */
  readonly forgetOnRestart?: boolean;
  readonly metrics?: KubeletMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

export interface RealProbes extends PodProbes {
  /** Ends all probes. */
  stop(): void;
}

const KINDS: readonly ProbeKind[] = ['startup', 'readiness', 'liveness'];
const WORDS: Readonly<Record<ProbeKind, string>> = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' };
/** Tries of a probe that could not be carried out. */
const MOST_RETRIES = 3;

/** Probes of real containers, each a worker with a timer of its own. */
export function createRealProbes(options: RealProbesOptions): RealProbes {
  return new WorkingProbes(options);
}

type Workers = Map<ProbeKind, ProbeWorker>;

class WorkingProbes implements RealProbes {
  readonly #options: RealProbesOptions;
  readonly #startedAtMs: number;
  /** By id of the container; all are of containers that run. */
  readonly #workers = new Map<string, Workers>();
  readonly #listeners = new Set<(podUid: string) => void>();

  constructor(options: RealProbesOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.now();
  }

  isStarted(pod: V1Pod, container: RuntimeContainer): boolean {
    if (container.phase !== 'running') return false;
    if (!specOf(pod, container.name)?.startupProbe) return true;
    return this.#verdict(pod, container, 'startup') === 'success';
  }

  isReady(pod: V1Pod, container: RuntimeContainer): boolean {
    if (container.phase !== 'running') return false;
    if (!specOf(pod, container.name)?.readinessProbe) return this.isStarted(pod, container);
    return this.#verdict(pod, container, 'readiness') === 'success';
  }

  async check(pod: V1Pod, containers: readonly RuntimeContainer[]): Promise<ProbeOutcome> {
    const failures = new Map<string, ProbeFailure>();
    for (const container of containers) {
      const spec = specOf(pod, container.name);
      if (container.phase !== 'running' || !spec) {
        this.#end(container.id);
        continue;
      }
      this.#keepGoing(pod, spec, container);
      for (const kind of ['startup', 'liveness'] as const) {
        const worker = this.#workers.get(container.id)?.get(kind);
        if (worker?.verdict !== 'failure') continue;
        const gracePeriodSeconds = worker.probe.terminationGracePeriodSeconds;
        failures.set(container.id, { kind, ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }) });
      }
    }
    return { unhealthy: new Set(failures.keys()), failures };
  }

  forget(containers: readonly RuntimeContainer[]): void {
    for (const { id } of containers) this.#end(id);
    for (const uid of new Set(containers.map(({ podUid }) => podUid)))
      this.#options.metrics?.remove('prober_probe_total', { pod_uid: uid });
  }

  subscribe(listener: (podUid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    for (const id of [...this.#workers.keys()]) this.#end(id);
  }

  /** The workers that a running container should have now. */
  #keepGoing(pod: V1Pod, spec: V1Container, container: RuntimeContainer): void {
    const workers = this.#workers.get(container.id) ?? new Map<ProbeKind, ProbeWorker>();
    const ending = pod.metadata?.deletionTimestamp !== undefined;
    const started = this.isStarted(pod, container);
    for (const kind of KINDS) {
      const probe = probeOf(spec, kind);
      // What is being ended is left in peace, but told apart from what is ready.
      const wanted = kind === 'startup' ? !started && !ending : started && !(ending && kind === 'liveness');
      const worker = workers.get(kind);
      if (worker && probe && wanted) {
        worker.pod = pod;
        worker.spec = spec;
        if (kind === 'readiness' && worker.verdict !== 'success') worker.trigger();
      } else if (worker && (kind === 'liveness' || worker.verdict !== 'success')) {
        worker.stop();
        workers.delete(kind);
      } else if (worker)
        worker.stop(); // its verdict still counts
      else if (probe && wanted) workers.set(kind, this.#begin(pod, spec, container, kind, probe));
    }
    if (workers.size > 0) this.#workers.set(container.id, workers);
    else this.#workers.delete(container.id);
  }

  #begin(pod: V1Pod, spec: V1Container, container: RuntimeContainer, kind: ProbeKind, probe: V1Probe): ProbeWorker {
    const { clock, random } = this.#options;
    const worker = new ProbeWorker({
      kind,
      probe,
      container,
      adopted: this.#adopted(pod, container, kind) ? 'success' : undefined,
      kubeletStartedAtMs: this.#startedAtMs,
      clock,
      random,
      attempt: (it) => this.#attempt(it),
      changed: ({ container: { podUid } }) => {
        for (const listener of this.#listeners) listener(podUid);
      },
    });
    worker.pod = pod;
    worker.spec = spec;
    return worker;
  }

  #end(containerId: string): void {
    for (const worker of this.#workers.get(containerId)?.values() ?? []) worker.stop();
    this.#workers.delete(containerId);
  }

  #verdict(pod: V1Pod, container: RuntimeContainer, kind: ProbeKind): 'success' | 'failure' | 'unknown' {
    const worker = this.#workers.get(container.id)?.get(kind);
    if (worker) return worker.verdict;
    return this.#adopted(pod, container, kind) ? 'success' : 'unknown';
  }

  /** What this kubelet's predecessor told of a container that it started: kept until a probe shows otherwise. */
  #adopted({ status }: V1Pod, container: RuntimeContainer, kind: ProbeKind): boolean {
    if (this.#options.forgetOnRestart || kind === 'liveness') return false;
    if ((container.startedAtMs ?? container.createdAtMs) >= this.#startedAtMs) return false;
    const told = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find(
      ({ containerID }) => containerID?.slice(containerID.indexOf('://') + 3) === container.id,
    );
    return kind === 'startup' ? told?.started === true : told?.ready === true;
  }

  async #attempt(worker: ProbeWorker): Promise<TryResult | undefined> {
    const { kind, container, pod, spec, probe } = worker;
    if (!pod || !spec) return undefined;
    const { events, clock, logger, runtime } = this.#options;
    const beganMs = clock.now();
    const tell = (reason: string, message: string) => events?.event(containerSubject(pod, spec.name), 'Warning', reason, message);
    try {
      // The address is the sandbox's, which outlives the container. Commands need none.
      if (!probe.exec) worker.podIp ??= await this.#addressOf(pod, container);
      const podIp = worker.podIp ?? '';
      const tools = { streams: runtime.streams, setTimer: clock.setTimer.bind(clock), nowMs: () => clock.now() };
      const result = await withRetries(() => tryProbe({ probe, container: spec, containerId: container.id, podIp }, tools));
      if (result.result === 'failure') tell('Unhealthy', `${WORDS[kind]} probe failed: ${result.output}`);
      if (result.result === 'warning') tell('ProbeWarning', `${WORDS[kind]} probe warning: ${result.output}`);
      this.#count(worker, pod, beganMs, result.result === 'failure' ? 'failed' : 'successful');
      return result;
    } catch (error) {
      const { message } = error as Error;
      // A container that has just ended cannot be asked: that says nothing of its health.
      if (this.#workers.get(container.id)?.get(kind) === worker) {
        tell('Unhealthy', `${WORDS[kind]} probe errored and resulted in unknown state: ${message}`);
        logger.warn(`${WORDS[kind]} probe errored`, {
          pod: `${pod.metadata?.namespace}/${pod.metadata?.name}`,
          container: spec.name,
          err: error,
        });
        this.#count(worker, pod, beganMs, 'unknown');
      }
      return undefined;
    }
  }

  #count(
    { kind, container }: ProbeWorker,
    { metadata }: V1Pod,
    beganMs: number,
    result: 'successful' | 'failed' | 'unknown',
  ): void {
    const { metrics, clock } = this.#options;
    const { name = '', namespace = '', uid = '' } = metadata ?? {};
    const labels = [WORDS[kind], container.name, name, namespace];
    metrics?.add('prober_probe_total', [WORDS[kind], result, container.name, name, namespace, uid]);
    if (result !== 'failed') metrics?.observe('prober_probe_duration_seconds', (clock.now() - beganMs) / 1000, labels);
  }

  async #addressOf(pod: V1Pod, { podUid, sandboxId }: RuntimeContainer): Promise<string> {
    if (pod.spec?.hostNetwork) return this.#options.nodeIps[0] ?? '127.0.0.1';
    const { sandboxes } = await this.#options.runtime.list(podUid);
    const address = sandboxes.find(({ id }) => id === sandboxId)?.ips[0];
    if (!address) throw new Error('the pod has no address yet');
    return address;
  }
}

async function withRetries(attempt: () => Promise<TryResult>): Promise<TryResult> {
  for (let left = MOST_RETRIES - 1; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

/** Ephemeral containers have no probes, nor have init containers that are not restarted. */
function specOf({ spec }: V1Pod, name: string): V1Container | undefined {
  return (
    spec?.containers.find((container) => container.name === name) ??
    spec?.initContainers?.find((container) => container.name === name && container.restartPolicy === 'Always')
  );
}

function probeOf(container: V1Container, kind: ProbeKind): V1Probe | undefined {
  return kind === 'startup' ? container.startupProbe : kind === 'readiness' ? container.readinessProbe : container.livenessProbe;
}
