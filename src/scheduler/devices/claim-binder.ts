import type { ResourceV1ResourceClaim, V1AllocationResult, V1Pod } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import { CLAIM_FINALIZER, isReservedFor, reservedFor } from '../../api/resource/v1/pod-claims.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { type Clock, steadyMs } from '../../std/clock.ts';
import { isAbort } from '../../std/lifecycle.ts';
import { DEFAULT_SCHEDULER_NAME } from '../framework/default-profile.ts';
import type { LazyObjects } from '../lazy-objects.ts';
import type { SchedulerMetrics } from '../metrics.ts';
import { writeStatus } from '../report-failure.ts';
import { BINDING_TIMEOUT_MS, driversAwaited, hasConditions, readinessOf } from './binding-conditions.ts';
import type { ChosenExtendedClaim } from './extended-need.ts';

export interface ClaimBinderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly objects: Pick<LazyObjects, 'deviceClaim' | 'onAnyChange'>;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly metrics: Pick<SchedulerMetrics, 'resourceClaimCreates' | 'devicesAwaited'>;
  /** How long a driver may take to make devices ready. */
  readonly timeoutMs?: number;
}

type Claim = ResourceV1ResourceClaim;

/** A benign change in between is no failure so often. */
const MOST_CONFLICTS = 5;
/** Longer than an informer takes to show what was written. */
const SHOWN_TIMEOUT_MS = 30_000;

/** A driver has taken too long. */
class LateError extends Error {}

/** Writes into claims which devices they have, and who uses them. */
export class ClaimBinder {
  readonly #options: ClaimBinderOptions;

  constructor(options: ClaimBinderOptions) {
    this.#options = options;
  }

  /**
   * Waits as well until drivers have made the devices ready that they have to.
   *
   * @param allocations of each claim of the pod; undefined: it has devices already
   * @param extended a claim that is made only now
   * @throws Error when a claim has gone or was given devices by somebody else, and when devices do not become ready
   */
  async bind(
    pod: V1Pod,
    nodeName: string,
    allocations: ReadonlyMap<Claim, V1AllocationResult | undefined>,
    signal: AbortSignal,
    extended?: ChosenExtendedClaim,
  ): Promise<void> {
    const claims: Claim[] = [];
    for (const [claim, allocation] of allocations)
      claims.push(allocation || !isReservedFor(claim, pod) ? await this.#write(pod, claim, allocation, signal) : claim);
    const made = extended && (await this.#make(pod, extended, signal));
    if (made) claims.push(made);
    await this.#untilShown(pod, claims, made, signal);
    if (!claims.some(({ status }) => hasConditions(status))) return;
    const message = `waiting for binding conditions for device on node ${nodeName}`;
    this.#options.events.event(pod, 'Normal', 'BindingConditionsPending', message);
    await this.#counted(pod, claims, () => this.#untilReady(claims, signal), signal);
  }

  /** Says, for each driver that was waited for, how long that took and how it ended. */
  async #counted(pod: V1Pod, claims: readonly Claim[], wait: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, metrics } = this.#options;
    const profile = pod.spec?.schedulerName || DEFAULT_SCHEDULER_NAME;
    const startMs = steadyMs(clock);
    const count = (status: 'success' | 'failure' | 'timeout') => {
      const seconds = (steadyMs(clock) - startMs) / 1000;
      for (const driver of driversAwaited(claims)) metrics.devicesAwaited({ profile, driver, status }, seconds);
    };
    try {
      await wait();
    } catch (error) {
      if (!isAbort(error, signal)) count(error instanceof LateError ? 'timeout' : 'failure');
      throw error;
    }
    count('success');
  }

  /** Why the devices of a claim will never be ready; undefined: they are, or may be. */
  whyNeverReady(claim: Claim): string | undefined {
    const { clock, timeoutMs = BINDING_TIMEOUT_MS } = this.#options;
    return readinessOf(claim, timeoutMs, clock.now()).failure;
  }

  /** The pod uses its claims no more: its binding has failed. Their devices stay with them. */
  async unreserve(pod: V1Pod, claims: Iterable<Claim>, signal: AbortSignal): Promise<void> {
    const { client, objects } = this.#options;
    for (const { metadata } of claims) {
      const { namespace, name = '', uid } = metadata ?? {};
      const known = objects.deviceClaim(`${namespace}/${name}`);
      if (known?.metadata?.uid !== uid || !known?.status?.allocation || !isReservedFor(known, pod)) continue;
      const patch = { metadata: { uid }, status: { reservedFor: [{ $patch: 'delete', uid: pod.metadata?.uid }] } };
      await unlessReason(
        client
          .resource<Claim>(resourceClaimKind, namespace)
          .patch(name, patch, { type: 'strategic', subresource: 'status', signal }),
        'NotFound',
        'Conflict',
      );
    }
  }

  /** Takes the devices of a claim back. @throws StatusError Conflict when it has changed meanwhile */
  async deallocate(claim: Claim, signal: AbortSignal): Promise<void> {
    const { allocation: _, reservedFor: __, devices: ___, ...status } = claim.status ?? {};
    const claims = this.#options.client.resource<Claim>(resourceClaimKind, claim.metadata?.namespace);
    await claims.update({ ...claim, status }, { subresource: 'status', signal });
  }

  /** Lets a claim go that was made for a pod's extended resources, with its devices. */
  async remove({ metadata }: Claim, signal: AbortSignal): Promise<void> {
    const { namespace, name = '', uid } = metadata ?? {};
    const claims = this.#options.client.resource<Claim>(resourceClaimKind, namespace);
    for (let attempt = 0; ; attempt++) {
      const claim = await unlessReason(claims.get(name, { signal }), 'NotFound');
      if (!claim || claim.metadata?.uid !== uid) return;
      const finalizers = claim.metadata?.finalizers?.filter((finalizer) => finalizer !== CLAIM_FINALIZER);
      try {
        await claims.update({ ...claim, metadata: { ...claim.metadata, finalizers } } as Claim, { signal });
        break;
      } catch (error) {
        if (isStatus(error, 'NotFound')) return;
        if (!isStatus(error, 'Conflict') || attempt >= MOST_CONFLICTS) throw error;
      }
    }
    await unlessReason(claims.delete(name, { preconditions: { uid }, signal }), 'NotFound', 'Conflict');
  }

  async #make(pod: V1Pod, { claim, allocation, mappings, onMade }: ChosenExtendedClaim, signal: AbortSignal): Promise<Claim> {
    const { client, metrics } = this.#options;
    const { name: unmade, uid: _, ...metadata } = claim.metadata ?? {};
    const count = (status: 'success' | 'failure') => metrics.resourceClaimCreates.add({ status });
    const wanted: Claim = { metadata, spec: claim.spec };
    const made = await client
      .resource<Claim>(resourceClaimKind, metadata.namespace)
      .create(wanted, { signal })
      .catch((error: Error) => {
        count('failure');
        throw new Error(`create claim for extended resources ${metadata.namespace}/${unmade}: ${error.message}`, {
          cause: error,
        });
      });
    count('success');
    onMade(made);
    const written = await this.#write(pod, made, allocation, signal);
    const status = { requestMappings: [...mappings], resourceClaimName: made.metadata?.name ?? '' };
    await writeStatus(
      client,
      pod,
      { metadata: { uid: pod.metadata?.uid }, status: { extendedResourceClaimStatus: status } },
      signal,
    );
    return written;
  }

