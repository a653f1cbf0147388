import { networkInterfaces } from 'node:os';
import { namespaceKind } from '../api/core/v1/namespace.ts';
import { serviceKind } from '../api/core/v1/service.ts';
import type { KindDefinition } from '../api/machinery/kind.ts';
import type { DynamicObject } from '../api/machinery/object.ts';
import type { ObjectReader, ObjectWriter } from './contracts.ts';
import { ensureObject, type WantedObject } from './ensure-object.ts';
import { parseAddressRanges } from './services/address-range.ts';

/** The namespaces that every cluster has. */
const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;

export interface DefaultObjectDeps {
  readonly kinds: readonly KindDefinition[];
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly serviceClusterIpRange: string;
  readonly port: number;
}

/** Makes the namespaces and the Service `default/kubernetes`. Writes nothing when all is there. */
export async function ensureDefaultObjects(deps: DefaultObjectDeps): Promise<void> {
  const { kinds, port } = deps;
  if (kinds.includes(namespaceKind))
    await Promise.all(NAMESPACES.map((name) => ensureObject(deps, namespaceKind, { metadata: { name } }, () => true)));
  if (kinds.includes(serviceKind))
    await ensureObject(deps, serviceKind, kubernetesService(deps), (existing) => portOf(existing) === port);
}

function kubernetesService({ serviceClusterIpRange, port }: DefaultObjectDeps): WantedObject {
  const clusterIP = firstAddress(serviceClusterIpRange);
  return {
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: [clusterIP.includes(':') ? 'IPv6' : 'IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
    },
  };
}

function portOf(service: DynamicObject): number | undefined {
  return (service['spec'] as { ports?: { targetPort?: number }[] } | undefined)?.ports?.[0]?.targetPort;
}

/** The first address of the first range that is not the network's own: 10.0.0.1 of 10.0.0.0/12. */
export const firstAddress = (ranges: string): string => parseAddressRanges(ranges)[0]!.at(0);

/** What clients inside the cluster are told: the address itself, or the machine's first one when it is the unspecified address. */
export function chooseAdvertiseAddress(bindAddress: string): string {
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::' && bindAddress !== '') return bindAddress;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find((a) => !a.internal && a.family === 'IPv4')?.address ?? '127.0.0.1';
}
