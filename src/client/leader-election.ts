import type { V1Lease } from '../api/gen/types.ts';
import type { ResourceKind } from '../api/machinery/kind.ts';
import { isStatus } from '../api/machinery/status-error.ts';
import { type Clock, steadyMs } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';
import { type Component, deferred, isAbort } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';
import type { Client, ResourceClient } from './client.ts';
import { isHeldBy, type Observation, observe, planLease, releasedLease } from './lease-record.ts';

const LEASE: ResourceKind = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  resource: 'leases',
  namespaced: true,
};

export interface LeaderElectorOptions {
  client: Client;
  namespace: string;
  /** The Lease's name. */
  name: string;
  /** Ours, different from every other candidate's. */
  identity: string;
  clock: Clock;
  logger: Logger;
  /** Numbers in [0, 1). */
  random?: () => number;
  /** How long others wait for a leader that is silent. Default 15 s. */
  leaseDurationMs?: number;
  /** How long we try to renew before we stop leading. Default 10 s. */
  renewDeadlineMs?: number;
  /** Default 2 s. */
  retryPeriodMs?: number;
  /** The work of the leader, until the signal is aborted. */
  run: (signal: AbortSignal) => Promise<void>;
}

/**
 * Lets `run` run while, of all candidates with the same Lease, this one leads. `start` resolves at once: to stand by is to be
 * ready. `done` rejects with LEADER_ELECTION_LOST when the lease could not be kept (as upstream, where the process then exits),
 * or with what `run` rejected with. When stopped, the lease is given back after `run` has ended.
 */
export function createLeaderElector(options: LeaderElectorOptions): Component {
  return new LeaderElector(options);
}

/** client-go spreads the attempts of candidates by up to this share. */
const JITTER = 1.2;

class LeaderElector implements Component {
  readonly name: string;
  #options: Required<LeaderElectorOptions>;
  #leases: ResourceClient<V1Lease>;
  #seen: Observation = { lease: undefined, atMs: 0 };
  #done = deferred();

  constructor(options: LeaderElectorOptions) {
    this.#options = { random: Math.random, leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000, ...options };
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options;
    if (leaseDurationMs <= renewDeadlineMs) throw new RangeError('leaseDuration must be greater than renewDeadline');
    if (renewDeadlineMs <= retryPeriodMs * JITTER)
      throw new RangeError(`renewDeadline must be greater than retryPeriod*${JITTER}`);
    this.name = `leader election for ${options.namespace}/${options.name}`;
    this.#leases = options.client.resource<V1Lease>(LEASE, options.namespace);
    this.#done.promise.catch(() => undefined);
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#run(signal).then(this.#done.resolve, this.#done.reject);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { logger, identity, namespace, name } = this.#options;
    logger.info(`attempting to acquire leader lease ${namespace}/${name}...`);
    if (!(await this.#acquire(signal))) return;
    logger.info(`successfully acquired lease ${namespace}/${name}`, { identity });
    const work = new AbortController();
    const running = this.#options.run(work.signal);
    // Ends the renewing when the work ends by itself.
    const renewing = new AbortController();
    const stopRenewing = () => renewing.abort(signal.reason);
    signal.addEventListener('abort', stopRenewing, { once: true });
    if (signal.aborted) stopRenewing();
    running.then(stopRenewing, stopRenewing);
    const isLost = await this.#renew(renewing.signal);
    signal.removeEventListener('abort', stopRenewing);
    work.abort(signal.aborted ? signal.reason : new DOMException('leadership ended', 'AbortError'));
    try {
      await running;
    } catch (error) {
      if (!isAbort(error, work.signal)) throw error;
    } finally {
      if (!isLost) await this.#release();
    }
    if (isLost) throw new CodedError(`leaderelection lost: ${namespace}/${name}`, { code: 'LEADER_ELECTION_LOST' });
  }

  /** True when we lead; false when aborted before. */
  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { clock, random, retryPeriodMs } = this.#options;
    while (!signal.aborted) {
      if (await this.#tryAcquireOrRenew(signal)) return true;
      if (!(await sleepUnlessAborted(clock, retryPeriodMs * (1 + JITTER * random()), signal))) return false;
    }
    return false;
  }

  /** Renews until aborted (false) or until it has failed for as long as the deadline (true). */
  async #renew(signal: AbortSignal): Promise<boolean> {
    const { clock, retryPeriodMs, renewDeadlineMs, logger } = this.#options;
    let renewedMs = steadyMs(clock);
    while (await sleepUnlessAborted(clock, retryPeriodMs, signal)) {
      // A request that hangs must not keep us leading past the deadline.
      const attempt = new AbortController();
      const leftMs = renewedMs + renewDeadlineMs - steadyMs(clock);
      const timer = clock.setTimer(leftMs, () => attempt.abort(new DOMException('renew deadline exceeded', 'TimeoutError')));
      const onAbort = () => attempt.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      const isRenewed = await this.#tryAcquireOrRenew(attempt.signal);
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      if (isRenewed) renewedMs = steadyMs(clock);
      else if (!signal.aborted && steadyMs(clock) - renewedMs >= renewDeadlineMs) {
        logger.info('failed to renew lease', { lease: `${this.#options.namespace}/${this.#options.name}` });
        return true;
      }
    }
    return false;
  }

  /** Never rejects: what went wrong is logged, and tried again. */
  async #tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { clock, identity, leaseDurationMs, logger } = this.#options;
    try {
      // The leader knows its lease, and writes without reading; a conflict says that it was wrong.
      if (!isHeldBy(this.#seen.lease, identity)) await this.#read(signal);
      const times = { atMs: steadyMs(clock), nowMs: clock.now() };
      const plan = planLease(this.#seen, identity, leaseDurationMs, times);
      if (plan.action === 'wait') return false;
      await this.#write(plan.lease, signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      const isRace = isStatus(error, 'Conflict') || isStatus(error, 'AlreadyExists');
      // What we believed is old: read before the next attempt.
      if (isRace) await this.#read(signal).catch(() => undefined);
      logger.debug(isRace ? 4 : 0, 'error retrieving or updating resource lock', { error, lease: this.#options.name });
      return false;
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { clock, name } = this.#options;
    try {
      this.#seen = observe(this.#seen, await this.#leases.get(name, { signal }), steadyMs(clock));
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
      this.#seen = { lease: undefined, atMs: steadyMs(clock) };
    }
  }

  async #write(lease: V1Lease, signal: AbortSignal): Promise<void> {
    const { clock, name, namespace } = this.#options;
    const written = this.#seen.lease
      ? await this.#leases.update(lease, { signal })
      : await this.#leases.create({ ...lease, metadata: { name, namespace } }, { signal });
    this.#seen = observe(this.#seen, written, steadyMs(clock));
  }

  async #release(): Promise<void> {
    const { lease } = this.#seen;
    if (!lease || !isHeldBy(lease, this.#options.identity)) return;
    // The component's signal is aborted already; a server that is away must not hold up the end.
    const attempt = new AbortController();
    const timer = this.#options.clock.setTimer(this.#options.retryPeriodMs, () => attempt.abort());
    try {
      await this.#leases.update(releasedLease(lease, this.#options.clock.now()), { signal: attempt.signal });
    } catch (error) {
      this.#options.logger.warn('failed to release lease', { error, lease: this.#options.name });
    } finally {
      timer.cancel();
    }
  }
}

async function sleepUnlessAborted(clock: Clock, delayMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(delayMs, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
