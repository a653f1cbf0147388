import { createHash } from 'node:crypto';
import { isInside, parseCidr, parseIp } from '../../api/machinery/ip.ts';
import { CodedError } from '../../std/coded-error.ts';
import { CLUSTER_CIDR } from '../options.ts';

/** So many nodes of 254 pods each fit into the usual range, a /16 of `CLUSTER_CIDR`. */
const NODES = 256;
const RANGES = 128;

export interface PodRangeNeeds {
  readonly clusterDirectory: string;
  readonly nodes: number;
  /** Addresses of the machine's interfaces, other clusters' bridges among them. */
  readonly taken: readonly string[];
}

/**
 * A range for the pods of a cluster whose pods have addresses on this machine: no two bridges there may have the same. Where it begins to look
 * follows from the cluster's directory, so that clusters which start together take different ones. Pure.
 *
 * @returns `10.171.0.0/16`, or `10.128.0.0/9` for more nodes than that has room for
 * @throws CodedError POD_RANGES_TAKEN
 */
export function choosePodRange({ clusterDirectory, nodes, taken }: PodRangeNeeds): string {
  const first = createHash('sha256').update(`pods ${clusterDirectory}`).digest().readUInt32BE(0);
  const candidates =
    nodes > NODES ? [CLUSTER_CIDR] : Array.from({ length: RANGES }, (_, i) => `10.${128 + ((first + i) % RANGES)}.0.0/16`);
  const addresses = taken.flatMap((text) => parseIp(text) ?? []);
  const free = candidates.find((range) => !addresses.some((address) => isInside(address, parseCidr(range)!)));
  if (free === undefined)
    throw new CodedError(`no range is free for the addresses of pods: this machine has addresses in ${candidates.join(', ')}`, {
      code: 'POD_RANGES_TAKEN',
    });
  return free;
}
