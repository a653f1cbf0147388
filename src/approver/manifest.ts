/** The least that the approver needs in a cluster: who it is and what it may do. */
import { KUBE_APISERVER_CLIENT_KUBELET, KUBELET_SERVING } from '../api/certificates/v1/signer-conditions.ts';

const NAME = 'muster-approver';
const NAMESPACE = 'kube-system';

export interface ManifestOptions {
  readonly approveClient: boolean;
  /** `namespace/name` of the ConfigMap with names, if there is one. */
  readonly configMap: string;
}

/** Account, roles and bindings, as JSON objects to be applied. Nothing may be read that is not needed: no Secret, one ConfigMap. */
export function rbacObjects({ approveClient, configMap }: ManifestOptions): object[] {
  const signers = approveClient ? [KUBELET_SERVING, KUBE_APISERVER_CLIENT_KUBELET] : [KUBELET_SERVING];
  const [mapNamespace, mapName] = configMap.split('/');
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace: NAMESPACE } },
    ...role('', [
      rule('certificates.k8s.io', ['certificatesigningrequests'], ['list', 'watch']),
      rule('certificates.k8s.io', ['certificatesigningrequests/approval'], ['update']),
      { ...rule('certificates.k8s.io', ['signers'], ['approve']), resourceNames: signers },
      rule('', ['nodes'], ['list', 'watch']),
      rule('networking.k8s.io', ['servicecidrs'], ['list']),
    ]),
    ...role(NAMESPACE, [
      rule('', ['services'], ['list']),
      rule('coordination.k8s.io', ['leases'], ['create']),
      { ...rule('coordination.k8s.io', ['leases'], ['get', 'update']), resourceNames: [NAME] },
      ...(mapNamespace === NAMESPACE ? [mapRule(mapName)] : []),
    ]),
    ...role('default', [
      { ...rule('', ['services', 'endpoints'], ['get']), resourceNames: ['kubernetes'] },
      // Events of objects without a namespace, as certificate requests are, lie here.
      rule('', ['events'], ['create', 'patch']),
    ]),
    ...(mapNamespace && mapNamespace !== NAMESPACE ? role(mapNamespace, [mapRule(mapName)]) : []),
  ];
}

const rule = (group: string, resources: string[], verbs: string[]) => ({ apiGroups: [group], resources, verbs });
const mapRule = (name = '') => ({ ...rule('', ['configmaps'], ['get']), resourceNames: [name] });

/** A role and its binding; of the whole cluster when the namespace is empty. */
function role(namespace: string, rules: object[]): object[] {
  const [kind, metadata] = namespace ? ['Role', { name: NAME, namespace }] : ['ClusterRole', { name: NAME }];
  return [
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: NAME },
      subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE }],
    },
  ];
}
