import type { V1HostAlias } from '../../api/gen/types.ts';
import type { PodHostname } from './pod-hostname.ts';

/** Other programs know a file that is the kubelet's by its first line, so both stand letter by letter as upstream writes them. */
const HEADER = '# Kubernetes-managed hosts file.\n';
const HEADER_HOST_NETWORK = '# Kubernetes-managed hosts file (host network).\n';

const LOCAL_NAMES: readonly (readonly [ip: string, names: string])[] = [
  ['127.0.0.1', 'localhost'],
  ['::1', 'localhost ip6-localhost ip6-loopback'],
  ['fe00::0', 'ip6-localnet'],
  ['fe00::0', 'ip6-mcastprefix'],
  ['fe00::1', 'ip6-allnodes'],
  ['fe00::2', 'ip6-allrouters'],
];

/** The /etc/hosts of a pod with a network of its own. */
export function podHostsFile(
  podIps: readonly string[],
  { hostname, domain }: PodHostname,
  aliases: readonly V1HostAlias[],
): string {
  const names = domain ? `${hostname}.${domain}\t${hostname}` : hostname;
  const own = podIps.map((ip) => [ip, names] as const);
  return `${HEADER}${[...LOCAL_NAMES, ...own].map(([ip, text]) => `${ip}\t${text}\n`).join('')}${aliasLines(aliases)}`;
}

/** The /etc/hosts of a pod on the host's network: the node's, and the pod's own aliases. */
export function hostNetworkHostsFile(nodeFile: string, aliases: readonly V1HostAlias[]): string {
  return `${HEADER_HOST_NETWORK}${nodeFile}${aliasLines(aliases)}`;
}

function aliasLines(aliases: readonly V1HostAlias[]): string {
  if (aliases.length === 0) return '';
  const lines = aliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join('')}`;
}
