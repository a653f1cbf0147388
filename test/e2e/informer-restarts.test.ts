/** An informer of the official client through restarts of the server and versions that it has forgotten: in the end it knows what is there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

const ROUNDS = 4;
const WRITES = 40;

function configOf(cluster: Cluster): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(cluster.kubeconfig);
  return config;
}

test('whatever happens while the server is away or has forgotten, nothing is lost and nothing is left over', async () => {
  await using directory = await temporaryDirectory();
  const dataDir = directory.file('data');
  let cluster = await startCluster({ nodes: 0, dataDir });
  const config = configOf(cluster);
  const core = config.makeApiClient(CoreV1Api);
  const namespace = 'default';
  const informer = makeInformer<V1ConfigMap>(config, `/api/v1/namespaces/${namespace}/configmaps`, () =>
    core.listNamespacedConfigMap({ namespace }),
  );
  // What the events alone say, without the informer's own cache.
  const told = new Map<string, string | undefined>();
  const note = ({ metadata, data }: V1ConfigMap) => told.set(metadata?.name ?? '', data?.['n']);
  informer.on('add', note);
  informer.on('update', note);
  informer.on('delete', ({ metadata }) => void told.delete(metadata?.name ?? ''));
  let stopped = false;
  informer.on('error', () => {
    if (!stopped) setTimeout(() => void informer.start().catch(() => undefined), 30).unref();
  });

  const write = async (n: number) => {
    const name = `m-${n % 17}`;
    const body: V1ConfigMap = { metadata: { name }, data: { n: String(n) } };
    if (n % 5 === 4) await core.deleteNamespacedConfigMap({ name, namespace }).catch(ignoring(404));
    else
      await core
        .createNamespacedConfigMap({ namespace, body })
        .catch(ignoring(409))
        .then((made) => made ?? core.replaceNamespacedConfigMap({ name, namespace, body }));
  };
  try {
    await informer.start();
    for (let round = 0, n = 0; round < ROUNDS; round++) {
      for (const end = n + WRITES; n < end; n++) await write(n);
      await cluster.close();
      cluster = await startCluster({ dataDir });
      // Before the informer is back, most likely.
      for (const end = n + WRITES; n < end; n++) await write(n);
      await until(`the informer knows what is there after round ${round}`, async () => {
        const { items } = await core.listNamespacedConfigMap({ namespace });
        const there = new Map(items.map(({ metadata, data }) => [metadata?.name ?? '', data?.['n']]));
        assert.deepEqual(new Map([...told].sort()), new Map([...there].sort()));
        return true;
      });
    }
    assert.ok(told.size > 5);
  } finally {
    stopped = true;
    await informer.stop();
    await cluster.close();
  }
});

const ignoring = (code: number) => (error: { code?: number }) => {
  if (error.code !== code) throw error;
  return undefined;
};
