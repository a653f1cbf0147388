import type { V1Endpoints, V1Service } from '../api/gen/types.ts';
import { formatIp, type IpRange, parseCidr, parseIp } from '../api/machinery/ip.ts';
import type { ResourceKind } from '../api/machinery/kind.ts';
import type { KubeObject } from '../api/machinery/object.ts';
import type { Client } from '../client/client.ts';
import { unlessReason } from '../client/unless-reason.ts';
import type { ClusterNames } from './denied-names.ts';

const core = (kind: string, resource: string): ResourceKind => ({ group: '', version: 'v1', kind, resource, namespaced: true });
const SERVICE = core('Service', 'services');
const ENDPOINTS = core('Endpoints', 'endpoints');
const SERVICE_CIDR: ResourceKind = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  resource: 'servicecidrs',
  namespaced: false,
};

/** What the operator says of the cluster, beside what can be seen. */
export interface ClusterNameSettings {
  readonly clusterDomain: string;
  readonly serviceRanges: readonly IpRange[];
  /** The API server's address as the kubeconfig has it. */
  readonly server: string;
  /** Names in the certificate of the API server. */
  readonly shownNames?: () => Promise<readonly string[]>;
  readonly denyNames: readonly string[];
  readonly denyRanges: readonly IpRange[];
}

interface ServiceCidr extends KubeObject {
  readonly spec?: { readonly cidrs?: readonly string[] };
}

/** Looks what names and addresses are the cluster's own. Rejects when the API server cannot be asked. */
export async function findClusterNames(client: Client, settings: ClusterNameSettings): Promise<ClusterNames> {
  const [kubernetes, endpoints, ranges, system, shown = []] = await Promise.all([
    unlessReason(client.resource<V1Service>(SERVICE, 'default').get('kubernetes'), 'NotFound'),
    unlessReason(client.resource<V1Endpoints>(ENDPOINTS, 'default').get('kubernetes'), 'NotFound'),
    // Older clusters have none.
    unlessReason(client.resource<ServiceCidr>(SERVICE_CIDR).list(), 'NotFound'),
    client.resource<V1Service>(SERVICE, 'kube-system').list(),
    settings.shownNames?.(),
  ]);
  const services = [...(kubernetes ? [kubernetes] : []), ...system.items];
  const host = new URL(settings.server).hostname.replace(/^\[|\]$/g, '');
  const hostAddress = parseIp(host);
  const endpointAddresses = (endpoints?.subsets ?? []).flatMap((subset) => (subset.addresses ?? []).map(({ ip }) => ip ?? ''));
  return {
    clusterDomain: settings.clusterDomain.replace(/\.$/, '').toLowerCase(),
    serviceRanges: [
      ...settings.serviceRanges,
      ...(ranges?.items ?? []).flatMap(({ spec }) => (spec?.cidrs ?? []).flatMap(rangeOf)),
    ],
    serviceAddresses: new Set(
      services
        .flatMap(({ spec }) => [
          ...(spec?.clusterIPs ?? []),
          ...(spec?.externalIPs ?? []),
          ...(spec?.clusterIP ? [spec.clusterIP] : []),
        ])
        .flatMap(addressOf),
    ),
    apiServerNames: new Set(
      [...(hostAddress ? [] : [host]), ...shown.filter((name) => !parseIp(name))].map((n) => n.toLowerCase()),
    ),
    apiServerAddresses: new Set([
      ...(hostAddress ? [formatIp(hostAddress)] : []),
      ...endpointAddresses.flatMap(addressOf),
      ...shown.flatMap(addressOf),
    ]),
    moreNames: settings.denyNames,
    moreRanges: settings.denyRanges,
  };
}

const rangeOf = (text: string): IpRange[] => {
  const range = parseCidr(text);
  return range ? [range] : [];
};

/** Canonical; nothing for `None`. */
const addressOf = (text: string): string[] => {
  const address = parseIp(text);
  return address ? [formatIp(address)] : [];
};
