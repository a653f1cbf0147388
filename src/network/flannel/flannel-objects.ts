import type {
  RbacV1Subject,
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1ConfigMap,
  V1Role,
  V1RoleBinding,
} from '../../api/gen/types.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { CONFIG_MAP } from './network-configuration.ts';

export interface FlannelObjectsOptions {
  /** Of all pods: `10.64.0.0/10`. */
  readonly network: string;
  /** The same of IPv6. */
  readonly ipv6Network?: string | undefined;
  /** Of net-conf.json: `{ Type: 'vxlan' }`. */
  readonly backend: Readonly<Record<string, unknown>>;
  /** Who runs flanneld: a service account, or a user whose certificate it has. */
  readonly subject: RbacV1Subject;
}

const NAME = 'flannel';
const NAMESPACE = 'kube-system';
const API = 'rbac.authorization.k8s.io';

/**
 * What flanneld needs in the API: those of flannel's manifests but for its pod, and the right to read the ConfigMap, which a kubelet would
 * mount. Whoever creates them leaves what is there already.
 */
export function flannelObjects({ network, ipv6Network, backend, subject }: FlannelObjectsOptions): readonly KubeObject[] {
  const role: V1ClusterRole = {
    ...{ apiVersion: `${API}/v1`, kind: 'ClusterRole', metadata: { name: NAME } },
    rules: [
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
    ],
  };
  const binding: V1ClusterRoleBinding = {
    ...{ apiVersion: `${API}/v1`, kind: 'ClusterRoleBinding', metadata: { name: NAME } },
    roleRef: { apiGroup: API, kind: 'ClusterRole', name: NAME },
    subjects: [subject],
  };
  const metadata = { name: NAME, namespace: NAMESPACE };
  const readerRole: V1Role = {
    ...{ apiVersion: `${API}/v1`, kind: 'Role', metadata },
    rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [CONFIG_MAP], verbs: ['get'] }],
  };
  const readerBinding: V1RoleBinding = {
    ...{ apiVersion: `${API}/v1`, kind: 'RoleBinding', metadata },
    roleRef: { apiGroup: API, kind: 'Role', name: NAME },
    subjects: [subject],
  };
  const six = ipv6Network === undefined ? {} : { EnableIPv6: true, IPv6Network: ipv6Network };
  const configMap: V1ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: CONFIG_MAP, namespace: NAMESPACE, labels: { tier: 'node', app: NAME } },
    data: { 'net-conf.json': `${JSON.stringify({ Network: network, ...six, Backend: backend }, null, 2)}\n` },
  };
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata };
  const isAccount = subject.kind === 'ServiceAccount' && subject.name === NAME && subject.namespace === NAMESPACE;
  return [role, binding, readerRole, readerBinding, configMap, ...(isAccount ? [account] : [])];
}
