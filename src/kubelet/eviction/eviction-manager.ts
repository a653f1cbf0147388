import { qualityOfService } from '../../api/core/v1/quality-of-service.ts';
import { tolerates } from '../../api/core/v1/taint-toleration.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import type { EventRecorder, EventSubject } from '../../client/events.ts';
import { type Clock, steadyMs } from '../../std/clock.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import { type Component, deferred, isAbort } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { isCritical } from '../pods/critical-pod.ts';
import type { PodEnd, PodsOfNode } from '../pods/pod-parts.ts';
import type { NodeSnapshot, PodSnapshot } from '../stats/node-snapshot.ts';
import type { StatsCollector } from '../stats/stats-collector.ts';
import { admissionMessage, pressureMessage } from './eviction-messages.ts';
import { type EvictionState, isRelieved, NO_EVICTION, planEviction } from './eviction-plan.ts';
import { observe } from './observations.ts';
import { rankPods } from './ranking.ts';
import { type PressureCondition, resourceOf, type Signal } from './signals.ts';
import { hasStorageLimit, storageExcess } from './storage-limits.ts';
import { parseThresholds, type Threshold, withContainerFs } from './thresholds.ts';

/** What can be freed without ending a pod. */
export interface NodeReclaim {
  /** Removes containers that have ended. */
  containers(): Promise<unknown>;
  /** Removes images that no container uses. */
  images(): Promise<unknown>;
}

