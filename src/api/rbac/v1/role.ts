import { defineKind } from '../../machinery/define-kind.ts';
import { validateRole } from './rbac-rules.ts';

export const roleKind = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  resource: 'roles',
  namespaced: true,
  nameRule: 'path-segment',
  validate: validateRole,
});
