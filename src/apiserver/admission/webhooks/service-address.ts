/** Where a webhook's Service is: at one of its endpoints, else at its cluster address. */
import { serviceKind } from '../../../api/core/v1/service.ts';
import type { V1Service } from '../../../api/gen/types.ts';
import { createServiceResolver, UnresolvedService } from '../../aggregation/service-resolver.ts';
import type { ObjectReader } from '../../contracts.ts';
import type { ResolveService } from './webhook-connections.ts';

/** Endpoints first: the server need not be on a machine where cluster addresses lead anywhere. */
export function createServiceAddress(reader: ObjectReader, random: () => number): ResolveService {
  const clusterIp = (namespace: string, name: string) =>
    (reader.get(serviceKind, namespace, name) as V1Service | undefined)?.spec?.clusterIP;
  const ownAddress = () => `${clusterIp('default', 'kubernetes') ?? ''}:443`;
  const resolve = createServiceResolver(reader, { toEndpoints: true, random, ownAddress });
  return (namespace, name, port) => {
    try {
      return resolve({ namespace, name, port });
    } catch (error) {
      if (!(error instanceof UnresolvedService)) throw error;
      if (error.reason === 'ServiceNotFound') throw new Error(`service ${JSON.stringify(name)} not found`, { cause: error });
      const address = clusterIp(namespace, name);
      if (error.reason === 'EndpointsNotFound' && address && address !== 'None')
        return `https://${address.includes(':') ? `[${address}]` : address}:${port}`;
      if (error.reason === 'ServicePortError')
        throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`, { cause: error });
      throw new Error(`no endpoints available for service ${JSON.stringify(name)}`, { cause: error });
    }
  };
}
