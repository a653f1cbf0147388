import { isIP, isIPv6 } from 'node:net';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest, serviceUnavailable } from '../../api/machinery/status-error.ts';

interface NodeLike extends DynamicObject {
  status?: {
    addresses?: { type: string; address: string }[];
    daemonEndpoints?: { kubeletEndpoint?: { Port?: number } };
  };
}

/** Upstream's default of `--kubelet-preferred-address-types`. */
export const DEFAULT_ADDRESS_TYPES = ['Hostname', 'InternalDNS', 'InternalIP', 'ExternalDNS', 'ExternalIP'] as const;
const KUBELET_PORT = 10250;

/** `name`, `name:port` or `https:name:port`, as a proxy path names a node; plain HTTP is not offered. Throws 400. */
export function parseProxyTarget(text: string): { scheme: string; name: string; port: string } {
  const parts = text.split(':');
  if (parts.length === 1) return { scheme: '', name: parts[0]!, port: '' };
  if (parts.length === 2) return { scheme: '', name: parts[0]!, port: parts[1]! };
  if (parts.length === 3 && (parts[0] === '' || parts[0] === 'https'))
    return { scheme: parts[0], name: parts[1]!, port: parts[2]! };
  throw badRequest(`invalid node request ${JSON.stringify(text)}`);
}

const HOST_NAME = /^[a-z0-9]([-.a-z0-9_]{0,251}[a-z0-9])?$/i;

/**
 * Where a node's kubelet listens: the first address of a preferred type, and the port that the node tells. The server shows its own
 * certificate there, so nothing but the kubelet's port is called, and what the node or the path says is not taken for more than a host and a
 * port: upstream goes to other ports without the certificate, and not on loopback.
 *
 * @param port the one in the path, if any
 * @throws StatusError 400 for another port, 503 without a usable address
 */
export function kubeletUrl(node: NodeLike, preferredTypes: readonly string[], port = ''): string {
  const addresses = node.status?.addresses ?? [];
  const kubeletPort = node.status?.daemonEndpoints?.kubeletEndpoint?.Port || KUBELET_PORT;
  if (port !== '' && port !== String(kubeletPort))
    throw badRequest(`address not allowed: port ${JSON.stringify(port)} is not the kubelet's (${kubeletPort})`);
  for (const type of preferredTypes) {
    const address = addresses.find((a) => a.type === type && a.address)?.address;
    if (address === undefined || !(isIP(address) || HOST_NAME.test(address))) continue;
    return `https://${isIPv6(address) ? `[${address}]` : address}:${kubeletPort}`;
  }
  throw serviceUnavailable(`no preferred addresses found; known addresses: ${JSON.stringify(addresses)}`);
}

interface PodLike extends DynamicObject {
  spec?: Record<'containers' | 'initContainers' | 'ephemeralContainers', { name: string }[] | undefined>;
}

/** The container whose log is asked for: the one named, or the only one. Throws 400. */
export function chooseContainer(pod: PodLike, asked: string): string {
  const { spec, metadata } = pod;
  const names = (list: 'containers' | 'initContainers' | 'ephemeralContainers') => (spec?.[list] ?? []).map((c) => c.name);
  const containers = names('containers');
  const init = names('initContainers');
  if (asked !== '') {
    if ([...containers, ...init, ...names('ephemeralContainers')].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${metadata.name}`);
  }
  const preset = metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (preset && containers.includes(preset)) return preset;
  if (containers.length === 1) return containers[0]!;
  const orInit = init.length ? ` or one of the init containers: [${init.join(' ')}]` : '';
  throw badRequest(
    `a container name must be specified for pod ${metadata.name}, choose one of: [${containers.join(' ')}]${orInit}`,
  );
}
