import { CodedError } from '../../std/coded-error.ts';
import { CidrSet } from './cidr-set.ts';

export interface RangeAllocatorOptions {
  /** One, or one of each address family. */
  clusterCidrs: readonly string[];
  /** Ranges of Services, not to be given to nodes. */
  serviceCidrs: readonly string[];
  maskSizeIpv4: number;
  maskSizeIpv6: number;
}

/** Who has which parts of the cluster's pod addresses. Pure: says what a node should have, writes nothing. */
export class RangeAllocator {
  readonly #sets: readonly CidrSet[];
  readonly #byNode = new Map<string, readonly string[]>();

  /** @throws CodedError for ranges that are none, too many, of one family twice, or that the mask does not fit */
  constructor(options: RangeAllocatorOptions) {
    const { clusterCidrs, maskSizeIpv4, maskSizeIpv6 } = options;
    if (clusterCidrs.length > 2)
      throw new CodedError(`expected at most two cluster CIDRs, one of each address family, not ${clusterCidrs.join(',')}`, {
        code: 'CLUSTER_CIDRS',
      });
    this.#sets = clusterCidrs.map((cidr) => new CidrSet(cidr, cidr.includes(':') ? maskSizeIpv6 : maskSizeIpv4));
    if (this.#sets.length === 2 && this.#sets[0]!.isIpv6 === this.#sets[1]!.isIpv6)
      throw new CodedError(`cluster CIDRs must be of different address families: ${clusterCidrs.join(',')}`, {
        code: 'CLUSTER_CIDRS',
      });
    for (const cidr of options.serviceCidrs) for (const set of this.#sets) set.occupy(cidr);
  }

  /** Takes note of what a node has. */
  occupy(node: string, podCidrs: readonly string[]): void {
    const known = this.#byNode.get(node);
    if (known && known.join() === podCidrs.join()) return;
    this.release(node);
    for (const cidr of podCidrs) for (const set of this.#sets) set.occupy(cidr);
    this.#byNode.set(node, podCidrs);
  }

  /** What a node without any is to be given: the same as before when asked again. Undefined when a range is used up. */
  allocate(node: string): readonly string[] | undefined {
    const known = this.#byNode.get(node);
    if (known) return known;
    const parts = this.#sets.map((set) => ({ set, cidr: set.allocate() }));
    if (parts.some(({ cidr }) => cidr === undefined)) {
      for (const { set, cidr } of parts) if (cidr) set.release(cidr);
      return undefined;
    }
    const cidrs = parts.map(({ cidr }) => cidr!);
    this.#byNode.set(node, cidrs);
    return cidrs;
  }

  /** Takes back what a node had. Answers whether it had anything. */
  release(node: string): boolean {
    const cidrs = this.#byNode.get(node);
    if (!cidrs) return false;
    this.#byNode.delete(node);
    for (const cidr of cidrs) for (const set of this.#sets) set.release(cidr);
    return true;
  }
}
