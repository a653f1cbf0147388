import { createEventRecorder, type EventRecorder } from '../client/events.ts';
import { createLeaderElector } from '../client/leader-election.ts';
import { LoopMetrics } from '../client/loop-metrics.ts';
import { CodedError } from '../std/coded-error.ts';
import { type Component, deferred } from '../std/lifecycle.ts';
import { CONTROLLER_FACTORIES } from './controller-factories.ts';
import type { ControllerManagerOptions, LeaderElectionTimes } from './controller-manager-options.ts';
import type { ControllerContext } from './framework/controller.ts';
import { createSharedInformers, type SharedInformers } from './framework/shared-informers.ts';
import { eventSourceOf, type KnownController, MANAGER_ACCOUNT } from './known-controllers.ts';
import { selectControllers } from './select-controllers.ts';

export type { ControllerManagerOptions } from './controller-manager-options.ts';

export interface ControllerManager extends Component {
  /** The counts of all loops. */
  readonly metrics: LoopMetrics;
  /** True while this manager is the one that works. */
  readonly isLeading: boolean;
}

/**
 * The controllers in one component. `start` resolves when those run that nodes and pods wait for, the others follow; with leader election, as soon as it takes part in the
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
      const informers = createSharedInformers({ client: clientFor('shared-informers'), clock, logger, signal: term });
      const start = (some: readonly KnownController[]) => startControllers(options, some, { metrics, informers, signal: term });
      const urgent = await start(selection.enabled.filter((c) => c.urgent));
      onReady();
      const accounts = new Set([...selection.enabled, ...selection.missing].map((c) => c.account));
      const ensuring = ensureAccounts(options, [...accounts], term);
      const others = await start(selection.enabled.filter((c) => !c.urgent));
      // Nothing of it ends before the signal, except by failing.
      await Promise.all([ensuring, ...[informers, ...urgent, ...others].map((part) => part.done)]);
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

interface Term {
  metrics: LoopMetrics;
  informers: SharedInformers;
  signal: AbortSignal;
}

/** Makes the accounts that are missing, one after the other; nobody waits for those that cannot be made now. */
async function ensureAccounts(
  options: ControllerManagerOptions,
  accounts: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const account of accounts) {
    if (signal.aborted || account === MANAGER_ACCOUNT) continue;
    try {
      await options.ensureAccount?.(account);
    } catch (error) {
      options.logger.warn('Unable to make the ServiceAccount of a controller', { account, err: error });
    }
  }
}

/** Starts controllers side by side; resolves when all of them work. */
async function startControllers(
  options: ControllerManagerOptions,
  controllers: readonly KnownController[],
  { metrics, informers, signal }: Term,
): Promise<Component[]> {
  const { clientFor, clock, random } = options;
  const start = async ({ name, account }: KnownController): Promise<Component | undefined> => {
    const logger = options.logger.child({ controller: name });
    const client = clientFor(account).withUserAgent(`kube-controller-manager/system:serviceaccount:kube-system:${account}`);
    let recorder: EventRecorder | undefined;
    const context: ControllerContext = {
      name,
      client,
      informers,
      clock,
      logger,
      random,
      metrics,
      // Few controllers have something to tell.
      get events() {
        recorder ??= createEventRecorder({ client, component: eventSourceOf(name), calm: options.calm, clock, logger, signal });
        return recorder;
      },
    };
    const made = await CONTROLLER_FACTORIES[name]!(context, options);
    if ('why' in made) {
      logger.warn('Controller does not run', { why: made.why });
      return undefined;
    }
    await made.start(signal);
    logger.debug(1, 'Started controller');
    return made;
  };
  return (await Promise.all(controllers.map(start))).filter((part) => part !== undefined);
}