  async #write(pod: V1Pod, known: Claim, allocation: V1AllocationResult | undefined, signal: AbortSignal): Promise<Claim> {
    const { client, clock } = this.#options;
    const { namespace, name = '', uid } = known.metadata ?? {};
    const claims = client.resource<Claim>(resourceClaimKind, namespace);
    let claim = known;
    for (let attempt = 0; ; attempt++) {
      if (claim.metadata?.uid !== uid || claim.metadata?.deletionTimestamp)
        throw new Error(`claim ${namespace}/${name} got deleted in the meantime`);
      if (allocation && claim.status?.allocation)
        throw new Error(`claim ${namespace}/${name} got allocated elsewhere in the meantime`);
      if (!allocation && !claim.status?.allocation)
        throw new Error(`claim ${namespace}/${name} got deallocated elsewhere in the meantime`);
      try {
        const { finalizers = [] } = claim.metadata ?? {};
        // First, so that devices are given back before the claim goes.
        if (allocation && !finalizers.includes(CLAIM_FINALIZER))
          claim = await claims.update(
            { ...claim, metadata: { ...claim.metadata, finalizers: [...finalizers, CLAIM_FINALIZER] } },
            { signal },
          );
        const given = allocation && { ...allocation, allocationTimestamp: formatTime(clock.now()) };
        const changed = isReservedFor(claim, pod) ? claim : reservedFor(claim, pod);
        const status = { ...changed.status, ...(given && { allocation: given }) };
        return await claims.update({ ...changed, status }, { subresource: 'status', signal });
      } catch (error) {
        if (!isStatus(error, 'Conflict') || attempt >= MOST_CONFLICTS) throw error;
        claim = await claims.get(name, { signal });
      }
    }
  }

  /** Until the informer shows what was written; when it takes too long it is thought of as written all the same. */
  async #untilShown(pod: V1Pod, written: readonly Claim[], made: Claim | undefined, signal: AbortSignal): Promise<void> {
    const isShown = (claim: Claim) => {
      const { metadata } = claim;
      const shown = this.#shown(metadata);
      // What is gone again has been seen; what was made just now has not.
      if (!shown || shown.metadata?.uid !== metadata?.uid) return claim !== made;
      return shown.status?.allocation !== undefined && isReservedFor(shown, pod);
    };
    await this.#until(() => written.every(isShown), SHOWN_TIMEOUT_MS, signal);
  }

  async #untilReady(claims: readonly Claim[], signal: AbortSignal): Promise<void> {
    const { clock, timeoutMs = BINDING_TIMEOUT_MS } = this.#options;
    const isReady = ({ metadata }: Claim) => {
      const shown = this.#shown(metadata);
      if (!shown) throw new Error(`resourceclaim.resource.k8s.io ${JSON.stringify(metadata?.name)} not found`);
      const { isReady: ready, failure, isLate } = readinessOf(shown, timeoutMs, clock.now());
      if (failure !== undefined) throw isLate ? new LateError(failure) : new Error(failure);
      return ready;
    };
    if (!(await this.#until(() => claims.every(isReady), timeoutMs, signal))) throw new LateError('device binding timeout');
  }

  #shown = (metadata: Claim['metadata']) => this.#options.objects.deviceClaim(`${metadata?.namespace}/${metadata?.name}`);

  /** Answers false when the time is over; rejects with what `holds` throws. */
  #until(holds: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const { objects, clock } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const look = () => {
      try {
        if (holds()) resolve(true);
      } catch (error) {
        reject(error);
      }
    };
    const stop = objects.onAnyChange(look);
    const timer = clock.setTimer(timeoutMs, () => resolve(false));
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    look();
    return promise.finally(() => {
      stop();
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    });
  }
}
