import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  ApiException,
  CoordinationV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  type V1ConfigMap,
  type V1Lease,
  VersionApi,
  Watch,
} from '@kubernetes/client-node';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

const configOf = (cluster: Cluster): KubeConfig => {
  const config = new KubeConfig();
  config.loadFromString(cluster.kubeconfig);
  return config;
};
const failsWith = (code: number) => (error: unknown) => {
  assert.ok(error instanceof ApiException, String(error));
  assert.equal(error.code, code);
  return true;
};
const configMap = (name: string, data: Record<string, string> = {}): V1ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
});

describe('the official client library', () => {
  let cluster: Cluster;
  let config: KubeConfig;
  before(async () => {
    cluster = await startCluster({ nodes: 0 });
    config = configOf(cluster);
  });
  after(() => cluster?.close());

  test('reads what there is, and the server’s version', async () => {
    const core = config.makeApiClient(CoreV1Api);
    const names = (await core.listNamespace()).items.map((namespace) => namespace.metadata?.name).sort();
    assert.deepEqual(names, ['default', 'kube-node-lease', 'kube-public', 'kube-system']);
    assert.equal((await config.makeApiClient(VersionApi).getCode()).minor, '36');
    await assert.rejects(core.readNamespacedConfigMap({ name: 'nobody', namespace: 'default' }), failsWith(404));
  });

  test('makes, patches and deletes objects of any kind', async () => {
    const objects = KubernetesObjectApi.makeApiClient(config);
    const created = await objects.create(configMap('any', { a: '1', b: '2' }));
    assert.ok(created.metadata?.uid);
    await assert.rejects(objects.create(configMap('any')), failsWith(409));
    const patched = await objects.patch(
      { ...configMap('any'), data: { b: '3' } },
      undefined,
      undefined,
      undefined,
      undefined,
      PatchStrategy.StrategicMergePatch,
    );
    assert.deepEqual((patched as V1ConfigMap).data, { a: '1', b: '3' });
    const merged = { ...configMap('any'), data: { a: null } } as unknown as V1ConfigMap;
    const after = await objects.patch(merged, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch);
    assert.deepEqual((after as V1ConfigMap).data, { b: '3' });
    const listed = await objects.list<V1ConfigMap>(
      'v1',
      'ConfigMap',
      'default',
      undefined,
      undefined,
      undefined,
      'metadata.name=any',
    );
    assert.equal(listed.items.length, 1);
    await objects.delete(configMap('any'));
    await assert.rejects(objects.read({ ...configMap('any'), metadata: { name: 'any', namespace: 'default' } }), failsWith(404));
  });

  test('goes through long lists in pages', async () => {
    const core = config.makeApiClient(CoreV1Api);
    await core.createNamespace({ body: { metadata: { name: 'pages' } } });
    const names = Array.from({ length: 23 }, (_, i) => `page-${String(i).padStart(2, '0')}`);
    await Promise.all(names.map((name) => core.createNamespacedConfigMap({ namespace: 'pages', body: { metadata: { name } } })));
    const seen: string[] = [];
    let _continue: string | undefined;
    let remaining: number | undefined;
    do {
      const page = await core.listNamespacedConfigMap({ namespace: 'pages', limit: 5, ...(_continue && { _continue }) });
      assert.ok(page.items.length <= 5);
      if (remaining !== undefined) assert.equal(page.items.length + (page.metadata?.remainingItemCount ?? 0), remaining);
      seen.push(...page.items.map((item) => item.metadata?.name ?? ''));
      _continue = page.metadata?._continue;
      remaining = page.metadata?.remainingItemCount;
    } while (_continue);
    assert.deepEqual(
      seen.filter((name) => name.startsWith('page-')),
      names,
    );
    await assert.rejects(core.listNamespacedConfigMap({ namespace: 'pages', limit: 5, _continue: 'nonsense' }), failsWith(400));
  });

  test('sees changes through an informer', async () => {
    const core = config.makeApiClient(CoreV1Api);
    await core.createNamespace({ body: { metadata: { name: 'watched' } } });
    const informer = makeInformer<V1ConfigMap>(
      config,
      '/api/v1/namespaces/watched/configmaps',
      () => core.listNamespacedConfigMap({ namespace: 'watched', labelSelector: 'mine' }),
      'mine',
    );
    const seen: string[] = [];
    for (const event of ['add', 'update', 'delete'] as const)
      informer.on(event, (object) => void seen.push(`${event} ${object.metadata?.name} ${object.data?.['n']}`));
    await informer.start();
    try {
      const body = (n: string) => ({ metadata: { name: 'one', labels: { mine: '' } }, data: { n } });
      await core.createNamespacedConfigMap({ namespace: 'watched', body: body('1') });
      await core.replaceNamespacedConfigMap({ namespace: 'watched', name: 'one', body: body('2') });
      await core.deleteNamespacedConfigMap({ namespace: 'watched', name: 'one' });
      await until('all changes came', () => seen.length >= 3);
      assert.deepEqual(seen, ['add one 1', 'update one 2', 'delete one 2']);
    } finally {
      await informer.stop();
    }
  });

  test('two who want a lease: one gets it, and the other one when it has run out', async () => {
    const leases = config.makeApiClient(CoordinationV1Api);
    const namespace = 'default';
    const body: V1Lease = { metadata: { name: 'leader' }, spec: { holderIdentity: 'one', leaseDurationSeconds: 15 } };
    const results = await Promise.allSettled(
      ['one', 'two'].map((holderIdentity) =>
        leases.createNamespacedLease({ namespace, body: { ...body, spec: { ...body.spec, holderIdentity } } }),
      ),
    );
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    const current = await leases.readNamespacedLease({ name: 'leader', namespace });
    // Both saw the same version: the second one to write is told that it is too late.
    const take = (holderIdentity: string) =>
      leases.replaceNamespacedLease({
        name: 'leader',
        namespace,
        body: { ...current, spec: { ...current.spec, holderIdentity, leaseTransitions: 1 } },
      });
    const races = await Promise.allSettled([take('one'), take('two'), take('three')]);
    const losers = races.filter((race): race is PromiseRejectedResult => race.status === 'rejected');
    assert.equal(losers.length, 2);
    for (const { reason } of losers) failsWith(409)(reason);
    assert.equal((await leases.readNamespacedLease({ name: 'leader', namespace })).spec?.leaseTransitions, 1);
  });
});

