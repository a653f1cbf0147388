import type { V1Node } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { Dial } from '../../client/transport/https.ts';
import type { Clock } from '../../std/clock.ts';
import type { KubeletAccess } from '../configuration.ts';
import type { Backend, BackendTrust } from '../proxying/backend.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import { kubeletAddress } from './kubelet-address.ts';

/** Addresses before names: a node's name need not be in any DNS. */
const RESOLVABLE_ADDRESS_TYPES = ['InternalIP', 'ExternalIP', 'Hostname'];
/** Of upstream's transports. */
const CONNECT_TIMEOUT_MS = 30_000;

/** Finds nodes' kubelets, to which this server shows its client certificate. */
export class Kubelets {
  readonly #node: KindDefinition;
  readonly #objects: ObjectStore;
  readonly #preferredTypes: readonly string[];
  readonly #trust: BackendTrust;
  readonly #unverified: BackendTrust;

  constructor(
    node: KindDefinition,
    objects: ObjectStore,
    access: KubeletAccess & { readonly clock?: Pick<Clock, 'now'>; readonly dial?: Dial },
  ) {
    const { client, caPem, preferredAddressTypes, clock, dial } = access;
    this.#node = node;
    this.#objects = objects;
    this.#preferredTypes = preferredAddressTypes ?? RESOLVABLE_ADDRESS_TYPES;
    const common = {
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      ...(clock && { clock }),
      ...(client && { client }),
      ...(dial && { dial }),
    };
    this.#unverified = { ...common, insecureSkipTlsVerify: true };
    this.#trust = caPem ? { ...common, caPem } : this.#unverified;
  }

  /**
   * @param verified whether the kubelet's certificate counts; it does not without `--kubelet-certificate-authority` either
   * @throws StatusError 404 for a node that is not there, 500 for one without a usable address
   */
  async of(nodeName: string, { verified = true } = {}): Promise<Backend> {
    const { object } = await this.#objects.read({ kind: this.#node, namespace: '', name: nodeName });
    return {
      scheme: 'https',
      ...kubeletAddress(object as V1Node, this.#preferredTypes),
      trust: verified ? this.#trust : this.#unverified,
    };
  }
}
