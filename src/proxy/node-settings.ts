import type { V1Node } from '../api/gen/types.ts';
import { type Family, formatCidr, formatIp, parseCidr, parseIp } from '../api/machinery/ip.ts';
import { clusterCidrs, type KubeProxyConfiguration } from './configuration/kube-proxy-configuration.ts';
import type { LocalTraffic, NodeSettings } from './plan/proxy-plan.ts';
import { cidrHolds, withoutParts } from './plan/service-port.ts';
import type { ProxyMode } from './rule-backend.ts';

const ZONE_LABEL = 'topology.kubernetes.io/zone';

export interface NodeSettingsInput {
  readonly configuration: KubeProxyConfiguration;
  readonly mode: ProxyMode;
  readonly nodeName: string;
  /** Undefined until it is registered. */
  readonly node: V1Node | undefined;
  /** Of this machine's interfaces. */
  readonly hostAddresses: readonly string[];
}

/** What rules of a family depend on beside Services, from the configuration and the Node. Pure. */
export function nodeSettings(family: Family, input: NodeSettingsInput): NodeSettings {
  const { configuration, mode, node, nodeName } = input;
  // As upstream: IPVS masquerades by iptables, and as is said there.
  const { masqueradeAll, masqueradeBit } = configuration[mode === 'ipvs' ? 'iptables' : mode];
  const nodeIp = addressOf(family, input);
  const zone = node?.metadata?.labels?.[ZONE_LABEL];
  const addresses = openAddresses(family, input, nodeIp);
  const loopbackIsOpen =
    addresses === 'all' || addresses.some((text) => cidrHolds('127.0.0.0/8', text) || cidrHolds(text, '127.0.0.1'));
  return {
    family,
    node: { name: nodeName, ...(zone && { zone }) },
    ...(nodeIp && { nodeIp }),
    localTraffic: localTraffic(family, input),
    masqueradeAll,
    masqueradeMark: 2 ** masqueradeBit,
    nodePortAddresses: addresses,
    localhostNodePorts: mode === 'iptables' && family === 4 && configuration.iptables.localhostNodePorts && loopbackIsOpen,
    conntrackLiberal: configuration.conntrack.tcpBeLiberal,
  };
}

/** `bindAddress` when it is one, else the Node's first address of the family. */
function addressOf(family: Family, { configuration, node }: NodeSettingsInput): string | undefined {
  const bound = parseIp(configuration.bindAddress);
  if (bound?.family === family && bound.bytes.some((byte) => byte !== 0)) return formatIp(bound);
  const addresses = (node?.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP');
  // Internal ones first, as upstream's GetNodeHostIPs has them.
  const ordered = addresses.toSorted((a, b) => Number(a.type !== 'InternalIP') - Number(b.type !== 'InternalIP'));
  const found = ordered.map(({ address }) => parseIp(address)).find((address) => address?.family === family);
  return found && formatIp(found);
}

/** As upstream: nftables opens node ports on the node's own address unless told otherwise, the others on all. */
function openAddresses(
  family: Family,
  { configuration, mode, hostAddresses }: NodeSettingsInput,
  nodeIp: string | undefined,
): NodeSettings['nodePortAddresses'] {
  const given = configuration.nodePortAddresses ?? [];
  if (given[0] === 'primary' || (given.length === 0 && mode === 'nftables')) return nodeIp ? [nodeIp] : [];
  const ranges = given.flatMap((text) => {
    const range = parseCidr(text);
    return range?.address.family === family ? range : [];
  });
  // As upstream: ranges of one family leave the other as it is.
  if (ranges.length === 0 || ranges.some(({ length }) => length === 0)) return 'all';
  const texts = withoutParts(ranges.map(formatCidr));
  // The addresses of this node that lie in them, and not the ranges: others' ports in these are not this node's to take.
  const own = hostAddresses.flatMap((text) => {
    const address = parseIp(text);
    return address?.family === family ? formatIp(address) : [];
  });
  const isLoopback = (address: string) => cidrHolds(family === 4 ? '127.0.0.0/8' : '::1/128', address);
  const withLoopback = mode === 'iptables' && family === 4 && configuration.iptables.localhostNodePorts;
  return [
    ...new Set(
      own.filter((address) => (withLoopback || !isLoopback(address)) && texts.some((range) => cidrHolds(range, address))),
    ),
  ].sort();
}

function localTraffic(family: Family, { configuration, node }: NodeSettingsInput): LocalTraffic {
  const { detectLocalMode, detectLocal } = configuration;
  const firstOf = (ranges: readonly string[]): LocalTraffic => {
    const range = ranges.map(parseCidr).find((parsed) => parsed?.address.family === family);
    return range ? { by: 'source', cidr: formatCidr(range) } : { by: 'nothing' };
  };
  switch (detectLocalMode) {
    case 'ClusterCIDR':
      return firstOf(clusterCidrs(configuration));
    case 'NodeCIDR':
      return firstOf(node?.spec?.podCIDRs ?? (node?.spec?.podCIDR ? [node.spec.podCIDR] : []));
    case 'BridgeInterface':
      return { by: 'interface', name: detectLocal.bridgeInterface };
    case 'InterfaceNamePrefix':
      return { by: 'interface-prefix', prefix: detectLocal.interfaceNamePrefix };
  }
}
