import type { Clock, Timer } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { Store } from '../../store/store.ts';
import { EndpointLeases } from './endpoint-leases.ts';
import { type EndpointsDeps, readEndpoints, writeEndpoints } from './kubernetes-endpoints.ts';
import { type EndpointReconcilerType, inOrder, planByCount, planWithout } from './plan-endpoints.ts';

/** As upstream: how often a server says that it is there, and looks who else is. */
const INTERVAL_MS = 10_000;

export interface KeptEndpointsOptions extends EndpointsDeps {
  readonly type: EndpointReconcilerType;
  /** `--apiserver-count`, for `master-count`. */
  readonly count: number;
  /** This server's own. */
  readonly address: string;
  readonly store: Store;
  /** The store's, without a slash at the end. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface KeptEndpoints {
  /** Resolves when this server's address is among those of the Service. */
  start(): Promise<void>;
  /** Takes the address out again. */
  stop(): Promise<void>;
}

/** Keeps the addresses of the Service `kubernetes` to the API servers that there are. */
export function keepEndpoints(options: KeptEndpointsOptions): KeptEndpoints {
  const { type, count, address, store, prefix, clock, logger } = options;
  if (type === 'none') return { start: async () => undefined, stop: async () => undefined };
  const leases = type === 'lease' ? new EndpointLeases(store, prefix) : undefined;
  let timer: Timer | undefined;
  let stopped = false;
  let working: Promise<void> = Promise.resolve();

  const reconcile = async () => {
    if (!leases) return writeEndpoints(options, planByCount(await readEndpoints(options), address, count));
    await leases.renew(address);
    const addresses = inOrder(await leases.addresses());
    if (addresses.length === 0)
      throw new Error(
        'no API server IP addresses were listed in storage, refusing to erase all endpoints for the kubernetes Service',
      );
    await writeEndpoints(options, addresses);
  };
  const again = () => {
    timer = clock.setTimer(INTERVAL_MS, () => {
      working = reconcile()
        .catch((error: unknown) => logger.error('unable to sync kubernetes service', { error }))
        .finally(() => {
          if (!stopped) again();
        });
    });
  };
  return {
    async start() {
      working = reconcile();
      await working;
      again();
    },
    async stop() {
      stopped = true;
      timer?.cancel();
      await working.catch(() => undefined); // was logged
      try {
        await leases?.remove(address);
        const left = leases ? inOrder(await leases.addresses()) : planWithout(await readEndpoints(options), address);
        await writeEndpoints(options, left);
      } catch (error) {
        // Its lease ends soon; by count, another server makes place for itself.
        logger.error('Unable to remove endpoints from kubernetes service', { error });
      }
    },
  };
}
