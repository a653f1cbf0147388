import type { KindDefinition } from '../../../api/machinery/kind.ts';
import { apiVersionOf } from '../../../api/machinery/kind.ts';
import type { DynamicObject, ObjectMeta } from '../../../api/machinery/object.ts';
import { clusterRoleKind } from '../../../api/rbac/v1/cluster-role.ts';
import { clusterRoleBindingKind } from '../../../api/rbac/v1/cluster-role-binding.ts';
import { roleKind } from '../../../api/rbac/v1/role.ts';
import { roleBindingKind } from '../../../api/rbac/v1/role-binding.ts';
import type { PolicyRule } from '../policy-rule.ts';
import type { RoleRef, Subject } from '../rbac-index.ts';
import { controllerRoles } from './controller-roles.ts';
import { namespaceRoles } from './namespace-roles.ts';
import { systemBindings, systemRoles } from './system-roles.ts';
import { aggregateLabel, userRoles } from './user-roles.ts';

export const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';
const RBAC_GROUP = 'rbac.authorization.k8s.io';

export interface RoleObject extends DynamicObject {
  rules?: readonly PolicyRule[] | null;
  aggregationRule?: { clusterRoleSelectors?: { matchLabels?: Record<string, string> }[] };
}

export interface BindingObject extends DynamicObject {
  roleRef: RoleRef;
  subjects?: readonly Subject[] | null;
}

export interface DefaultObject {
  readonly kind: KindDefinition;
  readonly object: RoleObject | BindingObject;
}

function header(kind: KindDefinition, metadata: ObjectMeta): Pick<DynamicObject, 'apiVersion' | 'kind' | 'metadata'> {
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      ...metadata,
      labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...metadata.labels },
      annotations: { [AUTO_UPDATE]: 'true' },
    },
  };
}

const clusterRole = (name: string, rules: readonly PolicyRule[]): DefaultObject => ({
  kind: clusterRoleKind,
  object: { ...header(clusterRoleKind, { name }), rules },
});

function clusterBinding(name: string, subjects: string): DefaultObject {
  const roleRef = { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name };
  return {
    kind: clusterRoleBindingKind,
    object: { ...header(clusterRoleBindingKind, { name }), roleRef, ...readSubjects(subjects) },
  };
}

/** `group:system:masters account:kube-dns` */
function readSubjects(text: string): { subjects?: Subject[] } {
  const subjects = text
    .split(' ')
    .filter(Boolean)
    .map((word) => {
      const [kind, name] = [word.slice(0, word.indexOf(':')), word.slice(word.indexOf(':') + 1)];
      if (kind === 'account') return { kind: 'ServiceAccount', name, namespace: 'kube-system' };
      return { kind: kind === 'group' ? 'Group' : 'User', apiGroup: RBAC_GROUP, name };
    });
  return subjects.length ? { subjects } : {};
}

/** All of upstream's default roles and bindings, as they are when nobody changed them; the aggregated roles without rules. */
export function defaultPolicy(): DefaultObject[] {
  return [
    ...Object.entries(systemRoles).map(([name, rules]) => clusterRole(name, rules)),
    ...userRoles.map(({ name, aggregatesTo, gathers, rules }): DefaultObject => {
      const labels = aggregatesTo && { [aggregateLabel(aggregatesTo)]: 'true' };
      const selector = gathers && { clusterRoleSelectors: [{ matchLabels: { [aggregateLabel(gathers)]: 'true' } }] };
      return {
        kind: clusterRoleKind,
        object: {
          ...header(clusterRoleKind, { name, ...(labels && { labels }) }),
          rules,
          ...(selector && { aggregationRule: selector }),
        },
      };
    }),
    ...Object.entries(controllerRoles).map(([name, rules]) => clusterRole(`system:controller:${name}`, rules)),
    ...Object.entries(systemBindings).map(([name, subjects]) => clusterBinding(name, subjects)),
    ...Object.keys(controllerRoles).map((name) => clusterBinding(`system:controller:${name}`, `account:${name}`)),
    ...namespaceRoles.flatMap(({ namespace, name, rules, subjects, bindingName = name }): DefaultObject[] => [
      { kind: roleKind, object: { ...header(roleKind, { name, namespace }), rules } },
      {
        kind: roleBindingKind,
        object: {
          ...header(roleBindingKind, { name: bindingName, namespace }),
          roleRef: { apiGroup: RBAC_GROUP, kind: 'Role', name },
          ...readSubjects(subjects),
        },
      },
    ]),
  ];
}
