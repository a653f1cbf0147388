import { defineKind } from '../../machinery/define-kind.ts';
import { validateClusterRole } from './rbac-rules.ts';

export const clusterRoleKind = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  resource: 'clusterroles',
  namespaced: false,
  nameRule: 'path-segment',
  validate: validateClusterRole,
});
