/** Names and addresses that are the cluster's own, so that no node may ever serve under them. This list cannot be switched off, only made longer. */
import { formatIp, type IpRange, isInside, parseIp } from '../api/machinery/ip.ts';

export interface ClusterNames {
  /** As in `cluster.local`. */
  readonly clusterDomain: string;
  /** Ranges that Services take their addresses from. */
  readonly serviceRanges: readonly IpRange[];
  /** Addresses of Services that are known, in case the ranges are not. */
  readonly serviceAddresses: ReadonlySet<string>;
  /** Hosts of API servers: of the kubeconfig, of the `kubernetes` endpoints, virtual addresses. */
  readonly apiServerNames: ReadonlySet<string>;
  readonly apiServerAddresses: ReadonlySet<string>;
  /** The operator's additions: names, `*.suffix`, addresses. */
  readonly moreNames: readonly string[];
  readonly moreRanges: readonly IpRange[];
}

export interface DenyCheck {
  readonly denied: string;
  /**
   * A machine that runs an API server has that server's address. Such an address is let through when a source of the operator says that
   * it is this node's; everything else is refused whatever anybody says.
   */
  readonly unlessProven: boolean;
}

/** Why `name` is never a node's, or undefined. `name` is lower case. */
export function deniedDnsName(
  name: string,
  nodeName: string,
  otherNodes: ReadonlySet<string>,
  cluster: ClusterNames,
): DenyCheck | undefined {
  const always = (denied: string): DenyCheck => ({ denied, unlessProven: false });
  const [first = ''] = name.split('.');
  if (first.startsWith('kubernetes')) return always('names that begin with kubernetes are the API server’s');
  if (name === 'localhost' || name.endsWith('.localhost')) return always('localhost is every machine');
  if (name === 'svc' || name.endsWith('.svc') || name.includes('.svc.')) return always('names below svc are Services’');
  if (name === cluster.clusterDomain || name.endsWith(`.${cluster.clusterDomain}`))
    return always(`names below ${cluster.clusterDomain} are the cluster’s`);
  const listed = cluster.moreNames.find((entry) => (entry.startsWith('*.') ? name.endsWith(entry.slice(1)) : name === entry));
  if (listed !== undefined) return always(`${listed} is on the deny list`);
  if (name !== nodeName && otherNodes.has(name)) return always('it is the name of another node');
  return cluster.apiServerNames.has(name) ? { denied: 'it is a name of the API server', unlessProven: true } : undefined;
}

/** Why `address` is never a node's, or undefined. Nodes may have addresses for names. */
export function deniedAddress(
  address: string,
  nodeName: string,
  otherNodes: ReadonlySet<string>,
  cluster: ClusterNames,
): DenyCheck | undefined {
  const always = (denied: string): DenyCheck => ({ denied, unlessProven: false });
  const parsed = parseIp(address);
  if (!parsed) return always('it is no address');
  const canonical = formatIp(parsed);
  if (cluster.serviceRanges.some((range) => isInside(parsed, range))) return always('it lies in the range of Services');
  if (cluster.serviceAddresses.has(canonical)) return always('it is the address of a Service');
  if (cluster.moreRanges.some((range) => isInside(parsed, range))) return always('it is on the deny list');
  if (canonical !== nodeName && otherNodes.has(canonical)) return always('it is the name of another node');
  return cluster.apiServerAddresses.has(canonical)
    ? { denied: 'it is an address of the API server', unlessProven: true }
    : undefined;
}
