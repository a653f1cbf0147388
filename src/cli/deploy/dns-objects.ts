import type { Inventory } from '../../api/config/v1/inventory.ts';
import type { V1ClusterRoleBinding } from '../../api/gen/types.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { dnsEndpointSlice, dnsRole, dnsService } from '../../cluster/real-node/cluster-dns-objects.ts';
import { DNS_USER } from '../../deploy/desired/cluster-dns.ts';

const RBAC = 'rbac.authorization.k8s.io';

/** What the cluster's DNS servers are known by: a Service without a selector that leads to the masters. */
export function dnsObjects({ network, hosts }: Inventory): readonly KubeObject[] {
  if (network.dns !== 'muster') return [];
  const binding: V1ClusterRoleBinding = {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'system:coredns' },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'system:coredns' },
    subjects: [{ kind: 'User', apiGroup: RBAC, name: DNS_USER }],
  };
  const servers = hosts.filter(({ roles }) => roles.includes('master')).map(({ address }) => address);
  return [dnsRole(), binding, dnsService(network.dnsAddress), dnsEndpointSlice(servers)];
}
