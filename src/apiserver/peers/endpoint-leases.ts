import type { LeaseId, Store } from '../../store/store.ts';
import { StoreError } from '../../store/store.ts';

/** A server that has said nothing for so long is gone (upstream's DefaultEndpointReconcilerTTL). */
const TTL_MS = 15_000;

/**
 * Which API servers there are: each keeps a key of its own, as upstream's do, which goes with its lease.
 *
 *     /registry/masterleases/10.0.0.1    an Endpoints object that names the address
 */
export class EndpointLeases {
  readonly #store: Store;
  readonly #prefix: string;
  #lease: LeaseId | undefined;

  /** @param prefix the store's, without a slash at the end */
  constructor(store: Store, prefix: string) {
    this.#store = store;
    this.#prefix = `${prefix}/masterleases/`;
  }

  /** Says that the server is there, for a while. */
  async renew(address: string): Promise<void> {
    const key = this.#prefix + address;
    if (this.#lease !== undefined) {
      try {
        await this.#store.keepLeaseAlive(this.#lease);
        if ((await this.#store.get(key)).entry) return;
      } catch (error) {
        if (!(error instanceof StoreError && error.code === 'lease-not-found')) throw error;
      }
    }
    this.#lease = await this.#store.grantLease(TTL_MS);
    // The version first, as all that is written here: what begins with the kind is taken for a value of Kubernetes' own.
    const object = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: address, creationTimestamp: null },
      subsets: [{ addresses: [{ ip: address }] }],
    };
    await this.#store.transact([], [{ type: 'put', key, value: Buffer.from(JSON.stringify(object)), leaseId: this.#lease }]);
  }

  /** Of all servers that are there. */
  async addresses(): Promise<string[]> {
    const { entries } = await this.#store.list(this.#prefix);
    return entries.map(({ key }) => key.slice(this.#prefix.length));
  }

  /** Says that the server is there no longer. */
  async remove(address: string): Promise<void> {
    await this.#store.transact([], [{ type: 'delete', key: this.#prefix + address }]);
    this.#lease = undefined;
  }
}
