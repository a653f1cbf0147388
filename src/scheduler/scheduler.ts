import { nodeKind } from '../api/core/v1/node.ts';
import { podKind } from '../api/core/v1/pod.ts';
import type { V1Node, V1Pod } from '../api/gen/types.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import type { Clock } from '../std/clock.ts';
import { type Component, deferred, isAbort } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';
import { ClusterState } from './cluster-state.ts';
import { AssumedClaims } from './devices/assumed-claims.ts';
import { ClaimBinder } from './devices/claim-binder.ts';
import { createDynamicResources } from './devices/dynamic-resources.ts';
import { createDefaultProfile } from './framework/default-profile.ts';
import type { Extender } from './framework/extender.ts';
import type { Plugin } from './framework/plugin.ts';
import type { Profile } from './framework/profile.ts';
import { LazyObjects } from './lazy-objects.ts';
import { formatSchedulerMetrics, type SchedulerGauges, SchedulerMetrics } from './metrics.ts';
import { Nominations } from './nominations.ts';
import { noticeOf } from './object-events.ts';
import { type QueuedPod, SchedulingQueue } from './queue/scheduling-queue.ts';
import { ScheduleAttempts } from './schedule-attempts.ts';
import { createVolumePlugins, type VolumePluginContext } from './volumes/volume-plugins.ts';
import { applyNodeChange, applyPodChange, type WatchedParts } from './watch-cluster.ts';

export interface SchedulerOptions {
  client: Client;
  events: EventRecorder;
  clock: Clock;
  logger: Logger;
  /** Numbers in [0, 1). */
  random: () => number;
  /** Only pods that name this scheduler are taken. Default `default-scheduler`; not with `profiles`. */
  schedulerName?: string;
  /** The rules for each scheduler name. Default: one profile, upstream's. */
  profiles?: (volumes: VolumePluginContext) => readonly Profile[];
  extenders?: readonly Extender[];
  /** Times in milliseconds; the defaults are upstream's. */
  queue?: { readonly initialBackoffMs?: number; readonly maxBackoffMs?: number; readonly maxUnschedulableMs?: number };
}

export interface Scheduler extends Component {
  /** Its metrics in Prometheus' text format. */
  metricsText(): string;
  /** What it knows of pods. */
  pods(): readonly V1Pod[];
}

/**
 * Binds pods that have no node. One pod is decided on at a time, from what the informers and its own bindings show; the binding itself
 * is written while the next pod is decided on. A pod that fits nowhere makes room for itself if it may, and waits until something
 * happens that may help it.
 */
export function createScheduler(options: SchedulerOptions): Scheduler {
  return new PodScheduler(options);
}

class PodScheduler implements Scheduler {
  readonly name = 'kube-scheduler';
  readonly #pods: Informer<V1Pod>;
  readonly #nodes: Informer<V1Node>;
  readonly #queue: SchedulingQueue;
  readonly #objects: LazyObjects;
  readonly #parts: WatchedParts;
  readonly #attempts: ScheduleAttempts;
  readonly #metrics = new SchedulerMetrics();
  readonly #done = deferred();

  constructor(options: SchedulerOptions) {
    const { client, clock, logger } = options;
    this.#pods = createInformer<V1Pod>({ client, kind: podKind, clock, logger });
    this.#nodes = createInformer<V1Node>({ client, kind: nodeKind, clock, logger });
    const metrics = this.#metrics;
    const objects = new LazyObjects({
      client,
      clock,
      logger,
      onChange: (kind, change) => {
        if (kind === 'Namespace') state.forgetCounts();
        const event = noticeOf(kind, change);
        if (event) queue.notice(event);
      },
    });
    const state = new ClusterState();
    const nominations = new Nominations();
    const volumes = { client, clock, objects, events: options.events, assumedClaims: new AssumedClaims(), metrics };
    const profiles = options.profiles?.(volumes) ?? [
      createDefaultProfile(options.schedulerName, createVolumePlugins(volumes), [
        createDynamicResources(new ClaimBinder(volumes), volumes.assumedClaims),
      ]),
    ];
    const byName = new Map(profiles.map((profile) => [profile.schedulerName, profile]));
    const plugins = new Map(profiles.map((profile) => [profile.schedulerName, pluginsByName(profile)]));
    const queue = new SchedulingQueue({
      ...options.queue,
      clock,
      mayHelp(event, { info, refusedBy }) {
        if (refusedBy.size === 0) return true;
        const known = plugins.get(info.pod.spec?.schedulerName || 'default-scheduler');
        return [...refusedBy].some((name) => known?.get(name)?.mayHelp?.(event, info, objects) ?? true);
      },
      onIncoming: (part, event) => metrics.incomingPods.add({ event, queue: part }),
    });
    this.#queue = queue;
    this.#objects = objects;
    this.#attempts = new ScheduleAttempts({
      ...options,
      extenders: options.extenders ?? [],
      profiles: byName,
      state,
      objects,
      nominations,
      queue,
      metrics,
    });
    this.#parts = {
      state,
      queue,
      nominations,
      isOurs: (schedulerName) => byName.has(schedulerName),
      onPodGone: (uid) => this.#attempts.forgetVictim(uid),
    };
    this.#done.promise.catch(() => undefined); // whoever awaits `done` is told; nobody need to
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  pods(): readonly V1Pod[] {
    return this.#pods.list();
  }

  metricsText(): string {
    const count = (part: Parameters<SchedulingQueue['count']>[0]) => this.#queue.count(part);
    return formatSchedulerMetrics(this.#metrics, {
      pendingPods: {
        active: count('active'),
        backoff: count('backoff'),
        unschedulable: count('unschedulable'),
        gated: count('gated'),
      },
      unschedulablePods: refusalsOf(this.#queue.waiting()),
      cachedNodes: this.#parts.state.nodes().length,
      cachedPods: this.#parts.state.podCount,
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#nodes.onChange((change) => applyNodeChange(change, this.#parts));
    this.#pods.onChange((change) => applyPodChange(change, this.#parts));
    signal.addEventListener('abort', () => this.#queue.close(), { once: true });
    await Promise.all([this.#nodes.start(signal), this.#pods.start(signal)]);
    this.#run(signal).then(
      () => this.#done.resolve(),
      (error: unknown) => this.#done.reject(error),
    );
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      await this.#attempts.run(signal);
    } catch (error) {
      if (!isAbort(error, signal)) throw error;
    }
    await this.#objects.ended();
  }
}

/** Pods by the rules that have refused them; gated ones are refused by their gates. */
function refusalsOf(pods: Iterable<QueuedPod>): SchedulerGauges['unschedulablePods'] {
  const counts = new Map<string, { plugin: string; profile: string; count: number }>();
  for (const { info, refusedBy } of pods)
    for (const plugin of info.pod.spec?.schedulingGates?.length ? ['SchedulingGates'] : refusedBy) {
      const profile = info.pod.spec?.schedulerName || 'default-scheduler';
      const entry = counts.get(`${plugin} ${profile}`) ?? { plugin, profile, count: 0 };
      entry.count++;
      counts.set(`${plugin} ${profile}`, entry);
    }
  return [...counts.values()];
}

function pluginsByName({ filters, reserves }: Profile): ReadonlyMap<string, Plugin> {
  return new Map([...filters, ...reserves].map((plugin) => [plugin.name, plugin]));
}
