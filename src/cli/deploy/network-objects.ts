import type { Inventory } from '../../api/config/v1/inventory.ts';
import type { RbacV1Subject } from '../../api/gen/types.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { networkService } from '../../deploy/desired/pod-network.ts';
import { flannelObjects } from '../../network/flannel/flannel-objects.ts';

const API = 'rbac.authorization.k8s.io';

/** What the service of a cluster's pod network needs in the API. */
export function networkObjects(inventory: Inventory): readonly KubeObject[] {
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
  const readers = ['get', 'list', 'watch'];
  const role = {
    ...{ apiVersion: `${API}/v1`, kind: 'ClusterRole', metadata: { name } },
    rules: [
      { apiGroups: [''], resources: ['nodes', 'pods', 'namespaces'], verbs: readers },
      { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
      { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: readers },
      { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['get', 'create'] },
      { apiGroups: ['crd.projectcalico.org'], resources: ['*'], verbs: [...readers, 'create', 'update', 'delete'] },
    ],
  };
  const binding = {
    ...{ apiVersion: `${API}/v1`, kind: 'ClusterRoleBinding', metadata: { name } },
    roleRef: { apiGroup: API, kind: 'ClusterRole', name },
    subjects: [subject],
  };
  return [role, binding];
}
