import { nodeKind } from '../api/core/v1/node.ts';
import { podKind } from '../api/core/v1/pod.ts';
import type { V1Node, V1Pod } from '../api/gen/types.ts';
import { formatTime } from '../api/machinery/object.ts';
import { isStatus } from '../api/machinery/status-error.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import type { Clock } from '../std/clock.ts';
import { type Component, deferred, isAbort } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';
import { WorkQueue } from '../std/work-queue.ts';
import { ClusterState, isFinished } from './node-info.ts';
import { schedulePod } from './schedule-pod.ts';

export interface SchedulerOptions {
  client: Client;
  events: EventRecorder;
  clock: Clock;
  logger: Logger;
  /** Numbers in [0, 1). */
  random: () => number;
  /** Only pods that name this scheduler are taken. Default `default-scheduler`. */
  schedulerName?: string;
}

/** Upstream's podInitialBackoffSeconds and podMaxBackoffSeconds. */
const INITIAL_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 10_000;

/**
 * Binds pods that have no node. One pod is decided on at a time, from what the informers and its own bindings show; the
 * binding itself is written while the next pod is decided on. A pod that fits nowhere waits until a node changes or a
 * pod leaves.
 */
export function createScheduler(options: SchedulerOptions): Component {
  return new Scheduler(options);
}

class Scheduler implements Component {
  readonly name = 'kube-scheduler';
  readonly #options: SchedulerOptions;
  readonly #schedulerName: string;
  readonly #pods: Informer<V1Pod>;
  readonly #nodes: Informer<V1Node>;
  readonly #queue: WorkQueue<string>;
  readonly #state = new ClusterState();
  readonly #unschedulable = new Set<string>();
  readonly #done = deferred();

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#schedulerName = options.schedulerName ?? 'default-scheduler';
    const { client, clock, logger } = options;
    this.#pods = createInformer<V1Pod>({ client, kind: podKind, clock, logger });
    this.#nodes = createInformer<V1Node>({ client, kind: nodeKind, clock, logger });
    this.#queue = new WorkQueue({ clock, initialBackoffMs: INITIAL_BACKOFF_MS, maxBackoffMs: MAX_BACKOFF_MS });
    this.#done.promise.catch(() => undefined); // whoever awaits `done` is told; nobody need to
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#nodes.onChange((change) => {
      if (change.type === 'deleted') this.#state.removeNode(change.object.metadata!.name!);
      else this.#state.setNode(change.object);
      this.#retryUnschedulable();
    });
    this.#pods.onChange((change) => (change.type === 'deleted' ? this.#podGone(change.object) : this.#podSeen(change.object)));
    signal.addEventListener('abort', () => this.#queue.close(), { once: true });
    await Promise.all([this.#nodes.start(signal), this.#pods.start(signal)]);
    this.#run(signal).then(
      () => this.#done.resolve(),
      (error: unknown) => this.#done.reject(error),
    );
  }

  #podSeen(pod: V1Pod): void {
    if (pod.spec?.nodeName) {
      const uid = pod.metadata!.uid!;
      this.#unschedulable.delete(keyOf(pod));
      this.#state.setPod(pod);
      if (isFinished(pod) && uid) this.#retryUnschedulable();
      return;
    }
    // An assumed pod that is shown without its node is an event from before the binding.
    if (this.#isOurs(pod) && !this.#state.hasPod(pod.metadata!.uid!)) this.#queue.add(keyOf(pod));
  }

  #podGone(pod: V1Pod): void {
    this.#state.removePod(pod);
    this.#unschedulable.delete(keyOf(pod));
    this.#queue.forget(keyOf(pod));
    this.#retryUnschedulable();
  }

  #isOurs(pod: V1Pod): boolean {
    const { spec, metadata } = pod;
    if (spec?.nodeName || metadata?.deletionTimestamp || isFinished(pod) || spec?.schedulingGates?.length) return false;
    return (spec?.schedulerName || 'default-scheduler') === this.#schedulerName;
  }

  #retryUnschedulable(): void {
    for (const key of this.#unschedulable) {
      this.#unschedulable.delete(key);
      this.#queue.retry(key);
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.#queue.take();
      if (key === undefined) return;
      try {
        await this.#schedule(key, signal);
      } catch (error) {
        if (isAbort(error, signal)) return;
        this.#options.logger.error('Error scheduling pod; retrying', { pod: key, err: error });
        this.#queue.retry(key);
      } finally {
        this.#queue.done(key);
      }
    }
  }

  async #schedule(key: string, signal: AbortSignal): Promise<void> {
    const [namespace, name] = key.split('/') as [string, string];
    const pod = this.#pods.get(name, namespace);
    if (!pod || !this.#isOurs(pod) || this.#state.hasPod(pod.metadata!.uid!)) return;
    const result = schedulePod(pod, this.#state.nodes(), this.#options.random);
    if ('unschedulable' in result) {
      this.#unschedulable.add(key);
      await this.#reportUnschedulable(pod, result.unschedulable, signal);
      return;
    }
    this.#state.setPod(pod, result.nodeName);
    void this.#bind(pod, result.nodeName, key, signal);
  }

  /** Never rejects: a failed binding gives the place back and puts the pod into the queue again. */
  async #bind(pod: V1Pod, nodeName: string, key: string, signal: AbortSignal): Promise<void> {
    const { client, events, logger } = this.#options;
    const { namespace, name, uid } = pod.metadata!;
    try {
      const target = { apiVersion: 'v1', kind: 'Node', name: nodeName };
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { namespace, name, uid }, target };
      await client.resource(podKind, namespace).create(binding, { name: name!, subresource: 'binding', signal });
      this.#queue.forget(key);
      events.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${key} to ${nodeName}`);
    } catch (error) {
      this.#state.removePod(pod);
      if (isAbort(error, signal) || isStatus(error, 'NotFound')) return;
      logger.error('Failed to bind pod', { pod: key, node: nodeName, err: error });
      this.#queue.retry(key);
    }
  }

  async #reportUnschedulable(pod: V1Pod, message: string, signal: AbortSignal): Promise<void> {
    const { client, events, clock } = this.#options;
    events.event(pod, 'Warning', 'FailedScheduling', message);
    const existing = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
    if (existing?.status === 'False' && existing.message === message) return;
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      ...(pod.metadata?.generation && { observedGeneration: pod.metadata.generation }),
      reason: 'Unschedulable',
      message,
      lastTransitionTime: existing?.status === 'False' ? existing.lastTransitionTime : formatTime(clock.now()),
    };
    try {
      const patch = { status: { conditions: [condition] } };
      await client
        .resource(podKind, pod.metadata!.namespace)
        .patch(pod.metadata!.name!, patch, { type: 'strategic', subresource: 'status', signal });
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
  }
}

function keyOf(pod: V1Pod): string {
  return `${pod.metadata!.namespace}/${pod.metadata!.name}`;
}
