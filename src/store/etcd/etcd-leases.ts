import { GrpcError } from '../../std/grpc/grpc-error.ts';
import { checkTtl } from '../lease-book.ts';
import { leaseNotFoundError } from '../request-check.ts';
import type { LeaseId } from '../store.ts';
import { StoreError } from '../store.ts';
import { type Endpoints, REQUIRE_LEADER } from './endpoints.ts';
import { mayPass, toStoreError } from './etcd-error.ts';
import { etcdMethods, KEEP_ALIVE_PATH } from './etcd-method.ts';
import { leaseIdOf, leaseNumberOf, newLeaseNumber } from './lease-ids.ts';
import { etcdCodec } from './messages.ts';

const KEEP_ALIVE_TIMEOUT_MS = 5_000;
const MOST_ATTEMPTS = 3;

/** Leases of etcd. They last whole seconds, and no shorter than one and a half election timeouts. */
export class EtcdLeases {
  readonly #endpoints: Endpoints;

  constructor(endpoints: Endpoints) {
    this.#endpoints = endpoints;
  }

  async grant(ttlMs: number): Promise<LeaseId> {
    checkTtl(ttlMs);
    // Chosen here rather than by etcd, so that it fits a number.
    const id = newLeaseNumber();
    await this.#endpoints.call(etcdMethods.grantLease, { id, ttl: Math.ceil(ttlMs / 1000) });
    return leaseIdOf(id);
  }

  async keepAlive(lease: LeaseId): Promise<void> {
    const id = numberOf(lease);
    for (let attempt = 1; ; attempt++) {
      const endpoint = this.#endpoints.current;
      try {
        const [answer] = await endpoint.channel.exchange(KEEP_ALIVE_PATH, [etcdCodec.encode('LeaseKeepAliveRequest', { id })], {
          timeoutMs: KEEP_ALIVE_TIMEOUT_MS,
          signal: this.#endpoints.signal,
          metadata: REQUIRE_LEADER,
        });
        if (!answer) throw new GrpcError('Unavailable', 'the member did not answer');
        // A lease that is not there is answered by a time of zero.
        if (etcdCodec.decode('LeaseKeepAliveResponse', answer).ttl <= 0) throw leaseNotFoundError(lease);
        return;
      } catch (error) {
        if (error instanceof StoreError) throw error;
        if (!mayPass(error) || this.#endpoints.closed || attempt === MOST_ATTEMPTS) throw toStoreError(error, 'LeaseKeepAlive');
        this.#endpoints.failed(endpoint, error);
      }
    }
  }

  async revoke(lease: LeaseId): Promise<void> {
    const id = numberOf(lease);
    await this.#endpoints.call(etcdMethods.revokeLease, { id }).catch((error: unknown) => {
      throw error instanceof StoreError && error.code === 'lease-not-found' ? leaseNotFoundError(lease) : error;
    });
  }
}

function numberOf(lease: LeaseId): number {
  const number = leaseNumberOf(lease);
  if (number === undefined) throw leaseNotFoundError(lease);
  return number;
}
