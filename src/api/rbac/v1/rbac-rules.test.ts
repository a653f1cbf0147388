import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeObject } from '../../machinery/decode.ts';
import { apiVersionOf, type KindDefinition, type WriteContext } from '../../machinery/kind.ts';
import { clusterRoleKind } from './cluster-role.ts';
import { clusterRoleBindingKind } from './cluster-role-binding.ts';
import { roleKind } from './role.ts';
import { roleBindingKind } from './role-binding.ts';

const context: WriteContext = { nowMs: 0, user: { name: 'u', groups: [] } };
const make = (kind: KindDefinition, fields: object) => {
  const { object } = decodeObject(kind, {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { name: 'system:a' },
    ...structuredClone(fields),
  });
  kind.setDefaults?.(object);
  return object;
};
const complaints = (kind: KindDefinition, fields: object) =>
  kind.validate!(make(kind, fields), context).map(({ field, message }) => `${field}: ${message}`);

const roleRef = { kind: 'ClusterRole', name: 'system:node-bootstrapper' };

test('groups of roles and subjects are filled in', () => {
  const binding = make(clusterRoleBindingKind, {
    roleRef,
    subjects: [
      { kind: 'User', name: 'u' },
      { kind: 'Group', name: 'system:bootstrappers' },
      { kind: 'ServiceAccount', name: 's', namespace: 'n' },
    ],
  });
  assert.deepEqual(binding['roleRef'], { ...roleRef, apiGroup: 'rbac.authorization.k8s.io' });
  assert.deepEqual(
    (binding['subjects'] as { apiGroup?: string }[]).map(({ apiGroup }) => apiGroup),
    ['rbac.authorization.k8s.io', 'rbac.authorization.k8s.io', undefined],
  );
});

test('rules apply to resources or to paths, and paths only for the whole cluster', () => {
  const paths = { verbs: ['get'], nonResourceURLs: ['/healthz'] };
  assert.deepEqual(complaints(clusterRoleKind, { rules: [paths] }), []);
  assert.match(complaints(roleKind, { rules: [paths] })[0]!, /namespaced rules cannot apply to non-resource URLs$/);
  assert.match(
    complaints(clusterRoleKind, { rules: [{ ...paths, resources: ['pods'] }] })[0]!,
    /rules cannot apply to both regular resources and non-resource URLs$/,
  );
  assert.deepEqual(complaints(roleKind, { rules: [{}] }), [
    'rules[0].verbs: Required value: verbs must contain at least one value',
    'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
    'rules[0].resources: Required value: resource rules must supply at least one resource',
  ]);
});

test('an aggregated role selects something', () => {
  assert.deepEqual(complaints(clusterRoleKind, { aggregationRule: {} }), [
    'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
  ]);
});

test('bindings name a role and subjects that exist as kinds', () => {
  assert.deepEqual(complaints(clusterRoleBindingKind, { roleRef: { kind: 'Role', name: 'r' } }), [
    'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
  ]);
  assert.deepEqual(complaints(roleBindingKind, { roleRef: { kind: 'Role', name: 'r' } }), []);
  assert.deepEqual(
    complaints(clusterRoleBindingKind, {
      roleRef,
      subjects: [
        { kind: 'ServiceAccount', name: 's' },
        { kind: 'Robot', name: 'r' },
      ],
    }),
    [
      'subjects[0].namespace: Required value',
      'subjects[1].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    ],
  );
});

test('a binding keeps its role', () => {
  const [before, after] = [
    make(clusterRoleBindingKind, { roleRef }),
    make(clusterRoleBindingKind, { roleRef: { ...roleRef, name: 'other' } }),
  ];
  assert.equal(
    clusterRoleBindingKind.validateUpdate!(after, before, context)[0]!.message,
    'Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"other"}: cannot change roleRef',
  );
  assert.deepEqual(clusterRoleBindingKind.validateUpdate!(before, before, context), []);
});
