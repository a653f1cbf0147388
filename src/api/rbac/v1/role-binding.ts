import { defineKind } from '../../machinery/define-kind.ts';
import { bindingColumns } from './binding-columns.ts';
import { setBindingDefaults, validateBindingUpdate, validateRoleBinding } from './rbac-rules.ts';

export const roleBindingKind = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  resource: 'rolebindings',
  namespaced: true,
  nameRule: 'path-segment',
  columns: bindingColumns,
  setDefaults: setBindingDefaults,
  validate: validateRoleBinding,
  validateUpdate: validateBindingUpdate,
});
