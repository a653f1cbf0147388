import { defineKind } from '../../machinery/define-kind.ts';
import { bindingColumns } from './binding-columns.ts';
import { setBindingDefaults, validateBindingUpdate, validateClusterRoleBinding } from './rbac-rules.ts';

export const clusterRoleBindingKind = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  resource: 'clusterrolebindings',
  namespaced: false,
  nameRule: 'path-segment',
  columns: bindingColumns,
  setDefaults: setBindingDefaults,
  validate: validateClusterRoleBinding,
  validateUpdate: validateBindingUpdate,
});
