import type { V1LoadBalancerStatus, V1Service, V1ServicePort } from '../../gen/types.ts';
import { ageColumn, formatLabels, NONE, nameColumn, orElse, textColumn, wide } from '../../machinery/columns.ts';
import type { Column } from '../../machinery/kind.ts';

/** Addresses or names of a load balancer's entrances, sorted. */
export function formatLoadBalancer(status: V1LoadBalancerStatus | undefined): string {
  const entrances = (status?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').filter(Boolean);
  return [...new Set(entrances)].sort().join(',');
}

function externalIp({ spec, status }: V1Service): string {
  const own = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return orElse(own.join(','), NONE);
    case 'LoadBalancer': {
      const balancer = formatLoadBalancer(status?.loadBalancer);
      return orElse([...(balancer ? [balancer] : []), ...own].join(','), '<pending>');
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}

const formatPort = ({ port, nodePort, protocol }: V1ServicePort) =>
  nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`;

export const serviceColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1Service>('Type', 'How it is reached.', ({ spec }) => spec?.type ?? ''),
  textColumn<V1Service>('Cluster-IP', 'Its address inside the cluster.', ({ spec }) =>
    orElse(spec?.clusterIPs?.[0] ?? spec?.clusterIP, NONE),
  ),
  textColumn<V1Service>('External-IP', 'Its addresses outside the cluster.', externalIp),
  textColumn<V1Service>('Port(s)', 'Its ports.', ({ spec }) => orElse((spec?.ports ?? []).map(formatPort).join(','), NONE)),
  ageColumn,
  ...wide(textColumn<V1Service>('Selector', 'Which pods it leads to.', ({ spec }) => formatLabels(spec?.selector))),
];
