import type { RbacV1Subject, V1ClusterRole, V1ClusterRoleBinding } from '../../api/gen/types.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { POLICY_RIGHTS } from '../policy/policy-rights.ts';
import { blockAffinityKind, CALICO_KINDS, definitionOf, ipPoolKind } from './calico-kinds.ts';

const NAME = 'calico-node';
const NAMESPACE = 'kube-system';
const API = 'rbac.authorization.k8s.io';

/**
 * What calico-node needs in the API, under the names of Calico's manifests: its kinds and its rights. Whoever creates them leaves what
 * is there already.
 *
 * @param subject who runs it: a service account, or a user whose certificate it has
 */
export function calicoObjects(subject: RbacV1Subject): readonly KubeObject[] {
  const [{ group }] = CALICO_KINDS as readonly [(typeof CALICO_KINDS)[number]];
  const role: V1ClusterRole = {
    ...{ apiVersion: `${API}/v1`, kind: 'ClusterRole', metadata: { name: NAME } },
    rules: [
      ...POLICY_RIGHTS,
      { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
      { apiGroups: [group], resources: CALICO_KINDS.map(({ resource }) => resource), verbs: ['get', 'list', 'watch'] },
      { apiGroups: [group], resources: [ipPoolKind.resource], verbs: ['create'] },
      { apiGroups: [group], resources: [blockAffinityKind.resource], verbs: ['create', 'update', 'delete'] },
    ],
  };
  const binding: V1ClusterRoleBinding = {
    ...{ apiVersion: `${API}/v1`, kind: 'ClusterRoleBinding', metadata: { name: NAME } },
    roleRef: { apiGroup: API, kind: 'ClusterRole', name: NAME },
    subjects: [subject],
  };
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace: NAMESPACE } };
  const isAccount = subject.kind === 'ServiceAccount' && subject.name === NAME && subject.namespace === NAMESPACE;
  return [...CALICO_KINDS.map(definitionOf), role, binding, ...(isAccount ? [account] : [])];
}
