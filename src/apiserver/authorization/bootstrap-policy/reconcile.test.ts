import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryObjects } from '../../../../test/harness/memory-objects.ts';
import { clusterRoleKind } from '../../../api/rbac/v1/cluster-role.ts';
import { clusterRoleBindingKind } from '../../../api/rbac/v1/cluster-role-binding.ts';
import { roleBindingKind } from '../../../api/rbac/v1/role-binding.ts';
import { silentLogger } from '../../../std/logger.ts';
import { defaultPolicy, type RoleObject } from './default-policy.ts';
import { reconcileDefaultPolicy } from './reconcile.ts';

async function reconciled(): Promise<MemoryObjects> {
  const objects = new MemoryObjects();
  await reconcile(objects);
  objects.writes.length = 0;
  return objects;
}

const reconcile = (objects: MemoryObjects) => reconcileDefaultPolicy({ reader: objects, writer: objects, logger: silentLogger });
const role = (objects: MemoryObjects, name: string) => objects.get(clusterRoleKind, '', name) as RoleObject;

test('every default object is created with the label and annotation of bootstrapping', async () => {
  const objects = new MemoryObjects();
  await reconcile(objects);
  assert.equal(objects.writes.length, defaultPolicy().length);
  for (const { kind, object } of defaultPolicy()) {
    const { metadata } = objects.get(kind, object.metadata.namespace ?? '', object.metadata.name!)!;
    assert.equal(metadata.labels?.['kubernetes.io/bootstrapping'], 'rbac-defaults');
    assert.equal(metadata.annotations?.['rbac.authorization.kubernetes.io/autoupdate'], 'true');
  }
});

test('a second time nothing is written', async () => {
  const objects = await reconciled();
  await reconcile(objects);
  assert.deepEqual(objects.writes, []);
});

test('no object is given twice, and every binding points to a role that is there', () => {
  const keys = defaultPolicy().map(
    ({ kind, object }) => `${kind.resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`,
  );
  assert.equal(new Set(keys).size, keys.length);
  for (const { object } of defaultPolicy()) {
    if (!('roleRef' in object)) continue;
    const { kind, name } = object.roleRef as { kind: string; name: string };
    const where = kind === 'Role' ? `roles/${object.metadata.namespace}` : 'clusterroles/';
    assert.ok(keys.includes(`${where}/${name}`), `${object.metadata.name} points to ${name}`);
  }
});

test('system:kubelet-api-admin has the rules that kubectl describe shows', async () => {
  assert.deepEqual(role(await reconciled(), 'system:kubelet-api-admin').rules, [
    { verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['nodes'] },
    { verbs: ['proxy'], apiGroups: [''], resources: ['nodes'] },
    { verbs: ['*'], apiGroups: [''], resources: ['nodes/log', 'nodes/metrics', 'nodes/proxy', 'nodes/spec', 'nodes/stats'] },
  ]);
});

test('view, edit and admin hold what they gather from the start', async () => {
  const objects = await reconciled();
  const may = (name: string, verb: string, resource: string) =>
    role(objects, name).rules!.some((rule) => rule.verbs.includes(verb) && rule.resources?.includes(resource));
  assert.ok(may('view', 'list', 'pods'));
  assert.ok(!may('view', 'get', 'secrets'));
  assert.ok(may('edit', 'list', 'pods') && may('edit', 'delete', 'secrets'));
  assert.ok(!may('edit', 'create', 'rolebindings'));
  assert.ok(may('admin', 'list', 'pods') && may('admin', 'delete', 'secrets') && may('admin', 'create', 'rolebindings'));
});

test('rules of somebody who labelled his role are gathered into admin', async () => {
  const objects = await reconciled();
  const rule = { verbs: ['get'], apiGroups: ['example.com'], resources: ['widgets'] };
  objects.put(clusterRoleKind, {
    metadata: { name: 'widgets', labels: { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' } },
    rules: [rule],
  });
  await reconcile(objects);
  assert.deepEqual(objects.writes, ['update clusterroles/admin']);
  assert.deepEqual(role(objects, 'admin').rules!.at(-1), rule);
});

test('rules that were taken away come back, and rules that were added stay', async () => {
  const objects = await reconciled();
  const own = { verbs: ['get'], apiGroups: [''], resources: ['configmaps'] };
  objects.put(clusterRoleKind, { ...role(objects, 'system:node-bootstrapper'), rules: [own] });
  await reconcile(objects);
  assert.deepEqual(objects.writes, ['update clusterroles/system:node-bootstrapper']);
  const rules = role(objects, 'system:node-bootstrapper').rules!;
  assert.deepEqual(rules[0], own);
  assert.deepEqual(
    rules.slice(1).map(({ verbs }) => verbs[0]),
    ['create', 'get', 'list', 'watch'],
  );
});

test('what says autoupdate "false" is left alone', async () => {
  const objects = await reconciled();
  const changed = structuredClone(role(objects, 'system:node-bootstrapper'));
  changed.metadata.annotations!['rbac.authorization.kubernetes.io/autoupdate'] = 'false';
  objects.put(clusterRoleKind, { ...changed, rules: [] });
  await reconcile(objects);
  assert.deepEqual(objects.writes, []);
});

test('a subject that was removed comes back, one that was added stays', async () => {
  const objects = await reconciled();
  const binding = objects.get(clusterRoleBindingKind, '', 'system:public-info-viewer')!;
  objects.put(clusterRoleBindingKind, { ...binding, subjects: [{ kind: 'User', name: 'jane' }] });
  await reconcile(objects);
  const subjects = objects.get(clusterRoleBindingKind, '', 'system:public-info-viewer')!['subjects'] as { name: string }[];
  assert.deepEqual(
    subjects.map(({ name }) => name),
    ['jane', 'system:authenticated', 'system:unauthenticated'],
  );
});

test('a binding that was pointed to another role is made anew', async () => {
  const objects = await reconciled();
  const binding = objects.get(roleBindingKind, 'kube-public', 'system:controller:bootstrap-signer')!;
  objects.put(roleBindingKind, { ...binding, roleRef: { kind: 'ClusterRole', name: 'cluster-admin' } });
  await reconcile(objects);
  assert.deepEqual(objects.writes, [
    'delete rolebindings/system:controller:bootstrap-signer',
    'create rolebindings/system:controller:bootstrap-signer',
  ]);
});

test('what another server created meanwhile is completed instead', async () => {
  const objects = new MemoryObjects();
  const create = objects.create.bind(objects);
  objects.create = async (kind, object) => {
    if (object.metadata.name === 'system:discovery' && !objects.get(kind, '', 'system:discovery'))
      objects.put(kind, { ...object, rules: [] });
    return create(kind, object);
  };
  await reconcile(objects);
  assert.ok(role(objects, 'system:discovery').rules!.length > 0);
});

test('controllers and the scheduler may bind claims of devices, which their status alone does not say', async () => {
  const objects = await reconciled();
  for (const name of ['system:kube-scheduler', 'system:controller:resource-claim-controller'])
    assert.deepEqual(
      role(objects, name).rules?.find(({ resources }) => resources?.includes('resourceclaims/binding')),
      { verbs: ['patch', 'update'], apiGroups: ['resource.k8s.io'], resources: ['resourceclaims/binding'] },
      name,
    );
});

test('Events are written by a rule that each controller has once', () => {
  for (const { object } of defaultPolicy()) {
    const written = (object['rules'] as RoleObject['rules'])?.filter(
      ({ verbs, resources }) => resources?.join() === 'events' && verbs.join() === 'create,patch,update',
    );
    assert.ok((written?.length ?? 0) <= 1, object.metadata.name!);
  }
});
