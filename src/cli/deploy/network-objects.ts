import type { Inventory } from '../../api/config/v1/inventory.ts';
import type { RbacV1Subject, V1PolicyRule } from '../../api/gen/types.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { networkService, policyService } from '../../deploy/desired/pod-network.ts';
import { flannelObjects } from '../../network/flannel/flannel-objects.ts';
import { POLICY_RIGHTS } from '../../network/policy/policy-rights.ts';

const API = 'rbac.authorization.k8s.io';

const READERS = ['get', 'list', 'watch'];

/** What the services of a cluster's pod network and of its policies need in the API. */
export function networkObjects(inventory: Inventory): readonly KubeObject[] {
  const policies = policyService(inventory);
  return [...podNetworkObjects(inventory), ...(policies === undefined ? [] : policyObjects(policies))];
}

function podNetworkObjects(inventory: Inventory): readonly KubeObject[] {
  const name = networkService(inventory);
  if (name === undefined) return [];
  const subject: RbacV1Subject = { kind: 'User', apiGroup: API, name };
  const { plugin, podCIDR, flannelBackend } = inventory.network;
  return plugin === 'flannel'
    ? flannelObjects({ network: podCIDR, backend: { Type: flannelBackend }, subject })
    : calicoObjects(name, subject);
}

/** calico-node keeps its state in objects of Calico's own kinds, and enforces policies. */
function calicoObjects(name: string, subject: RbacV1Subject): readonly KubeObject[] {
  return boundRole(name, subject, [
    ...POLICY_RIGHTS,
    { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
    { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['get', 'create'] },
    { apiGroups: ['crd.projectcalico.org'], resources: ['*'], verbs: [...READERS, 'create', 'update', 'delete'] },
  ]);
}

const policyObjects = (name: string) => boundRole(name, { kind: 'User', apiGroup: API, name }, POLICY_RIGHTS);

function boundRole(name: string, subject: RbacV1Subject, rules: readonly V1PolicyRule[]): readonly KubeObject[] {
  const role = { ...{ apiVersion: `${API}/v1`, kind: 'ClusterRole', metadata: { name } }, rules };
  const binding = {
    ...{ apiVersion: `${API}/v1`, kind: 'ClusterRoleBinding', metadata: { name } },
    roleRef: { apiGroup: API, kind: 'ClusterRole', name },
    subjects: [subject],
  };
  return [role, binding];
}
