import type { V1Service } from '../../api/gen/types.ts';
import { type Family, formatCidr, formatIp, type IpRange, isInside, parseCidr, parseIp } from '../../api/machinery/ip.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** One port of a Service, for one address family, with what decides where its traffic goes. */
export interface ServicePort {
  readonly namespace: string;
  readonly name: string;
  /** Empty for a Service's only, unnamed port. */
  readonly portName: string;
  readonly protocol: Protocol;
  readonly clusterIp: string;
  readonly port: number;
  /** 0: none. */
  readonly nodePort: number;
  readonly externalIps: readonly string[];
  /** Those that this node is to answer for (`ipMode` VIP). */
  readonly loadBalancerIps: readonly string[];
  /** Who may use the load balancer's addresses; empty: everybody. */
  readonly sourceRanges: readonly string[];
  /** How long a client stays with its endpoint; 0: it does not. */
  readonly affinitySeconds: number;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  /** 0: none. */
  readonly healthCheckNodePort: number;
}

/** On Services, and on their EndpointSlices, that are not this proxy's: another's, or nobody's. */
const OTHERS_LABELS = ['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'] as const;
/** What chooses the rest. */
export const OWN_SELECTOR = OTHERS_LABELS.map((label) => `!${label}`).join(',');

/** `ns/name:port`, which upstream's hashes and comments are made of. */
export const servicePortId = ({ namespace, name, portName }: Pick<ServicePort, 'namespace' | 'name' | 'portName'>): string =>
  `${namespace}/${name}${portName && `:${portName}`}`;

/** Whether somebody outside the cluster may come in by it. */
export const isExternal = (port: ServicePort): boolean =>
  port.nodePort !== 0 || port.externalIps.length > 0 || port.loadBalancerIps.length > 0;

/** What a rule may be written with; the API server lets nothing else through. */
const NAME = /^[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?$/;
const DEFAULT_AFFINITY_SECONDS = 10_800;

/**
 * The ports of a Service that a proxy serves in a family: none for headless Services, external names, Services of another proxy and
 * those without an address of the family.
 */
export function readServicePorts(service: V1Service, family: Family): ServicePort[] {
  const { metadata = {}, spec = {} } = service;
  const { namespace = '', name = '' } = metadata;
  if (!NAME.test(namespace) || !NAME.test(name)) return [];
  if (spec.type === 'ExternalName' || OTHERS_LABELS.some((label) => metadata.labels?.[label] !== undefined)) return [];
  const addresses = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ''];
  const clusterIp = ofFamily(addresses, family)[0];
  if (clusterIp === undefined) return [];
  const externalIps = ofFamily(spec.externalIPs ?? [], family);
  const ingress = (service.status?.loadBalancer?.ingress ?? []).filter(({ ipMode }) => ipMode === undefined || ipMode === 'VIP');
  const loadBalancerIps = ofFamily(
    ingress.flatMap(({ ip }) => ip ?? []),
    family,
  );
  const reachable = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || externalIps.length > 0;
  const externalLocal = reachable && spec.externalTrafficPolicy === 'Local';
  const sourceRanges = widestRanges(spec.loadBalancerSourceRanges ?? [], family);
  return (spec.ports ?? []).flatMap(({ name: portName = '', protocol = 'TCP', port, nodePort = 0 }) => {
    const lower = protocol.toLowerCase();
    if (!isProtocol(lower) || (portName !== '' && !NAME.test(portName))) return [];
    return {
      namespace,
      name,
      portName,
      protocol: lower,
      clusterIp,
      port,
      nodePort,
      externalIps,
      loadBalancerIps,
      sourceRanges,
      affinitySeconds:
        spec.sessionAffinity === 'ClientIP'
          ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS)
          : 0,
      internalLocal: spec.internalTrafficPolicy === 'Local',
      externalLocal,
      healthCheckNodePort: externalLocal && spec.type === 'LoadBalancer' ? (spec.healthCheckNodePort ?? 0) : 0,
    };
  });
}

const isProtocol = (text: string): text is Protocol => text === 'tcp' || text === 'udp' || text === 'sctp';

/** The addresses of a family, in one way of writing, each once. */
export function ofFamily(addresses: readonly string[], family: Family): string[] {
  const kept = addresses.flatMap((text) => {
    const address = parseIp(text);
    return address?.family === family ? formatIp(address) : [];
  });
  return [...new Set(kept)];
}

/** Ranges of a family without those that lie in another of them. One that holds every address restricts nothing: then none is left. */
function widestRanges(texts: readonly string[], family: Family): string[] {
  const ranges = texts.flatMap((text) => {
    const range = parseCidr(text.trim());
    return range?.address.family === family ? range : [];
  });
  if (ranges.some(({ length }) => length === 0)) return [];
  return withoutParts(ranges.map(formatCidr));
}

/** Packet filters refuse a list of ranges that overlap. In order of their addresses a range comes right behind what holds it. */
export function withoutParts(cidrs: readonly string[]): string[] {
  const unique = [...new Set(cidrs)];
  const ordered = unique
    .flatMap((text) => {
      const range = canonicalRange(text);
      return range ? { text, range, start: Buffer.from(range.address.bytes).toString('hex') } : [];
    })
    .sort((a, b) => {
      // Addresses of one family have texts of one length.
      if (a.start.length !== b.start.length) return a.start.length - b.start.length;
      return a.start === b.start ? a.range.length - b.range.length : a.start < b.start ? -1 : 1;
    });
  const parts = new Set<string>();
  let outer: IpRange | undefined;
  for (const { text, range } of ordered)
    if (outer && range.length >= outer.length && isInside(range.address, outer)) parts.add(text);
    else outer = range;
  return unique.filter((text) => !parts.has(text));
}

/** Of a range, or of an address alone; undefined for what is neither. */
function canonicalRange(text: string): IpRange | undefined {
  const range = parseCidr(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
  return range && parseCidr(formatCidr(range));
}

/** Whether all addresses of `inner`, a range or an address, are in the range `outer`. */
export function cidrHolds(outer: string, inner: string): boolean {
  const range = parseCidr(outer);
  const part = canonicalRange(inner);
  return range !== undefined && part !== undefined && part.length >= range.length && isInside(part.address, range);
}
