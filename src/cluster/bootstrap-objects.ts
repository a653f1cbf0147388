import { KUBELET_SERVING } from '../api/certificates/v1/signer-conditions.ts';
import type { V1ClusterRole, V1ClusterRoleBinding, V1StorageClass } from '../api/gen/types.ts';

const RBAC = 'rbac.authorization.k8s.io';

/** Who the serving approver of `src/cluster/serving-approver` is. */
export const SERVING_APPROVER_USER = 'muster:serving-approver';

/** Who the API server is to kubelets: no superuser, since requests that it passes on could otherwise come back to it as one. */
export const KUBELET_CLIENT_USER = 'kube-apiserver-kubelet-client';

/** Lets the API server use kubelets' APIs, named as the runbooks name it. @param name the user that its certificate names */
export function kubeletClientBinding(name = KUBELET_CLIENT_USER): V1ClusterRoleBinding {
  const user = { kind: 'User', apiGroup: RBAC, name };
  return binding('kube-apiserver:kubelet-apis', 'system:kubelet-api-admin', user);
}

/**
 * The bindings that the runbooks create by hand before nodes can join: whoever holds a bootstrap token may file requests, and has
 * client certificates approved; nodes have the renewal of their own approved.
 */
export function joinBindings(): V1ClusterRoleBinding[] {
  const bootstrappers = { kind: 'Group', apiGroup: RBAC, name: 'system:bootstrappers' };
  const nodes = { kind: 'Group', apiGroup: RBAC, name: 'system:nodes' };
  return [
    binding('kubelet-bootstrap', 'system:node-bootstrapper', bootstrappers),
    binding('auto-approve-csrs-for-group', 'system:certificates.k8s.io:certificatesigningrequests:nodeclient', bootstrappers),
    binding('node-client-cert-renewal', 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', nodes),
  ];
}

/** What the serving approver may do: read requests, and decide on those for kubelets' serving certificates. */
export function servingApproverRole(): V1ClusterRole {
  const group = 'certificates.k8s.io';
  return {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRole',
    metadata: { name: SERVING_APPROVER_USER },
    rules: [
      { apiGroups: [group], resources: ['certificatesigningrequests'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [group], resources: ['certificatesigningrequests/approval'], verbs: ['update'] },
      { apiGroups: [group], resources: ['signers'], resourceNames: [KUBELET_SERVING], verbs: ['approve'] },
    ],
  };
}

export function servingApproverBinding(): V1ClusterRoleBinding {
  return binding(SERVING_APPROVER_USER, SERVING_APPROVER_USER, { kind: 'User', apiGroup: RBAC, name: SERVING_APPROVER_USER });
}

/** Volumes for claims that name no class: directories of this machine, where all nodes are. */
export function defaultStorageClass(): V1StorageClass {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'muster.dev/host-path',
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
    allowVolumeExpansion: true,
  };
}

function binding(name: string, role: string, subject: { kind: string; apiGroup: string; name: string }): V1ClusterRoleBinding {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
    subjects: [subject],
  };
}
