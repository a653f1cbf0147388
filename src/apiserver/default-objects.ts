import { networkInterfaces } from 'node:os';
import type { KindDefinition } from '../api/machinery/kind.ts';
import type { DynamicObject } from '../api/machinery/object.ts';
import { isStatus } from '../api/machinery/status-error.ts';
import type { ObjectReader, ObjectWriter } from './contracts.ts';
import { parseAddressRanges } from './services/address-range.ts';
import { fieldsEqual } from './store-access/json-equal.ts';

/** The namespaces that every cluster has. */
const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;

export interface DefaultObjectDeps {
  readonly kinds: readonly KindDefinition[];
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly serviceClusterIpRange: string;
  readonly advertiseAddress: string;
  readonly port: number;
}

const findKind = (kinds: readonly KindDefinition[], group: string, resource: string) =>
  kinds.find((kind) => kind.group === group && kind.resource === resource);

/** Makes the namespaces and `default/kubernetes`, and keeps the latter's addresses to where this server is. Writes nothing when all is there. */
export async function ensureDefaultObjects(deps: DefaultObjectDeps): Promise<void> {
  const namespace = findKind(deps.kinds, '', 'namespaces');
  if (namespace) await Promise.all(NAMESPACES.map((name) => ensure(deps, namespace, { metadata: { name } }, () => true)));
  await Promise.all(
    kubernetesService(deps).map(([group, resource, object, current]) => {
      const kind = findKind(deps.kinds, group, resource);
      return kind && ensure(deps, kind, object, current);
    }),
  );
}

type Wanted = Omit<DynamicObject, 'apiVersion' | 'kind'>;
type IsCurrent = (existing: DynamicObject) => boolean;

function kubernetesService({
  serviceClusterIpRange,
  advertiseAddress,
  port,
}: DefaultObjectDeps): [string, string, Wanted, IsCurrent][] {
  const clusterIP = firstAddress(serviceClusterIpRange);
  const family = advertiseAddress.includes(':') ? 'IPv6' : 'IPv4';
  const metadata = { name: 'kubernetes', namespace: 'default' };
  const service: Wanted = {
    metadata: { ...metadata, labels: { component: 'apiserver', provider: 'kubernetes' } },
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
  const subsets = [{ addresses: [{ ip: advertiseAddress }], ports: [{ name: 'https', port, protocol: 'TCP' }] }];
  const endpoints: Wanted = {
    metadata: { ...metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets,
  };
  const slice = {
    addressType: family,
    endpoints: [{ addresses: [advertiseAddress], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
  return [
    ['', 'services', service, (existing) => portOf(existing) === port],
    ['', 'endpoints', endpoints, (existing) => fieldsEqual({ subsets }, { subsets: existing['subsets'] })],
    [
      'discovery.k8s.io',
      'endpointslices',
      { metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'kubernetes' } }, ...slice },
      (existing) =>
        fieldsEqual(slice, { addressType: existing['addressType'], endpoints: existing['endpoints'], ports: existing['ports'] }),
    ],
  ];
}

function portOf(service: DynamicObject): number | undefined {
  return (service['spec'] as { ports?: { targetPort?: number }[] } | undefined)?.ports?.[0]?.targetPort;
}

async function ensure(
  { reader, writer }: DefaultObjectDeps,
  kind: KindDefinition,
  wanted: Wanted,
  isCurrent: IsCurrent,
): Promise<void> {
  const { metadata } = wanted as { metadata: DynamicObject['metadata'] };
  const { name = '', namespace = '' } = metadata;
  const existing = reader.get(kind, namespace, name);
  if (!existing) {
    try {
      await writer.create(kind, structuredClone(wanted) as DynamicObject);
    } catch (error) {
      // Another server was faster; a Service's address is taken then, which is found out before its name is.
      if (isStatus(error, 'Invalid')) await reader.waitFresh(kind);
      if (!isStatus(error, 'AlreadyExists') && !reader.get(kind, namespace, name)) throw error;
    }
    return;
  }
  if (isCurrent(existing)) return;
  await writer.modify(kind, namespace, name, (object) => {
    const { metadata: _, ...rest } = structuredClone(wanted) as DynamicObject;
    return { ...object, ...rest, metadata: object.metadata, apiVersion: object.apiVersion, kind: object.kind };
  });
}

/** The first address of the first range that is not the network's own: 10.0.0.1 of 10.0.0.0/12. */
export const firstAddress = (ranges: string): string => parseAddressRanges(ranges)[0]!.at(0);

/** What clients inside the cluster are told: the address itself, or the machine's first one when it is the unspecified address. */
export function chooseAdvertiseAddress(bindAddress: string): string {
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::' && bindAddress !== '') return bindAddress;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find((a) => !a.internal && a.family === 'IPv4')?.address ?? '127.0.0.1';
}
