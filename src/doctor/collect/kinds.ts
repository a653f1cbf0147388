import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { ListOptions } from '../../client/client.ts';

/** Lists all objects of a kind, in one namespace or everywhere. */
export type Lister = <T extends KubeObject>(kind: ResourceKind, namespace?: string, more?: ListOptions) => Promise<T[]>;

const cluster = (group: string, version: string, kind: string, resource: string): ResourceKind => ({
  group,
  version,
  kind,
  resource,
  namespaced: false,
});
const inNamespaces = (group: string, version: string, kind: string, resource: string): ResourceKind => ({
  ...cluster(group, version, kind, resource),
  namespaced: true,
});
const RBAC = 'rbac.authorization.k8s.io';
/** What the doctor looks at. */
export const KINDS = {
  nodes: cluster('', 'v1', 'Node', 'nodes'),
  requests: cluster('certificates.k8s.io', 'v1', 'CertificateSigningRequest', 'certificatesigningrequests'),
  roles: cluster(RBAC, 'v1', 'ClusterRole', 'clusterroles'),
  bindings: cluster(RBAC, 'v1', 'ClusterRoleBinding', 'clusterrolebindings'),
  secrets: inNamespaces('', 'v1', 'Secret', 'secrets'),
  configMaps: inNamespaces('', 'v1', 'ConfigMap', 'configmaps'),
  services: inNamespaces('', 'v1', 'Service', 'services'),
  slices: inNamespaces('discovery.k8s.io', 'v1', 'EndpointSlice', 'endpointslices'),
  endpoints: inNamespaces('', 'v1', 'Endpoints', 'endpoints'),
  leases: inNamespaces('coordination.k8s.io', 'v1', 'Lease', 'leases'),
  validating: cluster('admissionregistration.k8s.io', 'v1', 'ValidatingWebhookConfiguration', 'validatingwebhookconfigurations'),
  mutating: cluster('admissionregistration.k8s.io', 'v1', 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations'),
  apiServices: cluster('apiregistration.k8s.io', 'v1', 'APIService', 'apiservices'),
} as const;
