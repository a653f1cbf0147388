import ipaddr from 'ipaddr.js';
import type { Inventory } from '../../api/config/v1/inventory.ts';
import { addressAt, contains, parseRange } from './networks.ts';

const MASK_FLAG = 'node-cidr-mask-size';
const DEFAULT_NODE_BITS = 24;

/** Hosts, ranges and the endpoint have to be of IPv4, where they can be reached, and apart from each other. */
export function checkAddresses({ hosts, endpoint, network, flags }: Inventory): string[] {
  const mistakes = hosts.flatMap(({ address }, i) => {
    const why = ipaddr.isValid(address) ? unusable(ipaddr.parse(address)) : undefined;
    return why === undefined ? [] : [`hosts[${i}].address: ${JSON.stringify(address)} ${why}`];
  });
  for (const name of ['podCIDR', 'serviceCIDR'] as const) {
    const range = network[name];
    const parsed = parseRange(range);
    if (!parsed) continue;
    const [address, bits] = parsed;
    const first = `${addressAt(range, 0)}/${bits}`;
    if (address.kind() !== 'ipv4') mistakes.push(`network.${name}: ${JSON.stringify(range)} is of IPv6, which is not supported`);
    else if (first !== `${address}/${bits}`)
      mistakes.push(`network.${name}: ${JSON.stringify(range)} begins at ${first}: write that`);
    if (contains(range, endpoint.address)) mistakes.push(`endpoint.address: ${endpoint.address} lies in network.${name}`);
  }
  mistakes.push(...checkRoom(network.podCIDR, hosts, flags['kube-controller-manager']?.[MASK_FLAG]));
  if (ipaddr.isValid(endpoint.address) && endpoint.loadBalancer !== 'muster') {
    const why = unusable(ipaddr.parse(endpoint.address));
    const isHosts = hosts.some(({ address }) => address === endpoint.address);
    if (why !== undefined && !isHosts) mistakes.push(`endpoint.address: ${JSON.stringify(endpoint.address)} ${why}`);
  }
  return mistakes;
}

/** Every node gets a range of its own. */
function checkRoom(podCIDR: string, hosts: Inventory['hosts'], mask: string | undefined): string[] {
  const parsed = parseRange(podCIDR);
  const nodeBits = mask === undefined ? DEFAULT_NODE_BITS : Number(mask);
  if (parsed?.[0].kind() !== 'ipv4' || !Number.isInteger(nodeBits)) return [];
  const workers = hosts.filter(({ roles }) => roles.includes('worker')).length;
  const room = nodeBits < parsed[1] ? 0 : 2 ** (nodeBits - parsed[1]);
  if (room >= workers) return [];
  return [
    `network.podCIDR: ${podCIDR} has room for ${room} nodes of a /${nodeBits} each (flag ${MASK_FLAG}), and ${workers} hosts are workers`,
  ];
}

/** Why a host cannot have an address; undefined when it can. */
function unusable(address: ipaddr.IPv4 | ipaddr.IPv6): string | undefined {
  if (address.kind() !== 'ipv4') return 'is of IPv6, which is not supported';
  const range = address.range();
  if (range === 'loopback') return 'is of the loopback: other hosts and pods do not reach it';
  if (range === 'unspecified' || range === 'multicast' || range === 'broadcast' || range === 'linkLocal')
    return `is no address of a host: it is ${range === 'linkLocal' ? 'of a link alone' : range}`;
  return undefined;
}
