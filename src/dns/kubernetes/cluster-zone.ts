import type { V1Endpoint, V1EndpointSlice, V1Service } from '../../api/gen/types.ts';
import { canonicalAddress } from '../message/records.ts';
import type { ClusterData } from './cluster-data.ts';
import { addressOfPodLabel, parseZoneRequest, type ZoneRequest } from './zone-request.ts';

export type PodMode = 'disabled' | 'insecure' | 'verified';

export interface ClusterZoneOptions {
  readonly data: ClusterData;
  readonly podMode: PodMode;
  /** Endpoints without a host name are called as their pods. */
  readonly endpointPodNames: boolean;
  /** Undefined: all that there are. */
  readonly namespaces: ReadonlySet<string> | undefined;
  /** Services without ready endpoints are not there. */
  readonly ignoreEmptyServices: boolean;
}

/** One thing that a name leads to. */
export interface Target {
  /** The name that it has itself, below the zone: `10-1-2-3.web.default.svc`. */
  readonly path: string;
  /** An address, or another name for ExternalName services. */
  readonly host: string;
  /** -1: none, so that there is no SRV record. */
  readonly port: number;
}

/** The targets of a name; undefined when there is no such name, empty when there is one that has none. */
export type Targets = readonly Target[] | undefined;

/** No message has room for more. A Service of twenty thousand ports and a thousand pods has twenty million. */
const MOST_TARGETS = 4096;

/**
 * What the names of a cluster lead to, as CoreDNS's kubernetes plugin answers since 1.9 (without wildcards).
 *
 * @param name in lower case, within the zone
 * @param each whether each port of an address is a target of its own, or any of them stands for all
 */
export function findTargets(
  name: string,
  zone: string,
  options: ClusterZoneOptions,
  each: 'address' | 'port' = 'address',
): Targets {
  const request = parseZoneRequest(name, zone);
  if (!request) return undefined;
  const { kind, namespace, service } = request;
  if (kind === '' || namespace === '') return [];
  if (!namespaceExposed(namespace, options)) return undefined;
  if (service === '') return kind === 'pod' && options.podMode === 'disabled' ? undefined : [];
  return kind === 'pod' ? findPod(request, options) : findService(request, options, each);
}

function namespaceExposed(namespace: string, { namespaces, data }: ClusterZoneOptions): boolean {
  return (namespaces?.has(namespace) ?? true) && data.namespaceExists(namespace);
}

function findPod({ service: label, namespace }: ZoneRequest, { podMode, data }: ClusterZoneOptions): Targets {
  if (podMode === 'disabled') return undefined;
  const host = canonicalAddress(addressOfPodLabel(label));
  if (host === undefined || (podMode === 'verified' && !data.podAt(host, namespace))) return undefined;
  return [{ path: `${label}.${namespace}.pod`, host, port: -1 }];
}

function findService(request: ZoneRequest, options: ClusterZoneOptions, each: 'address' | 'port'): Targets {
  const { service: name, namespace, endpoint, port, protocol } = request;
  const { data } = options;
  const service = data.service(name, namespace);
  if (!service) return undefined;
  const path = `${name}.${namespace}.svc`;
  if (service.spec?.type === 'ExternalName') {
    const host = service.spec.externalName ?? '';
    const isPlain = endpoint === '' && port === '' && protocol === '';
    return isPlain && host !== '' && canonicalAddress(host) === undefined ? [{ path, host, port: 0 }] : undefined;
  }
  const headless = service.spec?.clusterIP === 'None';
  const portsOf = (ports: readonly NamedPort[] | undefined): readonly NamedPort[] => {
    const asked = (ports?.length ? ports : NO_PORT).filter((one) => matches(request, one.name, one.protocol));
    return each === 'port' ? asked : asked.slice(0, 1);
  };
  if (headless || endpoint !== '') return endpointTargets(data.slices(name, namespace), { path, request, portsOf }, options);
  if (options.ignoreEmptyServices && !data.slices(name, namespace).some(({ endpoints }) => endpoints?.some(isReady)))
    return undefined;
  return clusterAddressTargets(service, { path, portsOf });
}

interface NamedPort {
  readonly name?: string;
  readonly protocol?: string;
  readonly port?: number;
}

const NO_PORT: readonly NamedPort[] = [{ name: '', protocol: '', port: -1 }];

interface Asked {
  readonly path: string;
  /** Of those that there are, the ones that the name asks for. */
  readonly portsOf: (ports: readonly NamedPort[] | undefined) => readonly NamedPort[];
}

function clusterAddressTargets({ spec }: V1Service, { path, portsOf }: Asked): Targets {
  const addresses = spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : []);
  const ports = portsOf(spec?.ports);
  if (ports.length === 0) return undefined;
  return ports.slice(0, MOST_TARGETS).flatMap(({ port }) => addresses.map((host) => ({ path, host, port: port ?? -1 })));
}

function endpointTargets(
  slices: readonly V1EndpointSlice[],
  { path, request, portsOf }: Asked & { readonly request: ZoneRequest },
  options: ClusterZoneOptions,
): Targets {
  const targets: Target[] = [];
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    const ports = portsOf(slice.ports);
    if (ports.length === 0) continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (!isReady(endpoint)) continue;
      for (const host of endpoint.addresses) {
        const label = endpointLabel(endpoint, host, options);
        if (request.endpoint !== '' && request.endpoint !== label.toLowerCase()) continue;
        for (const { port } of ports) {
          if (targets.length >= MOST_TARGETS) return targets;
          targets.push({ path: `${label}.${path}`, host, port: port ?? -1 });
        }
      }
    }
  }
  return targets.length > 0 ? targets : undefined;
}

const isReady = ({ conditions }: V1Endpoint) => conditions?.ready !== false;

function endpointLabel({ hostname, targetRef }: V1Endpoint, address: string, { endpointPodNames }: ClusterZoneOptions): string {
  return hostname || (endpointPodNames && targetRef?.name) || address.replace(/[.:]/g, '-');
}

function matches({ port, protocol }: ZoneRequest, portName: string | undefined, portProtocol: string | undefined): boolean {
  return (
    (port === '' || port === (portName ?? '').toLowerCase()) &&
    (protocol === '' || protocol === (portProtocol ?? '').toLowerCase())
  );
}

/** The names that an address has below the zone: of the service whose it is, else of the endpoints that have a host name, as CoreDNS since 1.12. */
export function namesOfAddress(address: string, options: ClusterZoneOptions): readonly string[] {
  const { data, namespaces } = options;
  const exposed = (namespace = '') => namespaces === undefined || (namespaces.has(namespace) && data.namespaceExists(namespace));
  const service = data.serviceAt(address);
  if (service && exposed(service.metadata?.namespace)) return [`${service.metadata?.name}.${service.metadata?.namespace}.svc`];
  const names = new Set<string>();
  for (const slice of data.slicesAt(address)) {
    const { namespace, labels } = slice.metadata ?? {};
    if (!exposed(namespace)) continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (!endpoint.hostname || !isReady(endpoint)) continue;
      if (endpoint.addresses.some((one) => canonicalAddress(one) === address))
        names.add(`${endpoint.hostname}.${labels?.['kubernetes.io/service-name']}.${namespace}.svc`);
    }
  }
  return [...names];
}
