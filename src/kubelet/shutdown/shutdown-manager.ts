import { join } from 'node:path';
import type { V1Pod } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import type { EventRecorder, EventSubject } from '../../client/events.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type Component, deferred, isAbort } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { PodsOfNode } from '../pods/pod-parts.ts';
import { createLogind, type Logind } from './logind.ts';
import { graceOf, groupByPriority, type ShutdownGroup, shutdownPeriods, totalSeconds } from './shutdown-plan.ts';

export interface ShutdownManagerOptions {
  readonly configuration: KubeletConfiguration;
  readonly pods: Pick<PodsOfNode, 'pods' | 'evict'>;
  readonly node: EventSubject;
  readonly events: EventRecorder | undefined;
  readonly metrics?: KubeletMetrics;
  /** Called when the node begins to go down, or stays after all: its status has changed. */
  readonly changed: () => void;
  /** `--root-dir`: what happened at the last shutdown is kept there. */
  readonly stateDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: the machine's. */
  readonly logind?: Logind;
}

export interface ShutdownManager extends Component {
  shuttingDown(): boolean;
  /** Undefined: the pod may come. */
  admit(pod: V1Pod): { readonly reason: string; readonly message: string } | undefined;
}

const END = { reason: 'Terminated', message: 'Pod was terminated in response to imminent node shutdown.' };
const REFUSAL = { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' };
const RECONNECT_MS = 1000;
const STATE_FILE = 'graceful_node_shutdown_state';

/**
 * Holds a shutdown of the machine up until the pods have ended, the less important before the critical, each group with its time. Where
 * there is no logind, that is said once and shutdowns are not noticed.
 */
export function createShutdownManager(options: ShutdownManagerOptions): ShutdownManager {
  const { pods, events, metrics, clock, logger } = options;
  const periods = shutdownPeriods(options.configuration);
  const logind = options.logind ?? createLogind();
  const done = deferred();
  let shuttingDown = false;
  let lock: { release(): void } | undefined;

  async function connect(signal: AbortSignal): Promise<{ readonly ended: Promise<void> }> {
    const wantedMs = totalSeconds(periods) * 1000;
    if (wantedMs > (await logind.inhibitDelayMs())) {
      await logind.raiseInhibitDelay(wantedMs);
      const grantedMs = await logind.inhibitDelayMs();
      if (wantedMs > grantedMs)
        throw new CodedError(
          `node shutdown manager was unable to update logind InhibitDelayMaxSec to ${wantedMs / 1000}s (ShutdownGracePeriod), current value of InhibitDelayMaxSec (${grantedMs / 1000}s) is less than requested ShutdownGracePeriod`,
          { code: 'LOGIND_FAILED' },
        );
    }
    await hold();
    return logind.watch((down) => void heard(down), signal);
  }

  async function hold(): Promise<void> {
    const taken = await logind.inhibit();
    lock?.release();
    lock = taken;
  }

  async function heard(down: boolean): Promise<void> {
    logger.info('Shutdown manager detected new shutdown event', { event: down ? 'shutdown' : 'cancelled' });
    events?.event(
      options.node,
      'Normal',
      'NodeShutdown',
      `Shutdown manager detected shutdown ${down ? 'event' : 'cancellation'}`,
    );
    shuttingDown = down;
    options.changed();
    try {
      if (down) await endPods();
      else await hold();
    } catch (error) {
      logger.error('Shutdown manager failed', { err: error });
    }
  }

  async function endPods(): Promise<void> {
    const startMs = clock.now();
    metrics?.set('kubelet_graceful_shutdown_start_time_seconds', startMs / 1000);
    metrics?.set('kubelet_graceful_shutdown_end_time_seconds', 0);
    await remember({ startTime: formatTime(startMs) });
    try {
      const active = pods.pods().filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
      for (const group of groupByPriority(periods, active)) await endGroup(group);
    } finally {
      const endMs = clock.now();
      metrics?.set('kubelet_graceful_shutdown_end_time_seconds', endMs / 1000);
      // Before the lock goes, and perhaps the machine with it.
      await remember({ startTime: formatTime(startMs), endTime: formatTime(endMs) });
      lock?.release();
      lock = undefined;
      logger.info('Shutdown manager completed processing shutdown event, node will shutdown shortly');
    }
  }

  /** Resolves when its pods have ended or their time is over. */
  async function endGroup(group: ShutdownGroup): Promise<void> {
    const ending = group.pods.map(async (pod) => {
      const name = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
      try {
        await pods.evict(pod.metadata?.uid ?? '', { ...END, gracePeriodSeconds: graceOf(pod, group) });
        logger.info('Shutdown manager finished killing pod', { pod: name });
      } catch (error) {
        logger.error('Shutdown manager failed killing pod', { pod: name, err: error });
      }
    });
    const over = deferred();
    const timer = clock.setTimer(group.graceSeconds * 1000, () => {
      logger.warn('Shutdown manager pod killing time out', { gracePeriod: group.graceSeconds, priority: group.priority });
      over.resolve();
    });
    await Promise.race([Promise.all(ending), over.promise]);
    timer.cancel();
  }

  async function remember(state: { readonly startTime: string; readonly endTime?: string }): Promise<void> {
    await writeFileAtomic(join(options.stateDirectory, STATE_FILE), JSON.stringify(state), { mode: 0o644 }).catch(
      (error: unknown) => logger.error('Failed to store graceful shutdown state', { err: error }),
    );
  }

  async function run(signal: AbortSignal): Promise<void> {
    try {
      for (let watched = await connect(signal); ; watched = await reconnect(signal)) {
        await watched.ended;
        signal.throwIfAborted();
        logger.warn('Ended to watching the node for shutdown events');
      }
    } finally {
      lock?.release();
    }
  }

  async function reconnect(signal: AbortSignal): Promise<{ readonly ended: Promise<void> }> {
    for (;;) {
      await clock.sleep(RECONNECT_MS, signal);
      try {
        return await connect(signal);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        logger.error('Unable to watch the node for shutdown events', { err: error });
      }
    }
  }

  return {
    name: 'node shutdown',
    async start(signal) {
      if (signal.aborted) done.resolve();
      else signal.addEventListener('abort', () => done.resolve(), { once: true });
      if (periods.length === 0) return;
      run(signal).catch((error: unknown) => {
        if (isAbort(error, signal) || signal.aborted) return;
        logger.warn('The node has no logind to tell of shutdowns: shutdownGracePeriod has no effect, pods end with the machine', {
          err: error,
        });
      });
    },
    done: done.promise,
    shuttingDown: () => shuttingDown,
    admit: () => (shuttingDown ? REFUSAL : undefined),
  };
}
