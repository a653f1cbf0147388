import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { createInformer, type Informer } from '../../client/informer.ts';
import type { Clock } from '../../std/clock.ts';
import { type Component, deferred, isAbort } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import type { PodSandbox, Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import { KeyedRunner } from './keyed-runner.ts';
import type { PodsOfNode } from './pod-parts.ts';
import { type ContainerStart, newestOf, planPod } from './pod-plan.ts';
import { podStatus } from './pod-status.ts';
import { ProbeTracker } from './probe-tracker.ts';
import { StatusWriter } from './status-writer.ts';

export interface PodControllerOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly nodeIps: readonly string[];
  readonly runtime: Runtime;
  /** The node's range of pod addresses, when the cluster gave it one. */
  readonly podCidr: () => Promise<string | undefined>;
  readonly events: EventRecorder | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

export interface PodController extends Component, Omit<PodsOfNode, 'evict'> {}

type Problem = { readonly reason: string; readonly message: string };

const UID = 'uid';
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 120_000;

/**
 * Runs the pods that the API server binds to this node: one level-triggered `sync` a pod, never two at a time for one pod.
 * `start` resolves when the pods are known.
 */
export function createPodController(options: PodControllerOptions): PodController {
  const { client, nodeName, runtime, clock, logger, random, events } = options;
  const informer: Informer<V1Pod> = createInformer<V1Pod>({
    client,
    kind: podKind,
    fieldSelector: `spec.nodeName=${nodeName}`,
    clock,
    logger,
    random,
  });
  informer.addIndex(UID, (pod) => [pod.metadata?.uid ?? '']);
  const probes = new ProbeTracker(runtime);
  /** Deleted by us for good; their finalizers may keep them a while. */
  const finished = new Set<string>();
  const done = deferred();
  let statuses: StatusWriter;

  async function sync(uid: string): Promise<number | undefined> {
    const pod = informer.byIndex(UID, uid)[0];
    if (!pod) return cleanUp(uid);
    statuses.observe(pod);
    if (pod.metadata?.deletionTimestamp) return terminate(pod, uid);
    const phase = pod.status?.phase;
    if (phase === 'Succeeded' || phase === 'Failed') return stopSandboxes(uid);
    return advance(pod, uid);
  }

  /** Takes steps until none is left, then tells the status. */
  async function advance(pod: V1Pod, uid: string): Promise<number | undefined> {
    const trouble = new Map<string, Problem>();
    for (;;) {
      const { sandboxes, containers } = await runtime.list(uid);
      const nowMs = clock.now();
      const { unhealthy, recheckAfterMs } = await probes.check(pod, containers, nowMs);
      const isStarted = (container: RuntimeContainer) => probes.isStarted(pod, container);
      const plan = planPod({ pod, sandboxes, containers, isStarted, unhealthy, nowMs });
      const sandbox = newestReady(sandboxes);
      const tell = () => tellStatus(pod, sandbox, containers, plan.backoff, trouble);
      if (plan.sandboxAttempt !== undefined) {
        tell();
        await runSandbox(pod, plan.sandboxAttempt, trouble, tell);
        continue;
      }
      if (plan.stop.length > 0) {
        await Promise.all(plan.stop.map((id) => stopContainer(pod, containers, id)));
        continue;
      }
      const starts = plan.start.filter(({ container }) => !trouble.has(container.name));
      if (starts.length > 0 && sandbox) {
        tell();
        for (const start of starts) await startContainer(pod, sandbox, start, trouble);
        continue;
      }
      for (const id of plan.remove) await runtime.removeContainer(id);
      tell();
      if (plan.over) {
        await statuses.settled(uid);
        await stopSandboxes(uid);
        return undefined;
      }
      if (trouble.size > 0) throw new Error([...trouble.values()].map(({ message }) => message).join('; '));
      return shortest(plan.recheckAfterMs, recheckAfterMs);
    }
  }

  function tellStatus(
    pod: V1Pod,
    sandbox: PodSandbox | undefined,
    containers: readonly RuntimeContainer[],
    backoff: ReadonlyMap<string, number>,
    trouble: ReadonlyMap<string, Problem>,
  ): void {
    // What was told last counts, though the server may not have it yet: times of conditions come from it.
    const uid = pod.metadata?.uid ?? '';
    const status = statuses.statusOf(uid) ?? pod.status;
    const current = { ...pod, status };
    statuses.set(
      pod,
      podStatus({
        pod: current,
        sandbox,
        containers,
        runtimeName: runtime.version.name,
        hostIps: options.nodeIps,
        isStarted: (container) => probes.isStarted(pod, container),
        isReady: (container) => probes.isReady(pod, container),
        backoff,
        problems: trouble,
        nowMs: clock.now(),
      }),
    );
  }

  async function runSandbox(pod: V1Pod, attempt: number, trouble: Map<string, Problem>, tell: () => void): Promise<void> {
    const podCidr = pod.spec?.hostNetwork ? undefined : await options.podCidr();
    try {
      await runtime.runSandbox({ pod, attempt, ...(podCidr && { podCidr }) });
    } catch (error) {
      const message = `Failed to create pod sandbox: ${(error as Error).message}`;
      trouble.set('', { reason: 'ContainerCreating', message });
      events?.event(pod, 'Warning', 'FailedCreatePodSandBox', message);
      tell();
      throw error;
    }
  }

  async function startContainer(
    pod: V1Pod,
    sandbox: PodSandbox,
    start: ContainerStart,
    trouble: Map<string, Problem>,
  ): Promise<void> {
    const { container, attempt } = start;
    try {
      await runtime.startContainer(sandbox, { pod, container, attempt });
      events?.event(pod, 'Normal', 'Created', `Created container: ${container.name}`);
      events?.event(pod, 'Normal', 'Started', `Started container ${container.name}`);
    } catch (error) {
      const { message } = error as Error;
      trouble.set(container.name, { reason: 'CreateContainerError', message });
      events?.event(pod, 'Warning', 'Failed', `Error: ${message}`);
    }
  }

  async function stopContainer(pod: V1Pod, containers: readonly RuntimeContainer[], id: string, graceMs?: number): Promise<void> {
    const name = containers.find((container) => container.id === id)?.name ?? id;
    events?.event(pod, 'Normal', 'Killing', `Stopping container ${name}`);
    await runtime.stopContainer(id, graceMs ?? (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000);
  }

  /** The pod was deleted: end it within its grace period, tell how it ended, and let the object go. */
  async function terminate(pod: V1Pod, uid: string): Promise<undefined> {
    const graceSeconds = pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;
    const before = await runtime.list(uid);
    const running = before.containers.filter(({ phase }) => phase === 'running');
    await Promise.all(running.map(({ id }) => stopContainer(pod, before.containers, id, graceSeconds * 1000)));
    const { sandboxes, containers } = await runtime.list(uid);
    for (const { id } of sandboxes) await runtime.stopSandbox(id);
    if (finished.has(uid)) return undefined;
    if (containers.length > 0) tellStatus(pod, undefined, containers, new Map(), new Map());
    await statuses.settled(uid);
    const { name = '', namespace = '' } = pod.metadata ?? {};
    try {
      await client.resource<V1Pod>(podKind, namespace).delete(name, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      if (!isStatus(error, 'NotFound') && !isStatus(error, 'Conflict')) throw error;
    }
    finished.add(uid);
    return undefined;
  }

  /** Nobody knows the pod any more: whatever of it is left goes. */
  async function cleanUp(uid: string): Promise<undefined> {
    const { sandboxes, containers } = await runtime.list(uid);
    probes.forget(containers);
    await Promise.all(containers.filter(({ phase }) => phase === 'running').map(({ id }) => runtime.stopContainer(id, 0)));
    for (const { id } of sandboxes) {
      await runtime.stopSandbox(id);
      await runtime.removeSandbox(id);
    }
    statuses.forget(uid);
    finished.delete(uid);
    return undefined;
  }

  async function stopSandboxes(uid: string): Promise<undefined> {
    const { sandboxes, containers } = await runtime.list(uid);
    probes.forget(containers);
    for (const { id, ready } of sandboxes) if (ready) await runtime.stopSandbox(id);
    return undefined;
  }

  async function run(signal: AbortSignal): Promise<void> {
    await informer.start(signal);
    await runtime.restore?.(informer.list());
    const runner = new KeyedRunner({
      clock,
      work: sync,
      failed: (uid, error, failures) => {
        if (!signal.aborted) {
          const pod = informer.byIndex(UID, uid)[0]?.metadata;
          logger.error('Error syncing pod, skipping', { pod: pod ? `${pod.namespace}/${pod.name}` : uid, err: error });
        }
        return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20)) * (1 + 0.1 * random());
      },
    });
    const unsubscribe = runtime.subscribe((uid) => runner.poke(uid));
    // Pods that the runtime has and the API server has not.
    for (const { podUid } of (await runtime.list()).sandboxes) runner.poke(podUid);
    const unlisten = informer.onChange(({ object }) => runner.poke(object.metadata?.uid ?? ''));
    const stop = () => {
      unsubscribe();
      unlisten();
      runner.stop();
      informer.done.then(done.resolve, done.reject);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  }

  function withNewestStatus(pod: V1Pod): V1Pod {
    const status = statuses?.statusOf(pod.metadata?.uid ?? '');
    return status ? { ...pod, status } : pod;
  }

  return {
    name: `pods of ${nodeName}`,
    async start(signal) {
      statuses = new StatusWriter({ client, clock, logger, random, signal });
      try {
        await run(signal);
      } catch (error) {
        if (isAbort(error, signal)) done.resolve();
        else done.reject(error);
        throw error;
      }
    },
    done: done.promise,
    pods: () => informer.list().map(withNewestStatus),
    pod(namespace, name) {
      const pod = informer.get(name, namespace);
      return pod && withNewestStatus(pod);
    },
    async container(podUid, name, { previous = false } = {}) {
      const { containers } = await runtime.list(podUid);
      const newest = newestOf(containers, name);
      if (!previous || !newest) return newest;
      return newestOf(
        containers.filter(({ attempt }) => attempt < newest.attempt),
        name,
      );
    },
    async sandbox(podUid) {
      return newestReady((await runtime.list(podUid)).sandboxes);
    },
  };
}

function newestReady(sandboxes: readonly PodSandbox[]): PodSandbox | undefined {
  return sandboxes
    .filter(({ ready }) => ready)
    .reduce<PodSandbox | undefined>((a, b) => (a && a.attempt > b.attempt ? a : b), undefined);
}

function shortest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}
