/** A node that stops answering: its pods are replaced elsewhere, and it is used again when it comes back. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deploymentKind } from '../../src/api/apps/v1/deployment.ts';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import { podKind } from '../../src/api/core/v1/pod.ts';
import type { V1Deployment, V1Node, V1Pod } from '../../src/api/gen/types.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { until } from '../harness/until.ts';

/** Kubelets speak every 10 s. */
const GRACE_MS = 22_000;
const REPLICAS = 6;

let cluster: Cluster;
before(async () => {
  cluster = await startCluster({ nodes: 3, nodeMonitorGracePeriodMs: GRACE_MS, freezeObjects: true });
});
after(() => cluster.close());

const pods = async () => (await cluster.client().resource<V1Pod>(podKind, 'default').list()).items;
const node = (name: string) => cluster.client().resource<V1Node>(nodeKind).get(name);
const isReady = (pod: V1Pod) =>
  !pod.metadata?.deletionTimestamp && pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
const readyReplicas = async () =>
  (await cluster.client().resource<V1Deployment>(deploymentKind, 'default').get('web')).status?.readyReplicas;
const readiness = async (name: string) => (await node(name)).status?.conditions?.find(({ type }) => type === 'Ready');

function deployment(): V1Deployment {
  const labels = { app: 'web' };
  const tolerations = ['not-ready', 'unreachable'].map((state) => ({
    key: `node.kubernetes.io/${state}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: 1,
  }));
  const topologySpreadConstraints = [
    {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: labels },
    },
  ];
  const spec = { tolerations, topologySpreadConstraints, containers: [{ name: 'main', image: 'nginx' }] };
  return {
    metadata: { name: 'web' },
    spec: { replicas: REPLICAS, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  } as V1Deployment;
}

test('a node that stops answering is tainted, its pods are replaced elsewhere, and it comes back', async () => {
  await cluster.client().resource<V1Deployment>(deploymentKind, 'default').create(deployment());
  await until('all replicas are ready', async () => (await readyReplicas()) === REPLICAS);
  const failing = cluster.nodes.find(({ name }) => name === 'node-1')!;
  const before = (await pods()).filter(({ spec }) => spec?.nodeName === failing.name);
  assert.ok(before.length > 0, 'the node has some of them');

  await failing.stop();
  await until('the node is known to be silent', async () => (await readiness(failing.name))?.status === 'Unknown', {
    timeoutMs: 90_000,
  });
  assert.equal((await readiness(failing.name))?.reason, 'NodeStatusUnknown');
  await until(
    'the pods are replaced',
    async () => {
      const ready = (await pods()).filter(isReady);
      return ready.length === REPLICAS && ready.every(({ spec }) => spec?.nodeName !== failing.name);
    },
    { timeoutMs: 60_000 },
  );
  const taints = (await node(failing.name)).spec?.taints?.map(({ key, effect }) => `${key}:${effect}`);
  assert.deepEqual(taints?.toSorted(), ['node.kubernetes.io/unreachable:NoExecute', 'node.kubernetes.io/unreachable:NoSchedule']);
  const left = (await pods()).filter(({ spec }) => spec?.nodeName === failing.name);
  assert.equal(left.length, before.length, 'nobody can say that they have ended');
  for (const { metadata, status } of left) {
    assert.ok(metadata?.deletionTimestamp);
    const disruption = status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
    assert.deepEqual([disruption?.status, disruption?.reason], ['True', 'DeletionByTaintManager']);
  }

  await failing.start();
  await until('the node is Ready again', async () => (await readiness(failing.name))?.status === 'True', { timeoutMs: 60_000 });
  await until('its taints are gone', async () => !(await node(failing.name)).spec?.taints?.length, { timeoutMs: 60_000 });
  await until(
    'the pods that it had are gone',
    async () => {
      const uids = new Set(before.map(({ metadata }) => metadata?.uid));
      return !(await pods()).some(({ metadata }) => uids.has(metadata?.uid));
    },
    { timeoutMs: 60_000 },
  );
  assert.equal((await pods()).length, REPLICAS, 'none was made twice');
});
