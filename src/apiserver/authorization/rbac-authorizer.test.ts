import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { clusterRoleKind } from '../../api/rbac/v1/cluster-role.ts';
import { clusterRoleBindingKind } from '../../api/rbac/v1/cluster-role-binding.ts';
import { roleKind } from '../../api/rbac/v1/role.ts';
import { roleBindingKind } from '../../api/rbac/v1/role-binding.ts';
import type { AuthorizationAttributes } from '../contracts.ts';
import { forbiddenTo } from './forbidden.ts';
import { createRbacAuthorizer } from './rbac-authorizer.ts';

const attributes = (over: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes => ({
  user: { name: 'jane', groups: ['dev'] },
  verb: 'list',
  isResourceRequest: true,
  path: '',
  group: '',
  version: 'v1',
  namespace: 'default',
  resource: 'pods',
  subresource: '',
  name: '',
  ...over,
});
const readPods = { metadata: { name: 'read-pods' }, rules: [{ verbs: ['list'], apiGroups: [''], resources: ['pods'] }] };
const bind = (name: string, subjects: object[], over: Partial<DynamicObject> = {}): Partial<DynamicObject> => ({
  metadata: { name },
  roleRef: { kind: 'ClusterRole', name: 'read-pods' },
  subjects,
  ...over,
});
const inDefault = (name: string) => ({ metadata: { name, namespace: 'default' } });
const jane = { kind: 'User', name: 'jane' };

function setUp() {
  const objects = new MemoryObjects();
  objects.put(clusterRoleKind, readPods);
  const rbac = createRbacAuthorizer(objects);
  return { objects, rbac, decide: (over?: Partial<AuthorizationAttributes>) => rbac.authorize(attributes(over)) };
}

test('nobody may do anything without a binding', async () => {
  assert.deepEqual(await setUp().decide(), { decision: 'no-opinion', reason: '' });
});

for (const [what, subject, who] of [
  ['User "jane"', jane, { name: 'jane', groups: [] }],
  ['Group "dev"', { kind: 'Group', name: 'dev' }, { name: 'x', groups: ['dev'] }],
  [
    'ServiceAccount "sa/ns"',
    { kind: 'ServiceAccount', name: 'sa', namespace: 'ns' },
    { name: 'system:serviceaccount:ns:sa', groups: [] },
  ],
] as const) {
  test(`a ClusterRoleBinding to ${what} allows everywhere, and says so`, async () => {
    const { objects, decide } = setUp();
    objects.put(clusterRoleBindingKind, bind('b', [subject]));
    const reason = `RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "read-pods" to ${what}`;
    assert.deepEqual(await decide({ user: who }), { decision: 'allow', reason });
    assert.deepEqual(await decide({ user: who, namespace: '' }), { decision: 'allow', reason });
    assert.equal((await decide({ user: { name: 'other', groups: ['x'] } })).decision, 'no-opinion');
  });
}

test('a RoleBinding allows in its namespace only', async () => {
  const { objects, decide } = setUp();
  objects.put(roleBindingKind, bind('b', [jane], inDefault('b')));
  assert.equal((await decide()).reason, 'RBAC: allowed by RoleBinding "b/default" of ClusterRole "read-pods" to User "jane"');
  assert.equal((await decide({ namespace: 'other' })).decision, 'no-opinion');
  assert.equal((await decide({ namespace: '' })).decision, 'no-opinion');
});

test('an account without a namespace is one of the RoleBinding\u2019s namespace, and nobody in a ClusterRoleBinding', async () => {
  const { objects, decide } = setUp();
  const user = { name: 'system:serviceaccount:default:sa', groups: [] };
  objects.put(clusterRoleBindingKind, bind('c', [{ kind: 'ServiceAccount', name: 'sa' }]));
  assert.equal((await decide({ user })).decision, 'no-opinion');
  objects.put(roleBindingKind, bind('b', [{ kind: 'ServiceAccount', name: 'sa' }], inDefault('b')));
  assert.equal((await decide({ user })).decision, 'allow');
});

test('a Role is looked for in the binding\u2019s namespace', async () => {
  const { objects, decide } = setUp();
  objects.put(roleBindingKind, bind('b', [jane], { ...inDefault('b'), roleRef: { kind: 'Role', name: 'r' } }));
  assert.equal((await decide()).reason, 'RBAC: role.rbac.authorization.k8s.io "r" not found');
  objects.put(roleKind, { ...readPods, metadata: { name: 'r', namespace: 'other' } });
  assert.equal((await decide()).decision, 'no-opinion');
  objects.put(roleKind, { ...readPods, ...inDefault('r') });
  assert.equal((await decide()).decision, 'allow');
});

test('a role that is missing is named in the refusal', async () => {
  const { objects, decide } = setUp();
  objects.put(clusterRoleBindingKind, bind('b', [jane], { roleRef: { kind: 'ClusterRole', name: 'gone' } }));
  const { reason } = await decide();
  assert.equal(
    forbiddenTo(attributes(), reason).message,
    'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default": RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
  );
});

test('a role counts once, however many bindings name it, and may have more rules than a call has room for', async () => {
  const { objects, rbac, decide } = setUp();
  const rules = Array.from({ length: 200_000 }, () => ({ verbs: ['get'], apiGroups: [''], resources: ['secrets'] }));
  objects.put(roleKind, { ...inDefault('large'), rules });
  for (let i = 0; i < 1_000; i++)
    objects.put(roleBindingKind, bind(`b${i}`, [jane], { ...inDefault(`b${i}`), roleRef: { kind: 'Role', name: 'large' } }));
  assert.equal(rbac.rulesFor({ name: 'jane', groups: [] }, 'default').rules.length, 200_000);
  assert.equal((await decide()).decision, 'no-opinion');
  objects.put(roleBindingKind, bind('x', [jane], inDefault('x')));
  assert.equal((await decide()).decision, 'allow');
});

for (const [over, message] of [
  [{ namespace: '' }, 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope'],
  [
    { verb: 'get', name: 'web', subresource: 'log' },
    'pods "web" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace "default"',
  ],
  [
    {
      user: { name: 'system:bootstrap:abcdef', groups: [] },
      verb: 'create',
      group: 'certificates.k8s.io',
      resource: 'certificatesigningrequests',
      namespace: '',
    },
    'certificatesigningrequests.certificates.k8s.io is forbidden: User "system:bootstrap:abcdef" cannot create resource "certificatesigningrequests" in API group "certificates.k8s.io" at the cluster scope',
  ],
  [
    { isResourceRequest: false, verb: 'get', path: '/x', user: { name: 'system:anonymous', groups: [] } },
    'forbidden: User "system:anonymous" cannot get path "/x"',
  ],
] as const) {
  test(`a refusal reads: ${message}`, () => {
    const error = forbiddenTo(attributes(over), '');
    assert.equal(error.message, message);
    assert.deepEqual([error.code, error.reason], [403, 'Forbidden']);
  });
}

test('the index says what reading all bindings would say, whatever was added, changed and removed', async () => {
  const users = ['jane', 'joe'];
  const groups = ['dev', 'ops'];
  const subject = fc.oneof(
    fc.record({ kind: fc.constant('User'), name: fc.constantFrom(...users) }),
    fc.record({ kind: fc.constant('Group'), name: fc.constantFrom(...groups) }),
  );
  const operation = fc.record({
    remove: fc.boolean(),
    namespace: fc.constantFrom('', 'default', 'other'),
    name: fc.constantFrom('a', 'b', 'c'),
    subjects: fc.array(subject, { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 20 }), fc.nat(20), async (operations, loadAfter) => {
      const { objects, decide } = setUp();
      for (const [index, { remove, namespace, name, subjects }] of operations.entries()) {
        const kind = namespace ? roleBindingKind : clusterRoleBindingKind;
        const there = objects.get(kind, namespace, name) !== undefined;
        if (!remove) objects.put(kind, bind(name, subjects, { metadata: { name, ...(namespace && { namespace }) } }));
        else if (there) objects.remove(kind, name, namespace);
        if (index === loadAfter) await decide();
      }
      for (const user of users) {
        for (const group of groups) {
          for (const namespace of ['', 'default', 'other']) {
            const bindings = [
              ...objects.list(clusterRoleBindingKind),
              ...(namespace ? objects.list(roleBindingKind, namespace) : []),
            ];
            const expected = bindings.some((binding) =>
              (binding['subjects'] as { kind: string; name: string }[]).some(
                (each) => each.name === (each.kind === 'User' ? user : group),
              ),
            );
            const { decision } = await decide({ user: { name: user, groups: [group] }, namespace });
            assert.equal(decision === 'allow', expected);
          }
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('after close nothing is heard any more', async () => {
  const { objects, rbac, decide } = setUp();
  await decide();
  rbac.close();
  objects.put(clusterRoleBindingKind, bind('b', [jane]));
  assert.equal((await decide()).decision, 'no-opinion');
});
