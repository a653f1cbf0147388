import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { createInformer, type Informer } from '../../client/informer.ts';
import type { Clock } from '../../std/clock.ts';
import { type Component, deferred, isAbort } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { countStarts } from '../metrics/counted-starter.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { newestOf } from './container-kinds.ts';
import { ContainerStopper } from './container-stopper.ts';
import { KeyedRunner } from './keyed-runner.ts';
import type { PodsOfNode } from './pod-parts.ts';
import { currentSandbox } from './pod-plan.ts';
import { createBareStarter } from './pod-starter.ts';
import { type PodWork, withToldStatus } from './pod-work.ts';
import { PodWorkers } from './pod-workers.ts';
import { ProbeTracker } from './probe-tracker.ts';
import type { RealPods } from './real-pod-options.ts';
import { RestartBackoff } from './restart-backoff.ts';
import { StatusWriter } from './status-writer.ts';
import { WantedPods } from './wanted-pods.ts';

export interface PodControllerOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly nodeIps: readonly string[];
  readonly runtime: Runtime;
  /** The node's range of pod addresses, when the cluster gave it one. */
  readonly podCidr: () => Promise<string | undefined>;
  /** What pods with processes need. Without it they are hollow: the runtime alone keeps them. */
  readonly real?: RealPods;
  readonly events: EventRecorder | undefined;
  readonly metrics?: KubeletMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

export interface PodController extends Component, PodsOfNode {}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 120_000;

/**
 * Runs the pods that the API server binds to this node and those that the node's own manifests name: one level-triggered `sync` a
 * pod, never two at a time for one pod. `start` resolves when the API server's pods are known; static pods do not wait for that.
 */
export function createPodController(options: PodControllerOptions): PodController {
  const { client, nodeName, nodeIps, runtime, clock, logger, random, events, metrics, real } = options;
  const informer: Informer<V1Pod> = createInformer<V1Pod>({
    client,
    kind: podKind,
    fieldSelector: `spec.nodeName=${nodeName}`,
    clock,
    logger,
    random,
  });
  const wanted = new WantedPods(informer, real?.staticPods);
  const stopper = new ContainerStopper({
    runtime,
    events,
    clock,
    logger,
    ...(real && { runHook: real.runHook }),
    podIpOf: (pod) => withToldStatus(work, pod).status?.podIP ?? '',
  });
  const done = deferred();
  const life = new AbortController();
  const starter =
    real?.createStarter((pod, container, message) => stopper.stop(pod, container, { message })) ?? createBareStarter(runtime);
  const work: PodWork = {
    runtime,
    starter: metrics && real ? countStarts(starter, metrics, clock) : starter,
    stopper,
    probes: real?.probes ?? new ProbeTracker(runtime),
    statuses: new StatusWriter({ client, clock, logger, random, signal: life.signal, metrics }),
    backoff: new RestartBackoff(real?.longestRestartDelayMs),
    ...(real && { admission: real.admission }),
    nodeIps,
    podCidr: options.podCidr,
    events,
    clock,
    logger,
  };
  const workers = new PodWorkers({
    work,
    wanted,
    client,
    ...(real && { real }),
    apiKnown: () => informer.hasSynced,
    poke: (uid) => runner.poke(uid),
  });
  const runner = new KeyedRunner({
    clock,
    async work(uid) {
      const beganMs = clock.now();
      try {
        return await workers.sync(uid);
      } finally {
        metrics?.observe('kubelet_pod_worker_duration_seconds', (clock.now() - beganMs) / 1000, ['sync']);
      }
    },
    failed: (uid, error, failures) => {
      if (life.signal.aborted || workers.wasInterrupted(error)) return 0;
      const pod = wanted.find(uid)?.pod.metadata;
      logger.error('Error syncing pod, skipping', { pod: pod ? `${pod.namespace}/${pod.name}` : uid, err: error });
      const longestMs = real?.longestRetryMs ?? LONGEST_RETRY_MS;
      return Math.min(longestMs, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20)) * (1 + 0.1 * random());
    },
  });
  const poke = (uid: string) => {
    workers.interrupt(uid);
    runner.poke(uid);
  };

  /** A container changed, or what is known of it. */
  const look = (uid: string) => {
    void workers.refresh(uid);
    runner.poke(uid);
  };

  async function run(signal: AbortSignal): Promise<void> {
    const ends = [
      wanted.onStaticChange(poke),
      runtime.subscribe(look),
      work.probes.subscribe?.(look),
      real?.subscribe((uid) => runner.poke(uid)),
    ];
    const stop = () => {
      life.abort(signal.reason);
      for (const end of ends) end?.();
      runner.stop();
      workers.stop();
      Promise.all([informer.done, real?.staticPods?.done]).then(() => done.resolve(), done.reject);
    };
    signal.addEventListener('abort', stop, { once: true });
    await real?.staticPods?.start(signal);
    for (const uid of wanted.staticUids()) poke(uid);
    await informer.start(signal);
    await runtime.restore?.(informer.list());
    // A status is mostly what was told from here: a pod that fails is not tried again for having said so.
    ends.push(wanted.onBoundChange((uid, statusAlone) => (statusAlone ? runner.nudge(uid) : poke(uid))));
    // Their mirrors are known now.
    for (const uid of wanted.staticUids()) poke(uid);
    // Pods that something is left of and that nobody wants.
    await workers.sweep();
  }

  return {
    name: `pods of ${nodeName}`,
    async start(signal) {
      try {
        await run(signal);
      } catch (error) {
        life.abort(error);
        runner.stop();
        if (isAbort(error, signal)) done.resolve();
        else done.reject(error);
        throw error;
      }
    },
    done: done.promise,
    pods: () => wanted.list().map(({ pod }) => withToldStatus(work, pod)),
    pod(namespace, name) {
      const found = wanted.named(namespace, name);
      return found && withToldStatus(work, found.pod);
    },
    async container(podUid, name, { previous = false } = {}) {
      const { containers } = await runtime.list(wanted.runningUid(podUid));
      const newest = newestOf(containers, name);
      if (!previous || !newest) return newest;
      return newestOf(
        containers.filter(({ attempt }) => attempt < newest.attempt),
        name,
      );
    },
    async sandbox(podUid) {
      const uid = wanted.runningUid(podUid);
      const found = wanted.find(uid);
      return found && currentSandbox(found.pod, (await runtime.list(uid)).sandboxes);
    },
    evict: (podUid, end) => workers.end(wanted.runningUid(podUid), end),
  };
}