export interface EvictionManagerOptions {
  readonly configuration: KubeletConfiguration;
  readonly collector: Pick<StatsCollector, 'snapshot' | 'node'>;
  readonly pods: Pick<PodsOfNode, 'pods' | 'evict' | 'sandbox'>;
  readonly reclaim: NodeReclaim;
  readonly node: EventSubject;
  readonly events: EventRecorder | undefined;
  readonly metrics?: KubeletMetrics;
  /** Called when the node's conditions have changed. */
  readonly changed: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface EvictionManager extends Component {
  conditions(): readonly PressureCondition[];
  /** Whether a node under pressure takes the pod. Undefined: it does. */
  admit(pod: V1Pod): { readonly reason: string; readonly message: string } | undefined;
}

/** As upstream's eviction monitoring. */
const LOOK_MS = 10_000;
const HARD_GRACE_SECONDS = 1;
/** How long it waits for an evicted pod to be gone before it looks again. */
const CLEAN_UP_MS = 30_000;
const CLEAN_UP_POLL_MS = 1000;

/**
 * Keeps a node usable: looks every ten seconds at what is left of memory, disks and process ids, frees what nobody uses and ends one pod
 * at a time, the one that should go first. Pods that use more of the disk than they may go too.
 *
 * @throws CodedError EVICTION_INVALID for thresholds that cannot be read
 */
export function createEvictionManager(options: EvictionManagerOptions): EvictionManager {
  const { configuration, collector, pods, events, metrics, clock, logger } = options;
  const fields: Readonly<Record<string, unknown>> = configuration;
  const thresholds = parseThresholds(fields);
  const transitionPeriodMs = parseGoDuration(fields['evictionPressureTransitionPeriod'] as string);
  const softGraceSeconds = (fields['evictionMaxPodGracePeriod'] as number | undefined) ?? 0;
  const limitsStorage = fields['localStorageCapacityIsolation'] !== false;
  const done = deferred();
  let state: EvictionState = NO_EVICTION;
  let conditions: readonly PressureCondition[] = [];

  const activePods = () => pods.pods().filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');

  /** One look. Answers the pods that it ended. The pods are measured only when something depends on them: that costs more. */
  async function look(): Promise<V1Pod[]> {
    const node = await collector.node();
    const current = withContainerFs(thresholds, node);
    const plan = planEviction(state, { thresholds: current, transitionPeriodMs }, observe(node), steadyMs(clock));
    state = plan.state;
    setConditions(plan.conditions);
    const limited = limitsStorage ? activePods().filter(hasStorageLimit) : [];
    const { relieve } = plan;
    if (!relieve && limited.length === 0) return [];
    const measured = new Map((await collector.snapshot(0)).pods.map((pod) => [pod.uid, pod]));
    const ended = await endOverLimit(limited, measured, node.dedicatedImageFs);
    if (ended.length > 0 || !relieve) return ended;
    const resource = resourceOf(relieve.signal);
    logger.warn('Eviction manager: attempting to reclaim', { resourceName: resource });
    events?.event(options.node, 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    if (await reclaimNode(relieve.signal, node, current)) {
      logger.info('Eviction manager: able to reduce resource pressure without evicting pods.', { resourceName: resource });
      return [];
    }
    return endOne(relieve, plan.act, node, measured);
  }

  function setConditions(now: readonly PressureCondition[]): void {
    if (now.length === conditions.length && now.every((condition) => conditions.includes(condition))) return;
    conditions = now;
    options.changed();
  }

  async function endOverLimit(
    limited: readonly V1Pod[],
    measured: ReadonlyMap<string, PodSnapshot>,
    dedicatedImageFs: boolean,
  ): Promise<V1Pod[]> {
    const ended: V1Pod[] = [];
    for (const pod of limited) {
      const snapshot = measured.get(pod.metadata?.uid ?? '');
      const excess = snapshot && storageExcess(pod, snapshot, dedicatedImageFs);
      if (
        excess &&
        (await evict(pod, excess.signal, { message: excess.message, gracePeriodSeconds: HARD_GRACE_SECONDS, disruption: false }))
      )
        ended.push(pod);
    }
    return ended;
  }

  async function endOne(
    relieve: Threshold,
    crossed: readonly Threshold[],
    snapshot: NodeSnapshot,
    measured: ReadonlyMap<string, PodSnapshot>,
  ): Promise<V1Pod[]> {
    const resource = resourceOf(relieve.signal);
    const candidates = activePods();
    if (candidates.length === 0) {
      logger.error('Eviction manager: eviction thresholds have been met, but no pods are active to evict');
      return [];
    }
    const gracePeriodSeconds = relieve.gracePeriodMs === 0 ? HARD_GRACE_SECONDS : softGraceSeconds;
    for (const pod of rankPods(candidates, measured, relieve.signal, snapshot)) {
      const message = pressureMessage(resource, pod, measured.get(pod.metadata?.uid ?? ''), crossed, state.observations);
      if (await evict(pod, relieve.signal, { message, gracePeriodSeconds })) return [pod];
    }
    logger.info('Eviction manager: unable to evict any pods from the node');
    return [];
  }

  async function evict(pod: V1Pod, signal: string, end: Omit<PodEnd, 'reason'>): Promise<boolean> {
    const name = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
    if (isCritical(pod)) {
      logger.error('Eviction manager: cannot evict a critical pod', { pod: name });
      return false;
    }
    events?.event(pod, 'Warning', 'Evicted', end.message);
    metrics?.add('kubelet_evictions', [signal]);
    try {
      await pods.evict(pod.metadata?.uid ?? '', { reason: 'Evicted', ...end });
      logger.info('Eviction manager: pod is evicted successfully', { pod: name });
    } catch (error) {
      logger.error('Eviction manager: pod failed to evict', { pod: name, err: error });
    }
    return true;
  }

  /** True when nothing is crossed any more. */
  async function reclaimNode(signal: Signal, disks: NodeSnapshot, current: readonly Threshold[]): Promise<boolean> {
    const steps = reclaimSteps(signal, disks).map((what) => options.reclaim[what]);
    if (steps.length === 0) return false;
    for (const step of steps)
      await step().catch((error: unknown) =>
        logger.warn('Eviction manager: unexpected error when attempting to reduce resource pressure', { err: error }),
      );
    return isRelieved(current, observe(await collector.node()));
  }

  async function untilGone(ended: readonly V1Pod[], signal: AbortSignal): Promise<void> {
    for (const endMs = steadyMs(clock) + CLEAN_UP_MS; steadyMs(clock) < endMs; await clock.sleep(CLEAN_UP_POLL_MS, signal)) {
      const left = await Promise.all(ended.map(({ metadata }) => pods.sandbox(metadata?.uid ?? '')));
      if (left.every((sandbox) => sandbox === undefined)) return;
    }
    logger.info('Eviction manager: timed out waiting for pods to be cleaned up');
  }

  async function run(signal: AbortSignal): Promise<void> {
    for (;;) {
      let ended: V1Pod[] = [];
      try {
        ended = await look();
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        logger.error('Eviction manager: failed to synchronize', { err: error });
      }
      if (ended.length > 0) await untilGone(ended, signal);
      else await clock.sleep(LOOK_MS, signal);
    }
  }

  return {
    name: 'eviction',
    async start(signal) {
      // An eviction under way may take the pod's whole grace period: the end of the kubelet does not wait for it.
      if (signal.aborted) done.resolve();
      else signal.addEventListener('abort', () => done.resolve(), { once: true });
      if (thresholds.length === 0 && !limitsStorage) return;
      run(signal).catch((error: unknown) => {
        if (!isAbort(error, signal)) done.reject(error);
      });
    },
    done: done.promise,
    conditions: () => conditions,
    admit(pod) {
      if (conditions.length === 0 || isCritical(pod)) return undefined;
      if (conditions.length === 1 && conditions[0] === 'MemoryPressure') {
        if (pod.spec && qualityOfService(pod.spec) !== 'BestEffort') return undefined;
        if (pod.spec?.tolerations?.some((toleration) => tolerates(toleration, MEMORY_PRESSURE_TAINT))) return undefined;
      }
      return { reason: 'Evicted', message: admissionMessage(conditions) };
    },
  };
}

/** By upstream's table: what lies on the disk that is full. */
function reclaimSteps(signal: Signal, { dedicatedImageFs, splitContainerFs }: NodeSnapshot): ('containers' | 'images')[] {
  if (!/fs\./.test(signal)) return [];
  if (!dedicatedImageFs) return ['containers', 'images'];
  if (signal.startsWith('imagefs.')) return splitContainerFs ? ['images'] : ['containers', 'images'];
  if (splitContainerFs) return ['containers'];
  return signal.startsWith('containerfs.') ? ['containers', 'images'] : [];
}

const MEMORY_PRESSURE_TAINT = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };
