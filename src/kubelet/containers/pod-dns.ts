import { isIPv6 } from 'node:net';
import type { V1Pod, V1PodDNSConfig } from '../../api/gen/types.ts';
import type { DnsSettings } from '../runtime/preparation.ts';

export interface ClusterDnsSettings {
  /** `clusterDNS`: the name servers of the cluster. */
  readonly servers: readonly string[];
  /** `clusterDomain`, without a final dot; empty: none. */
  readonly domain: string;
  /** What the node's resolver file says; undefined when the node has none on purpose (`resolvConf: ""`). */
  readonly host: DnsSettings | undefined;
  readonly nodeIps: readonly string[];
}

export interface DnsWarning {
  readonly reason: 'DNSConfigForming' | 'MissingClusterDNS';
  readonly message: string;
}

/** The limits of upstream's validation, which are those of glibc since 2.26. */
const MOST_SERVERS = 3;
const MOST_SEARCHES = 32;
const LONGEST_SEARCH_LINE = 2048;
/** Some resolvers abort at longer ones. */
const LONGEST_SEARCH = 253;

const NO_SETTINGS: DnsSettings = { servers: [], searches: [], options: [] };

/** What a pod's /etc/resolv.conf says, by its policy and its own wishes (pkg/kubelet/network/dns), and what had to be left out. */
export function podDns(pod: V1Pod, cluster: ClusterDnsSettings): { settings: DnsSettings; warnings: DnsWarning[] } {
  const warnings: DnsWarning[] = [];
  const base = policySettings(pod, cluster, warnings);
  const wanted = pod.spec?.dnsConfig ? merge(base, pod.spec.dnsConfig) : base;
  const servers = wanted.servers.slice(0, MOST_SERVERS);
  if (servers.length < wanted.servers.length) {
    const message = `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${servers.join(' ')}`;
    warnings.push({ reason: 'DNSConfigForming', message });
  }
  const searches = fittingSearches(wanted.searches);
  if (searches.length < wanted.searches.length) {
    const message = `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${searches.join(' ')}`;
    warnings.push({ reason: 'DNSConfigForming', message });
  }
  return { settings: { servers, searches, options: wanted.options }, warnings };
}

function policySettings(pod: V1Pod, cluster: ClusterDnsSettings, warnings: DnsWarning[]): DnsSettings {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'None') return NO_SETTINGS;
  const host = cluster.host ?? { ...NO_SETTINGS, servers: localServers(cluster.nodeIps), searches: ['.'] };
  if (policy === 'Default' || (policy === 'ClusterFirst' && pod.spec?.hostNetwork)) return host;
  if (cluster.servers.length === 0) {
    const message =
      'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';
    warnings.push({ reason: 'MissingClusterDNS', message });
    return host;
  }
  const own = cluster.host?.searches ?? [];
  const { domain } = cluster;
  const searches = domain ? [`${pod.metadata?.namespace}.svc.${domain}`, `svc.${domain}`, domain, ...own] : own;
  return { servers: cluster.servers, searches: domain ? [...new Set(searches)] : searches, options: ['ndots:5'] };
}

/** A resolver without name servers asks the local machine; saying so keeps the runtime from giving its own. */
function localServers(nodeIps: readonly string[]): string[] {
  const servers = nodeIps.map((ip) => (isIPv6(ip) ? '::1' : '127.0.0.1'));
  return servers.length > 0 ? servers : ['127.0.0.1'];
}

function merge(base: DnsSettings, { nameservers = [], searches = [], options = [] }: V1PodDNSConfig): DnsSettings {
  const byName = new Map<string, string | undefined>();
  for (const option of base.options) {
    const colon = option.indexOf(':');
    if (colon === -1) byName.set(option, undefined);
    else byName.set(option.slice(0, colon), option.slice(colon + 1));
  }
  for (const { name = '', value } of options) byName.set(name, value);
  return {
    servers: [...new Set([...base.servers, ...nameservers])],
    searches: [...new Set([...base.searches, ...searches])],
    options: [...byName].map(([name, value]) => (value ? `${name}:${value}` : name)),
  };
}

function fittingSearches(wanted: readonly string[]): string[] {
  const fitting = wanted.slice(0, MOST_SEARCHES).filter(({ length }) => length <= LONGEST_SEARCH);
  while (fitting.join(' ').length > LONGEST_SEARCH_LINE) fitting.pop();
  return fitting;
}

/** What is wrong with the node's own search line once a cluster's domains stand before it; told once, as an event of the node. */
export function resolverFileProblem(path: string, { searches }: DnsSettings, clusterDomain: string): string | undefined {
  const most = MOST_SEARCHES - (clusterDomain ? 3 : 0);
  if (searches.length > most) return `Resolv.conf file '${path}' contains search line consisting of more than ${most} domains!`;
  if (searches.some(({ length }) => length > LONGEST_SEARCH))
    return `Resolv.conf file "${path}" contains a search path which length is more than allowed ${LONGEST_SEARCH} chars!`;
  if (searches.join(' ').length > LONGEST_SEARCH_LINE)
    return `Resolv.conf file '${path}' contains search line which length is more than allowed ${LONGEST_SEARCH_LINE} chars!`;
  return undefined;
}
