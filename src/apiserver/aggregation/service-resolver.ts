import { serviceKind } from '../../api/core/v1/service.ts';
import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type { V1EndpointSlice, V1Service } from '../../api/gen/types.ts';
import type { ObjectReader } from '../contracts.ts';

/** Why a Service cannot be reached, in the words of APIService conditions. */
export class UnresolvedService extends Error {
  readonly reason: 'ServiceNotFound' | 'ServicePortError' | 'EndpointsNotFound' | 'MissingEndpoints';

  constructor(reason: UnresolvedService['reason'], message: string) {
    super(message);
    this.name = 'UnresolvedService';
    this.reason = reason;
  }
}

export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

export interface ServiceResolverOptions {
  /** `--enable-aggregator-routing`: go to endpoints' addresses rather than to the cluster's. */
  readonly toEndpoints: boolean;
  readonly random: () => number;
  /** `default/kubernetes` is this server itself. */
  readonly ownAddress: () => string;
}

const SERVICE_NAME = 'kubernetes.io/service-name';

/** Finds the address of a Service: `https://10.0.0.7:443`. Throws an UnresolvedService. */
export function createServiceResolver(
  reader: ObjectReader,
  options: ServiceResolverOptions,
): (service: ServiceReference) => string {
  return ({ namespace, name, port }) => {
    if (namespace === 'default' && name === 'kubernetes' && port === 443) return `https://${options.ownAddress()}`;
    const service = reader.get(serviceKind, namespace, name) as V1Service | undefined;
    if (!service)
      throw new UnresolvedService('ServiceNotFound', `service/${name} in ${JSON.stringify(namespace)} is not present`);
    const { type = 'ClusterIP', externalName, clusterIP, ports = [] } = service.spec ?? {};
    if (type === 'ExternalName') return `https://${externalName}:${port}`;
    const found = ports.find((each) => each.port === port);
    if (!found)
      throw new UnresolvedService(
        'ServicePortError',
        `service/${name} in ${JSON.stringify(namespace)} is not listening on port ${port}`,
      );
    const endpoints = endpointsOf(reader, namespace, name, found.name ?? '');
    if (!options.toEndpoints && clusterIP && clusterIP !== 'None') return `https://${hostOf(clusterIP)}:${port}`;
    return `https://${endpoints[Math.floor(options.random() * endpoints.length)]!}`;
  };
}

/** Addresses with ports of the endpoints that are ready. */
function endpointsOf(reader: ObjectReader, namespace: string, name: string, portName: string): string[] {
  const slices = (reader.list(endpointSliceKind, namespace) as readonly unknown[] as readonly V1EndpointSlice[]).filter(
    ({ metadata }) => metadata?.labels?.[SERVICE_NAME] === name,
  );
  if (!slices.length)
    throw new UnresolvedService(
      'EndpointsNotFound',
      `cannot find endpointslices for service/${name} in ${JSON.stringify(namespace)}`,
    );
  const addresses = slices.flatMap(({ ports, endpoints }) => {
    const port = ports?.find((each) => (each.name ?? '') === portName)?.port;
    if (!port) return [];
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
    return ready.flatMap((endpoint) => endpoint.addresses.map((address) => `${hostOf(address)}:${port}`));
  });
  if (!addresses.length)
    throw new UnresolvedService(
      'MissingEndpoints',
      `endpointslices for service/${name} in ${JSON.stringify(namespace)} have no addresses with port name ${JSON.stringify(portName)}`,
    );
  return addresses;
}

const hostOf = (address: string) => (address.includes(':') ? `[${address}]` : address);
