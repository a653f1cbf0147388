import type { V1EndpointSlice, V1Endpoints, V1Service } from '../../api/gen/types.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Observations } from '../observations.ts';
import { KINDS, type Lister } from './kinds.ts';

/** The cluster's DNS Services and how many servers stand behind them. */
export async function collectDns(list: Lister): Promise<Observations['dns']> {
  const services = await list<V1Service>(KINDS.services, 'kube-system', { labelSelector: 'k8s-app=kube-dns' });
  const names = new Set(services.map(({ metadata }) => metadata?.name));
  // Clusters before 1.21 have no slices of this version.
  const slices = await unlessReason(list<V1EndpointSlice>(KINDS.slices, 'kube-system'), 'NotFound');
  return {
    serviceAddresses: services.flatMap(({ spec }) => spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : [])),
    endpoints: slices
      ? readyIn(slices.filter(({ metadata }) => names.has(metadata?.labels?.['kubernetes.io/service-name'])))
      : addressesIn(
          (await list<V1Endpoints>(KINDS.endpoints, 'kube-system')).filter(({ metadata }) => names.has(metadata?.name)),
        ),
  };
}

const readyIn = (slices: readonly V1EndpointSlice[]) =>
  slices.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).length;

const addressesIn = (all: readonly V1Endpoints[]) =>
  all.flatMap(({ subsets }) => subsets ?? []).flatMap(({ addresses }) => addresses ?? []).length;
