import { defineKind } from '../../machinery/define-kind.ts';
import { bindingColumns } from './binding-columns.ts';

export const roleBindingKind = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  resource: 'rolebindings',
  namespaced: true,
  nameRule: 'path-segment',
  columns: bindingColumns,
});
