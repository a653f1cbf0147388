import { leaseKind } from '../../api/coordination/v1/lease.ts';
import type { V1Lease } from '../../api/gen/types.ts';
import { formatMicroTime } from '../../api/machinery/object.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import { type Component, deferred, isAbort } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';

const NAMESPACE = 'kube-node-lease';

export interface LeaseKeeperOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly durationSeconds: number;
  /** The Node's uid: the lease goes when the Node goes. Undefined while the Node is not registered. */
  readonly nodeUid: () => string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** Called when a renewal succeeds after so long that the control plane may have given the node up. */
  readonly onGap: () => void;
}

/**
 * Renews the node's Lease every quarter of its duration; that is the node's heartbeat. Failed renewals are tried again within a
 * few seconds, as upstream. `start` resolves when the first lease is there or has failed once.
 */
export function createLeaseKeeper(options: LeaseKeeperOptions): Component {
  const { client, nodeName, durationSeconds, clock, logger, random } = options;
  const leases = client.resource<V1Lease>(leaseKind, NAMESPACE);
  const intervalMs = (durationSeconds * 1000) / 4;
  const done = deferred();
  let known: V1Lease | undefined;
  let lastRenewalMs: number | undefined;

  const wanted = (base: V1Lease | undefined): V1Lease => {
    const uid = options.nodeUid();
    const owned = base?.metadata?.ownerReferences?.length;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        ...(base?.metadata ?? { name: nodeName, namespace: NAMESPACE }),
        ...(!owned && uid && { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }] }),
      },
      spec: {
        ...base?.spec,
        holderIdentity: nodeName,
        leaseDurationSeconds: durationSeconds,
        renewTime: formatMicroTime(clock.now()),
      },
    };
  };

  async function renew(signal: AbortSignal): Promise<V1Lease> {
    if (known) {
      try {
        return await leases.update(wanted(known), { signal });
      } catch (error) {
        if (!isStatus(error, 'Conflict') && !isStatus(error, 'NotFound')) throw error;
        known = undefined; // somebody wrote or removed it: look again
      }
    }
    try {
      return await leases.create(wanted(undefined), { signal });
    } catch (error) {
      if (!isStatus(error, 'AlreadyExists')) throw error;
      return leases.update(wanted(await leases.get(nodeName, { signal })), { signal });
    }
  }

  async function beat(signal: AbortSignal): Promise<boolean> {
    try {
      known = await renew(signal);
    } catch (error) {
      if (isAbort(error, signal) || signal.aborted) throw signal.reason;
      logger.error('Failed to update lease', { err: error });
      return false;
    }
    const nowMs = clock.now();
    const gap = lastRenewalMs !== undefined && nowMs - lastRenewalMs > 2 * intervalMs;
    lastRenewalMs = nowMs;
    if (gap) options.onGap();
    return true;
  }

  async function run(first: boolean, signal: AbortSignal): Promise<void> {
    // The first waits are spread, so that nodes started together do not beat together.
    for (let ok = first, spread = true; ; spread = false) {
      const delayMs = ok ? intervalMs * (spread ? random() : 1 + 0.04 * random()) : Math.min(intervalMs, 1000 + 4000 * random());
      await clock.sleep(delayMs, signal);
      ok = await beat(signal);
    }
  }

  return {
    name: `lease of node ${nodeName}`,
    async start(signal) {
      const first = beat(signal);
      first
        .then((ok) => run(ok, signal))
        .catch((error: unknown) => (isAbort(error, signal) ? done.resolve() : done.reject(error)));
      await first;
    },
    done: done.promise,
  };
}
