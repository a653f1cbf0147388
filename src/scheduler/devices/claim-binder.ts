import type { ResourceV1ResourceClaim, V1AllocationResult, V1Pod } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import { CLAIM_FINALIZER, isReservedFor, reservedFor } from '../../api/resource/v1/pod-claims.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import type { LazyObjects } from '../lazy-objects.ts';

export interface ClaimBinderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly objects: Pick<LazyObjects, 'deviceClaim' | 'onAnyChange'>;
}

type Claim = ResourceV1ResourceClaim;

/** A benign change in between is no failure so often. */
const MOST_CONFLICTS = 5;
/** Until the informer shows what was written; then it is thought of as written all the same. */
const SHOWN_TIMEOUT_MS = 30_000;

/** Writes into claims which devices they have, and who uses them. */
export class ClaimBinder {
  readonly #options: ClaimBinderOptions;

  constructor(options: ClaimBinderOptions) {
    this.#options = options;
  }

  /**
   * @param allocations of each claim of the pod; undefined: it has devices already
   * @throws Error when a claim has gone or was given devices by somebody else
   */
  async bind(pod: V1Pod, allocations: ReadonlyMap<Claim, V1AllocationResult | undefined>, signal: AbortSignal): Promise<void> {
    const written: Claim[] = [];
    for (const [claim, allocation] of allocations)
      if (allocation || !isReservedFor(claim, pod)) written.push(await this.#write(pod, claim, allocation, signal));
    await this.#untilShown(pod, written, signal);
  }

  /** Takes the devices of a claim back. @throws StatusError Conflict when it has changed meanwhile */
  async deallocate(claim: Claim, signal: AbortSignal): Promise<void> {
    const { allocation: _, reservedFor: __, ...status } = claim.status ?? {};
    const claims = this.#options.client.resource<Claim>(resourceClaimKind, claim.metadata?.namespace);
    await claims.update({ ...claim, status }, { subresource: 'status', signal });
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

  #untilShown(pod: V1Pod, written: readonly Claim[], signal: AbortSignal): Promise<void> {
    const { objects, clock } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const isShown = ({ metadata }: Claim) => {
      const shown = objects.deviceClaim(`${metadata?.namespace}/${metadata?.name}`);
      if (!shown || shown.metadata?.uid !== metadata?.uid) return true;
      return shown.status?.allocation !== undefined && isReservedFor(shown, pod);
    };
    const look = () => {
      if (written.every(isShown)) resolve();
    };
    const stop = objects.onAnyChange(look);
    const timer = clock.setTimer(SHOWN_TIMEOUT_MS, () => resolve());
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
