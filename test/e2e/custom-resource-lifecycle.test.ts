import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { V1Namespace, V1ResourceQuota } from '../../src/api/gen/types.ts';
import type { DynamicObject } from '../../src/api/machinery/object.ts';
import { until } from '../harness/until.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '1');
const { run, fails, json, try: attempt } = kubectlSession(cluster, '1.35', 'custom');

const definition = (plural: string, kind: string, scope: 'Cluster' | 'Namespaced' = 'Namespaced') => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.example.com` },
  spec: {
    group: 'example.com',
    scope,
    names: { plural, kind, singular: kind.toLowerCase() },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});
const custom = (kind: string, name: string, metadata: object = {}) => ({
  apiVersion: 'example.com/v1',
  kind,
  metadata: { name, ...metadata },
});
const configMap = (name: string, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
});
const WITHOUT_FINALIZERS = '{"metadata":{"finalizers":null}}';
const gone = (what: string) => until(`${what} is gone`, async () => (await attempt(`get ${what}`)).status !== 0);

const ownedBy = async (what: string, more: object = {}) => {
  const { apiVersion, kind, metadata } = await json<DynamicObject & { apiVersion: string; kind: string }>(`get ${what}`);
  return { ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid, ...more }] };
};

describe('custom resources', () => {
  before(async () => {
    await run('create namespace custom');
    await run('create -f -', {
      apiVersion: 'v1',
      kind: 'List',
      items: [definition('widgets', 'Widget'), definition('racks', 'Rack', 'Cluster')],
    });
    await run('wait --for=condition=Established crd/widgets.example.com crd/racks.example.com');
  });

  test('a quota counts custom resources', async () => {
    await run('create quota widgets --hard=count/widgets.example.com=2');
    const usedIs = (used: string) =>
      until(`${used} are used`, async () => {
        const { status } = await json<V1ResourceQuota>('get quota widgets');
        return status?.used?.['count/widgets.example.com'] === used;
      });
    await usedIs('0');
    await run('create -f -', custom('Widget', 'a'));
    await run('create -f -', custom('Widget', 'b'));
    assert.match(
      await fails('create -f -', custom('Widget', 'c')),
      /widgets\.example\.com "c" is forbidden: exceeded quota: widgets, requested: count\/widgets\.example\.com=1, used: count\/widgets\.example\.com=2, limited: count\/widgets\.example\.com=2/,
    );
    await run('delete widget a b');
    await usedIs('0');
    await run('delete quota widgets');
  });

  describe('the garbage collector', () => {
    test('deletes what custom resources own, and custom resources that others own', async () => {
      await run('create -f -', custom('Widget', 'owner'));
      await run('create -f -', configMap('owned', await ownedBy('widget owner')));
      await run('create -f -', custom('Widget', 'owned-widget', await ownedBy('configmap owned')));
      await run('delete widget owner');
      await gone('configmap owned');
      await gone('widget owned-widget');
    });

    test('keeps a custom resource until what blocks it has gone, in the foreground', async () => {
      await run('create -f -', custom('Widget', 'fore'));
      const blocks = await ownedBy('widget fore', { blockOwnerDeletion: true });
      await run('create -f -', configMap('held', { ...blocks, finalizers: ['example.com/hold'] }));
      await run('delete widget fore --cascade=foreground --wait=false');
      await until(
        'the child is being deleted',
        async () => (await json<DynamicObject>('get configmap held')).metadata.deletionTimestamp,
      );
      const waiting = await json<DynamicObject>('get widget fore');
      assert.deepEqual(waiting.metadata.finalizers, ['foregroundDeletion']);
      await run(['patch', 'configmap', 'held', '--type=merge', '-p', WITHOUT_FINALIZERS]);
      await gone('widget fore');
    });

    test('leaves orphans without their owner', async () => {
      await run('create -f -', custom('Widget', 'parent'));
      await run('create -f -', custom('Widget', 'orphan', await ownedBy('widget parent')));
      await run('delete widget parent --cascade=orphan');
      await gone('widget parent');
      assert.equal((await json<DynamicObject>('get widget orphan')).metadata.ownerReferences, undefined);
      await run('delete widget orphan');
    });

    test('follows owners of the cluster, and absent ones', async () => {
      await run('create -f -', custom('Rack', 'r'));
      await run('create -f -', custom('Widget', 'in-rack', await ownedBy('rack r')));
      const absent = { ownerReferences: [{ apiVersion: 'example.com/v1', kind: 'Widget', name: 'never', uid: 'none' }] };
      await run('create -f -', configMap('stray', absent));
      await gone('configmap stray');
      await run('get widget in-rack');
      await run('delete rack r');
      await gone('widget in-rack');
    });

    test('follows kinds that come later', async () => {
      await run('create -f -', definition('gadgets', 'Gadget'));
      await run('wait --for=condition=Established crd/gadgets.example.com');
      await run('create -f -', custom('Gadget', 'g'));
      await run('create -f -', custom('Gadget', 'h', await ownedBy('gadget g')));
      await run('delete gadget g');
      await gone('gadget h');
    });
  });

  describe('a namespace that is deleted', () => {
    test('takes its custom resources along, and says what it waits for', async () => {
      await run('create namespace ending');
      await run('create -n ending -f -', custom('Widget', 'easy'));
      await run('create -n ending -f -', custom('Widget', 'stubborn', { finalizers: ['example.com/hold'] }));
      await run('delete namespace ending --wait=false');
      const wanted = new Map([
        ['NamespaceDeletionDiscoveryFailure', 'False ResourcesDiscovered All resources successfully discovered'],
        ['NamespaceDeletionGroupVersionParsingFailure', 'False ParsedGroupVersions All legacy kube types successfully parsed'],
        [
          'NamespaceDeletionContentFailure',
          'False ContentDeleted All content successfully deleted, may be waiting on finalization',
        ],
        [
          'NamespaceContentRemaining',
          'True SomeResourcesRemain Some resources are remaining: widgets.example.com has 1 resource instances',
        ],
        [
          'NamespaceFinalizersRemaining',
          'True SomeFinalizersRemain Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
        ],
      ]);
      await until('the namespace says what remains', async () => {
        const { status } = await json<V1Namespace>('get namespace ending');
        const said = (status?.conditions ?? []).map((c) => [c.type, `${c.status} ${c.reason} ${c.message}`] as const);
        assert.deepEqual(new Map(said), wanted);
        return true;
      });
      await run(['patch', '-n', 'ending', 'widget', 'stubborn', '--type=merge', '-p', WITHOUT_FINALIZERS]);
      await gone('namespace ending');
    });
  });

  test('a definition that is deleted takes its objects along', async () => {
    await run('create -f -', custom('Widget', 'last'));
    await run('create -f -', configMap('heir', await ownedBy('widget last')));
    await run('delete crd widgets.example.com racks.example.com --timeout=90s');
    await gone('configmap heir');
    assert.match(await fails('get --raw /apis/example.com/v1/widgets'), /NotFound/);
  });
});
