import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controllerRevisionKind } from '../../api/apps/v1/controller-revision.ts';
import { daemonSetKind } from '../../api/apps/v1/daemon-set.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1ControllerRevision, V1DaemonSet, V1Node, V1Pod } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import { type ControllerRun, runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { templateIn } from '../workloads/revisions.ts';
import { createDaemonSetController } from './controller.ts';
import { nodeOf } from './daemon-pod.ts';

const agent = (image: string, more: object = {}, spec: object = {}) =>
  ({
    metadata: { name: 'agent', namespace: 'a', uid: 'd', generation: 1 },
    spec: {
      selector: { matchLabels: { app: 'agent' } },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      template: { metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'c', image }], ...spec } },
      ...more,
    },
  }) as unknown as V1DaemonSet;
const node = (name: string, spec: object = {}, labels: Record<string, string> = {}) =>
  ({ metadata: { name, labels }, spec }) as unknown as V1Node;
const pods = (cluster: TestingCluster) => cluster.list<V1Pod>(podKind);
const places = (cluster: TestingCluster) => pods(cluster).map(nodeOf).sort();
const images = (cluster: TestingCluster) =>
  pods(cluster)
    .map(({ spec }) => spec?.containers[0]?.image)
    .sort();
const status = (cluster: TestingCluster) => cluster.get<V1DaemonSet>(daemonSetKind, 'agent', 'a')?.status;

/** Pods get their nodes and become ready, as scheduler and kubelets would have it. */
async function makeReady(run: ControllerRun): Promise<void> {
  for (const pod of pods(run.cluster)) {
    if (pod.status?.phase) continue;
    const lastTransitionTime = new Date(run.cluster.clock.now()).toISOString();
    run.cluster.put(podKind, {
      ...pod,
      spec: { ...pod.spec, nodeName: nodeOf(pod) },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime }] },
    } as unknown as V1Pod);
  }
  await run.settle();
}

async function start(nodes: readonly V1Node[], set: V1DaemonSet): Promise<ControllerRun> {
  const run = await runController(createDaemonSetController);
  for (const one of nodes) run.cluster.put(nodeKind, one);
  run.cluster.put(daemonSetKind, set);
  await run.settle();
  return run;
}

test('every node that fits has one pod, bound to it by affinity, tolerating what drives others out', async () => {
  await using run = await start(
    [
      node('n1'),
      node('n2', { unschedulable: true, taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] }),
      node('n3', { taints: [{ key: 'own', effect: 'NoSchedule' }] }),
    ],
    agent('one'),
  );
  const { cluster } = run;
  assert.deepEqual(places(cluster), ['n1', 'n2']);
  assert.ok(pods(cluster)[0]!.spec!.tolerations!.some(({ key }) => key === 'node.kubernetes.io/not-ready'));
  cluster.put(nodeKind, node('n4'));
  await run.settle();
  assert.deepEqual(places(cluster), ['n1', 'n2', 'n4']);
  await makeReady(run);
  assert.deepEqual(status(cluster), {
    currentNumberScheduled: 3,
    numberMisscheduled: 0,
    desiredNumberScheduled: 3,
    numberReady: 3,
    observedGeneration: 1,
    updatedNumberScheduled: 3,
    numberAvailable: 3,
  });
});

test('pods that are shown while it is looked where they belong are not made twice', async () => {
  const cluster = new TestingCluster();
  const { client } = cluster;
  const shown = Promise.withResolvers<void>();
  const late = ((kind: ResourceKind, namespace?: string) => {
    const resource = client.resource(kind, namespace);
    const watch: typeof resource.watch = async function* (options) {
      for await (const event of resource.watch(options)) {
        await shown.promise;
        yield event;
      }
    };
    return kind.resource === 'pods' ? { ...resource, watch } : resource;
  }) as typeof client.resource;
  Object.defineProperty(cluster, 'client', { value: { ...client, resource: late } });
  const names = Array.from({ length: 30 }, (_, i) => `n${i}`);
  for (const name of names) cluster.put(nodeKind, node(name, {}, { zone: 'z' }));
  // So many that others have their turn before all nodes are looked at.
  const terms = Array.from({ length: 1500 }, (_, i) => ({
    matchExpressions: [{ key: 'zone', operator: 'In', values: [i < 1499 ? `y${i}` : 'z'] }],
  }));
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } };
  cluster.put(daemonSetKind, agent('one', {}, { affinity }));
  await using run = await runController(createDaemonSetController, cluster);
  await run.settle();
  assert.equal(pods(cluster).length, 30);
  const { running } = run.metrics.loop('test-controller');
  const showMeanwhile = () => (running.size > 0 ? shown.resolve() : setImmediate(showMeanwhile));
  showMeanwhile();
  await run.settle(1000);
  await shown.promise;
  await run.settle(1000);
  assert.equal(cluster.sent('create', 'pods').length, 30);
});