test('an informer outlives a restart of the cluster: what it had missed is told, and nothing twice', async () => {
  await using directory = await temporaryDirectory();
  const dataDir = directory.file('data');
  await using first = await startCluster({ nodes: 0, dataDir });
  const config = configOf(first);
  const core = config.makeApiClient(CoreV1Api);
  const create = (name: string) => core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name } } });
  const informer = makeInformer<V1ConfigMap>(config, '/api/v1/namespaces/default/configmaps', () =>
    core.listNamespacedConfigMap({ namespace: 'default' }),
  );
  const added: string[] = [];
  const deleted: string[] = [];
  informer.on('add', (object) => void added.push(object.metadata?.name ?? ''));
  informer.on('delete', (object) => void deleted.push(object.metadata?.name ?? ''));
  // The library leaves it to its user to go on after an error.
  let stopped = false;
  informer.on('error', () => {
    if (!stopped) setTimeout(() => void informer.start().catch(() => undefined), 50).unref();
  });
  await informer.start();
  try {
    await create('before');
    await until('the first is seen', () => added.includes('before'));
    await first.close();
    await using second = await startCluster({ dataDir });
    assert.equal(second.server, first.server);
    // Behind what the watch cache of the new process knows of: a watch from there is told 410.
    const gone = await new Promise<{ code?: number } | undefined>((resolve, reject) => {
      new Watch(config)
        .watch(
          '/api/v1/namespaces/default/configmaps',
          { resourceVersion: '1' },
          (phase, object: { code?: number }) => {
            if (phase === 'ERROR') resolve(object);
          },
          (error: unknown) => resolve(error as { code?: number }),
        )
        .catch(reject);
    });
    assert.equal(gone?.code, 410);
    await core.deleteNamespacedConfigMap({ namespace: 'default', name: 'before' });
    await create('after');
    await until('both changes are seen', () => added.includes('after') && deleted.includes('before'));
    assert.deepEqual(added.filter((name) => name === 'before').length, 1);
  } finally {
    stopped = true;
    await informer.stop();
  }
});
