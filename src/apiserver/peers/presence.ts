import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { Store } from '../../store/store.ts';
import type { KeptEndpoints } from './keep-endpoints.ts';
import { type EndpointsDeps, writeEndpoints } from './kubernetes-endpoints.ts';
import type { EndpointReconcilerType } from './plan-endpoints.ts';

/** How a server tells of itself where there may be others. */
export interface PeersConfig {
  readonly endpointReconciler: EndpointReconcilerType;
  /** How many servers there are at most, for `master-count`. */
  readonly apiserverCount: number;
  /** Names the server's identity. */
  readonly hostname: string;
}

export interface PresenceOptions extends EndpointsDeps {
  readonly peers: PeersConfig | undefined;
  readonly address: string;
  readonly store: Store;
  readonly prefix: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Tells the cluster that this server is there, and where: behind the Service `kubernetes`, and as a Lease. */
export function openPresence(options: PresenceOptions): { start(): Promise<void>; stop(): Promise<void> } {
  const { peers, address } = options;
  // The only server stays where it is known to be while it is away.
  if (!peers) return { start: () => writeEndpoints(options, [address]), stop: async () => undefined };
  let endpoints: KeptEndpoints | undefined;
  let identity: { stop(): void } | undefined;
  return {
    async start() {
      // Not for the server of one machine, which is to be there at once.
      const [{ keepEndpoints }, { keepIdentity }] = await Promise.all([
        import('./keep-endpoints.ts'),
        import('./identity-lease.ts'),
      ]);
      endpoints = keepEndpoints({ ...options, type: peers.endpointReconciler, count: peers.apiserverCount });
      await endpoints.start();
      identity = keepIdentity({ ...options, hostname: peers.hostname });
    },
    async stop() {
      identity?.stop();
      await endpoints?.stop();
    },
  };
}
