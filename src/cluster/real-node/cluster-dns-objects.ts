import { configMapKind } from '../../api/core/v1/config-map.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type {
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1ConfigMap,
  V1EndpointSlice,
  V1Service,
  V1ServiceAccount,
} from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { clusterRoleKind } from '../../api/rbac/v1/cluster-role.ts';
import { clusterRoleBindingKind } from '../../api/rbac/v1/cluster-role-binding.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { CLUSTER_DNS_SERVICE_ADDRESS, CLUSTER_DOMAIN } from '../options.ts';

export const DNS_NAMESPACE = 'kube-system';
export const COREFILE_CONFIG_MAP = 'coredns';
export const DNS_ACCOUNT = `system:serviceaccount:${DNS_NAMESPACE}:coredns`;
const SERVICE = 'kube-dns';
const RBAC = 'rbac.authorization.k8s.io';

/** kubeadm's, without the pause at its end. */
const COREFILE = `.:53 {
    errors
    health
    ready
    kubernetes ${CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success ${CLUSTER_DOMAIN}
       disable denial ${CLUSTER_DOMAIN}
    }
    loop
    reload
    loadbalance
}
`;

/**
 * Makes what the cluster's DNS server is known by, as kubeadm does; what is there already stays, for it may have been changed.
 *
 * @param address where the server listens
 */
export async function createClusterDnsObjects(client: Client, address: string): Promise<void> {
  const create = async <T extends KubeObject>(kind: ResourceKind, object: T, namespace?: string) => {
    const objects = client.resource<T>(kind, namespace);
    // Asked first: a Service that is there is refused for its address before it is for its name.
    if (!(await unlessReason(objects.get(object.metadata?.name ?? ''), 'NotFound')))
      await unlessReason(objects.create(object), 'AlreadyExists');
  };
  await Promise.all([
    create(clusterRoleKind, dnsRole()),
    create(clusterRoleBindingKind, binding()),
    create(serviceAccountKind, account(), DNS_NAMESPACE),
    create(configMapKind, configMap(), DNS_NAMESPACE),
    create(serviceKind, dnsService(CLUSTER_DNS_SERVICE_ADDRESS), DNS_NAMESPACE),
    create(endpointSliceKind, dnsEndpointSlice([address]), DNS_NAMESPACE),
  ]);
}

const ports = [
  { name: 'dns', port: 53, protocol: 'UDP' },
  { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  { name: 'metrics', port: 9153, protocol: 'TCP' },
];

const labels = {
  'k8s-app': 'kube-dns',
  'kubernetes.io/cluster-service': 'true',
  'kubernetes.io/name': 'CoreDNS',
};

/** Without a selector: no pod of the cluster is its server. */
export function dnsService(clusterIP: string): V1Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: SERVICE,
      namespace: DNS_NAMESPACE,
      labels,
      annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' },
    },
    spec: { clusterIP, ports: ports.map((port) => ({ ...port, targetPort: port.port })) },
  };
}

export function dnsEndpointSlice(addresses: readonly string[]): V1EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: SERVICE,
      namespace: DNS_NAMESPACE,
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/service-name': SERVICE,
        'endpointslice.kubernetes.io/managed-by': 'muster',
      },
    },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports,
  };
}

function configMap(): V1ConfigMap {
  const metadata = { name: COREFILE_CONFIG_MAP, namespace: DNS_NAMESPACE };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: COREFILE } };
}

function account(): V1ServiceAccount {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'coredns', namespace: DNS_NAMESPACE } };
}

/** kubeadm's, and the Corefile: our server reads it from the API. */
export function dnsRole(): V1ClusterRole {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRole',
    metadata: { name: 'system:coredns' },
    rules: [
      { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ],
  };
}

function binding(): V1ClusterRoleBinding {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'system:coredns' },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'system:coredns' },
    subjects: [{ kind: 'ServiceAccount', name: 'coredns', namespace: DNS_NAMESPACE }],
  };
}