test('a node that no longer fits loses its pod when a taint drives it out, and keeps it when one only keeps new ones away', async () => {
  await using run = await start([node('n1'), node('n2')], agent('one'));
  await makeReady(run);
  run.cluster.put(nodeKind, node('n1', { taints: [{ key: 'x', effect: 'NoExecute' }] }));
  run.cluster.put(nodeKind, node('n2', { taints: [{ key: 'x', effect: 'NoSchedule' }] }));
  await run.settle();
  assert.deepEqual(places(run.cluster), ['n2']);
  assert.equal(status(run.cluster)?.numberMisscheduled, 1);
});

test('a rolling update replaces one pod after the other, and old templates stay as revisions', async () => {
  await using run = await start([node('n1'), node('n2'), node('n3')], agent('one'));
  const { cluster } = run;
  await makeReady(run);
  const { status: told } = cluster.get<V1DaemonSet>(daemonSetKind, 'agent', 'a')!;
  cluster.put(daemonSetKind, { ...agent('two'), status: told } as V1DaemonSet);
  await run.settle();
  assert.deepEqual(images(cluster), ['one', 'one', 'two']);
  await makeReady(run);
  assert.deepEqual(images(cluster), ['one', 'two', 'two']);
  for (let i = 0; i < 3; i++) await makeReady(run);
  assert.deepEqual(images(cluster), ['two', 'two', 'two']);
  const revisions = cluster.list<V1ControllerRevision>(controllerRevisionKind);
  assert.deepEqual(revisions.map((r) => [r.revision, templateIn(r).spec?.containers[0]?.image]).sort(), [
    [1, 'one'],
    [2, 'two'],
  ]);
  assert.equal(status(cluster)?.updatedNumberScheduled, 3);
});

test('with surge the new pod is there before the old one goes', async () => {
  const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };
  await using run = await start([node('n1'), node('n2')], agent('one', { updateStrategy }));
  const { cluster } = run;
  await makeReady(run);
  cluster.put(daemonSetKind, agent('two', { updateStrategy }));
  await run.settle();
  assert.deepEqual(images(cluster), ['one', 'one', 'two']);
  for (let i = 0; i < 5; i++) await makeReady(run);
  assert.deepEqual(images(cluster), ['two', 'two']);
});

test('with OnDelete a pod gets the new template when somebody deletes it', async () => {
  const updateStrategy = { type: 'OnDelete' };
  await using run = await start([node('n1'), node('n2')], agent('one', { updateStrategy }));
  const { cluster } = run;
  await makeReady(run);
  cluster.put(daemonSetKind, agent('two', { updateStrategy }));
  await run.settle();
  assert.deepEqual(images(cluster), ['one', 'one']);
  cluster.remove(podKind, pods(cluster)[0]!.metadata!.name!, 'a');
  await run.settle();
  assert.deepEqual(images(cluster), ['one', 'two']);
});

test('a pod that fails again and again is replaced ever more slowly', async () => {
  await using run = await start([node('n1')], agent('one'));
  const { cluster } = run;
  const fail = async () => {
    const [pod] = pods(cluster);
    cluster.put(podKind, { ...pod, spec: { ...pod?.spec, nodeName: 'n1' }, status: { phase: 'Failed' } } as unknown as V1Pod);
    await run.settle();
  };
  await fail();
  assert.equal(pods(cluster)[0]?.status?.phase, undefined, 'replaced at once');
  await fail();
  assert.equal(pods(cluster)[0]?.status?.phase, 'Failed');
  await run.settle(1100);
  assert.equal(pods(cluster)[0]?.status?.phase, undefined);
  await fail();
  await run.settle(1100);
  assert.equal(pods(cluster)[0]?.status?.phase, 'Failed', 'twice as long');
  await run.settle(1100);
  assert.equal(pods(cluster)[0]?.status?.phase, undefined);
});
