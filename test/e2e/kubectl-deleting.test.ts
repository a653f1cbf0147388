import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { V1ConfigMap, V1Namespace, V1OwnerReference } from '../../src/api/gen/types.ts';
import { KUBECTL_VERSIONS } from '../harness/kubectl.ts';
import { until } from '../harness/until.ts';
import { kubectlSession, namespaceFor } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '1');

for (const version of KUBECTL_VERSIONS)
  describe(`kubectl ${version} deletes`, () => {
    const namespace = namespaceFor('deleting', version);
    const { run, fails, json, try: attempt } = kubectlSession(cluster, version, namespace);
    before(() => run(`create namespace ${namespace}`));
    const exists = async (name: string) => (await run(`get configmap ${name} --ignore-not-found`)) !== '';

    /** A configmap that belongs to another, and waits for it to go when it is deleted in the foreground. */
    const family = async (name: string) => {
      await run(`create configmap ${name}`);
      const { metadata } = await json<V1ConfigMap>(`get configmap ${name}`);
      const owner: V1OwnerReference = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name,
        uid: metadata?.uid ?? '',
        blockOwnerDeletion: true,
      };
      await run('create -f -', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `${name}-child`, ownerReferences: [owner], finalizers: ['test.muster.dev/wait'] },
      });
      return {
        letChildGo: () =>
          run(['patch', 'configmap', `${name}-child`, '--type=json', '-p', '[{"op":"remove","path":"/metadata/finalizers"}]']),
      };
    };

    test('by name, by label, all of a kind, and what a file names', async () => {
      for (const name of ['a', 'b', 'c', 'd']) await run(`create configmap ${name}`);
      await run('label configmap b c group=x');
      assert.match(await run('delete configmap a'), /^configmap "a" deleted/);
      assert.match(await run('delete configmap -l group=x'), /"b" deleted.*\n.*"c" deleted/);
      await run('delete -f -', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'd' } });
      assert.match(await fails('delete configmap a'), /configmaps "a" not found/);
      assert.equal((await attempt('delete configmap a --ignore-not-found')).status, 0);
      await run('create secret generic one');
      await run('create secret generic two');
      await run('delete secrets --all');
      assert.equal(await run('get secrets -o name'), '');
    });

    test('what belongs to it, in the background', async () => {
      const { letChildGo } = await family('parent');
      await run('delete configmap parent --wait=false');
      await until('the owner is gone at once', async () => !(await exists('parent')));
      await until(
        'the child is being deleted',
        async () => (await json<V1ConfigMap>('get configmap parent-child')).metadata?.deletionTimestamp !== undefined,
      );
      await letChildGo();
      await until('the child is gone', async () => !(await exists('parent-child')));
    });

    test('what belongs to it first, in the foreground', async () => {
      const { letChildGo } = await family('patient');
      await run('delete configmap patient --cascade=foreground --wait=false');
      await until(
        'the child is being deleted',
        async () => (await json<V1ConfigMap>('get configmap patient-child')).metadata?.deletionTimestamp !== undefined,
      );
      assert.deepEqual((await json<V1ConfigMap>('get configmap patient')).metadata?.finalizers, ['foregroundDeletion']);
      await letChildGo();
      await until('both are gone', async () => !(await exists('patient')) && !(await exists('patient-child')));
    });

    test('nothing else, when what belongs to it shall be an orphan', async () => {
      const { letChildGo } = await family('careless');
      await run('delete configmap careless --cascade=orphan');
      assert.equal(await exists('careless'), false);
      const { metadata } = await json<V1ConfigMap>('get configmap careless-child');
      assert.equal(metadata?.ownerReferences, undefined);
      assert.equal(metadata?.deletionTimestamp, undefined);
      await letChildGo();
      await run('delete configmap careless-child');
    });

    test('what has a finalizer only when that is gone', async () => {
      await run('create -f -', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'held', finalizers: ['test.muster.dev/hold'] },
      });
      await run('delete configmap held --wait=false');
      const held = await json<V1ConfigMap>('get configmap held');
      assert.ok(held.metadata?.deletionTimestamp);
      assert.match(
        await fails([
          'patch',
          'configmap',
          'held',
          '--type=merge',
          '-p',
          '{"metadata":{"finalizers":["test.muster.dev/hold","test.muster.dev/more"]}}',
        ]),
        /no new finalizers can be added if the object is being deleted/,
      );
      await run(['patch', 'configmap', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
      assert.equal(await exists('held'), false);
    });

    test('a namespace with all that is in it', async () => {
      const doomed = `doomed-${version.replace('.', '-')}`;
      await run(`create namespace ${doomed}`);
      await run(`-n ${doomed} create configmap inside`);
      await run(`-n ${doomed} create -f -`, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'stays', finalizers: ['test.muster.dev/stay'] },
      });
      await run(`delete namespace ${doomed} --wait=false`);
      await until('what can go is gone', async () => (await run(`get configmap -n ${doomed} -o name`)) === 'configmap/stays\n');
      assert.match(
        await fails(`create configmap late -n ${doomed}`),
        new RegExp(
          `configmaps "late" is forbidden: unable to create new content in namespace ${doomed} because it is being terminated`,
        ),
      );
      const condition = await until('the namespace says what it waits for', async () =>
        (await json<V1Namespace>(`get namespace ${doomed}`)).status?.conditions?.find(
          ({ type, status }) => type === 'NamespaceFinalizersRemaining' && status === 'True',
        ),
      );
      assert.match(condition.message ?? '', /test\.muster\.dev\/stay in 1 resource instances/);
      await run(['patch', 'configmap', 'stays', '-n', doomed, '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
      await until('the namespace is gone', async () => (await run(`get namespace ${doomed} --ignore-not-found`)) === '');
      assert.match(
        await fails('delete namespace kube-system'),
        /namespaces "kube-system" is forbidden: this namespace may not be deleted/,
      );
    });
  });
