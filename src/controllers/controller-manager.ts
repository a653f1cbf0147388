import { createEventRecorder, type EventRecorder } from '../client/events.ts';
import { createLeaderElector } from '../client/leader-election.ts';
import { CodedError } from '../std/coded-error.ts';
import { type Component, deferred } from '../std/lifecycle.ts';
import { CONTROLLER_FACTORIES } from './controller-factories.ts';
import type { ControllerManagerOptions, LeaderElectionTimes } from './controller-manager-options.ts';
import type { ControllerContext } from './framework/controller.ts';
import { LoopMetrics } from './framework/loop-metrics.ts';
import { createSharedInformers } from './framework/shared-informers.ts';
import type { KnownController } from './known-controllers.ts';
import { selectControllers } from './select-controllers.ts';

export type { ControllerManagerOptions } from './controller-manager-options.ts';

export interface ControllerManager extends Component {
  /** The counts of all loops. */
  readonly metrics: LoopMetrics;
  /** True while this manager is the one that works. */
  readonly isLeading: boolean;
}

/**
 * The controllers in one component. `start` resolves when the controllers' loops run; with leader election, as soon as it takes part in the
 * election, since the turn may never come. Losing the lease ends it with an error, as upstream: whoever runs it starts it again.
 *
 * @throws CodedError when `controllers` names one that there is not
 */
export function createControllerManager(options: ControllerManagerOptions): ControllerManager {
  const { clientFor, clock, logger, leaderElect, identity } = options;
  const selection = selectControllers(options.controllers ?? ['*']);
  const metrics = new LoopMetrics();
  const done = deferred();
  done.promise.catch(() => undefined); // its owner awaits it; a failure before that is not unhandled
  let isLeading = false;

  /** Runs all controllers until the signal; rejects when one breaks. */
  const run = async (signal: AbortSignal, onReady: () => void): Promise<void> => {
    isLeading = true;
    const failed = new AbortController();
    const term = AbortSignal.any([signal, failed.signal]);
    try {
      const started = await startControllers(options, selection.enabled, metrics, term);
      onReady();
      // Nothing of it ends before the signal, except by failing.
      await Promise.all(started.map((part) => part.done));
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      failed.abort(new DOMException('controller manager ended', 'AbortError'));
      isLeading = false;
    }
  };

  return {
    name: 'kube-controller-manager',
    metrics,
    done: done.promise,
    get isLeading() {
      return isLeading;
    },
    async start(signal) {
      if (selection.missing.length > 0)
        logger.debug(1, 'Controllers that are not part of this controller manager', {
          controllers: selection.missing.map((c) => c.name).join(','),
        });
      if (!leaderElect) {
        const ready = deferred();
        run(signal, ready.resolve).then(done.resolve, (error: unknown) => {
          ready.reject(error);
          done.reject(error);
        });
        await ready.promise;
        return;
      }
      const times: LeaderElectionTimes = leaderElect === true ? {} : leaderElect;
      const elector = createLeaderElector({
        client: clientFor('leader-election'),
        namespace: 'kube-system',
        name: 'kube-controller-manager',
        ...times,
        identity,
        clock,
        logger,
        run: (leading) => run(leading, () => undefined),
      });
      elector.done.then(() => {
        if (signal.aborted) done.resolve();
        else done.reject(new CodedError('leaderelection lost', { code: 'LEADER_ELECTION_LOST' }));
      }, done.reject);
      await elector.start(signal);
    },
  };
}

/** Starts the controllers side by side and answers all that may fail from then on. */
async function startControllers(
  options: ControllerManagerOptions,
  enabled: readonly KnownController[],
  metrics: LoopMetrics,
  signal: AbortSignal,
): Promise<Pick<Component, 'done'>[]> {
  const { clientFor, clock, random } = options;
  const logger = options.logger;
  const informers = createSharedInformers({ client: clientFor('shared-informers'), clock, logger, signal });
  const start = async ({ name, account }: KnownController): Promise<Component | undefined> => {
    const controllerLogger = logger.child({ controller: name });
    const client = clientFor(account).withUserAgent(`kube-controller-manager/system:serviceaccount:kube-system:${account}`);
    let recorder: EventRecorder | undefined;
    const context: ControllerContext = {
      name,
      client,
      informers,
      clock,
      logger: controllerLogger,
      random,
      metrics,
      // Few controllers have something to tell.
      get events() {
        recorder ??= createEventRecorder({ client, component: name, clock, logger: controllerLogger });
        return recorder;
      },
    };
    const made = await CONTROLLER_FACTORIES[name]!(context, options);
    if ('why' in made) {
      controllerLogger.warn('Controller does not run', { why: made.why });
      return undefined;
    }
    await made.start(signal);
    controllerLogger.debug(1, 'Started controller');
    return made;
  };
  const started = await Promise.all(enabled.map(start));
  return [informers, ...started.filter((part) => part !== undefined)];
}
