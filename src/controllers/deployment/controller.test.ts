import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploymentKind } from '../../api/apps/v1/deployment.ts';
import { replicaSetKind } from '../../api/apps/v1/replica-set.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Deployment, V1ReplicaSet } from '../../api/gen/types.ts';
import { type ControllerRun, runController, serverError, type TestingCluster } from '../framework/testing-client.test-support.ts';
import { controllerReference } from '../workloads/owner.ts';
import { createDeploymentController } from './controller.ts';

const web = (image: string, more: object = {}) =>
  ({
    metadata: { name: 'web', namespace: 'a', uid: 'd', generation: 1, annotations: { 'kubernetes.io/change-cause': image } },
    spec: {
      replicas: 2,
      progressDeadlineSeconds: 60,
      revisionHistoryLimit: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } },
      ...more,
    },
  }) as unknown as V1Deployment;

const sets = (cluster: TestingCluster) => cluster.list<V1ReplicaSet>(replicaSetKind);
const setOf = (cluster: TestingCluster, image: string) =>
  sets(cluster).find(({ spec }) => spec?.template?.spec?.containers[0]?.image === image);
const status = (cluster: TestingCluster) => cluster.get<V1Deployment>(deploymentKind, 'web', 'a')?.status;
const condition = (cluster: TestingCluster, type: string) => status(cluster)?.conditions?.find((c) => c.type === type);

/** Changes the spec as a user would. */
function change(cluster: TestingCluster, wanted: V1Deployment): void {
  const { metadata, status: told } = cluster.get<V1Deployment>(deploymentKind, 'web', 'a')!;
  const annotations = { ...metadata?.annotations, ...wanted.metadata?.annotations };
  cluster.put(deploymentKind, {
    ...wanted,
    status: told,
    metadata: { ...metadata, annotations, generation: (metadata?.generation ?? 0) + 1 },
  } as V1Deployment);
}

/** What the ReplicaSet controller would say when all pods of all sets are there and ready. */
async function fulfil(run: ControllerRun): Promise<void> {
  for (let round = 0; round < 12; round++) {
    await run.settle();
    for (const set of sets(run.cluster)) {
      const replicas = set.spec?.replicas ?? 0;
      const said = { replicas, readyReplicas: replicas, availableReplicas: replicas, observedGeneration: 9 };
      if (set.status?.replicas !== replicas) run.cluster.put(replicaSetKind, { ...set, status: said } as V1ReplicaSet);
    }
  }
}

test('a rollout goes from one set to the next, and tells how far it is', async () => {
  await using run = await runController(createDeploymentController);
  const { cluster } = run;
  cluster.put(deploymentKind, web('one'));
  await run.settle();
  assert.equal(setOf(cluster, 'one')?.spec?.replicas, 2);
  assert.equal(condition(cluster, 'Progressing')?.reason, 'NewReplicaSetCreated');
  assert.equal(condition(cluster, 'Available')?.status, 'False');
  await fulfil(run);
  assert.equal(condition(cluster, 'Progressing')?.reason, 'NewReplicaSetAvailable');
  assert.equal(condition(cluster, 'Available')?.status, 'True');
  change(cluster, web('two'));
  await run.settle();
  assert.deepEqual([setOf(cluster, 'one')?.spec?.replicas, setOf(cluster, 'two')?.spec?.replicas], [2, 1], 'one at a time');
  await fulfil(run);
  assert.deepEqual([setOf(cluster, 'one')?.spec?.replicas, setOf(cluster, 'two')?.spec?.replicas], [0, 2]);
  assert.equal(setOf(cluster, 'two')?.metadata?.annotations?.['kubernetes.io/change-cause'], 'two');
  assert.equal(
    cluster.get<V1Deployment>(deploymentKind, 'web', 'a')?.metadata?.annotations?.['deployment.kubernetes.io/revision'],
    '2',
  );
});

test('going back makes the old set the newest revision, and sets beyond the history go', async () => {
  await using run = await runController(createDeploymentController);
  const { cluster } = run;
  cluster.put(deploymentKind, web('one'));
  await fulfil(run);
  for (const image of ['two', 'one', 'three']) {
    change(cluster, web(image));
    await fulfil(run);
  }
  const one = setOf(cluster, 'one');
  assert.equal(one?.metadata?.annotations?.['deployment.kubernetes.io/revision'], '3');
  assert.equal(one?.metadata?.annotations?.['deployment.kubernetes.io/revision-history'], '1');
  assert.equal(setOf(cluster, 'two'), undefined, 'revisionHistoryLimit is 1');
});

test('an older client goes back by an annotation', async () => {
  await using run = await runController(createDeploymentController);
  const { cluster } = run;
  for (const image of ['one', 'two']) {
    if (image === 'one') cluster.put(deploymentKind, web(image));
    else change(cluster, web(image));
    await fulfil(run);
  }
  const current = cluster.get<V1Deployment>(deploymentKind, 'web', 'a')!;
  const annotations = { ...current.metadata?.annotations, 'deprecated.deployment.rollback.to': '0' };
  cluster.put(deploymentKind, { ...current, metadata: { ...current.metadata, annotations } });
  await fulfil(run);
  assert.deepEqual([setOf(cluster, 'one')?.spec?.replicas, setOf(cluster, 'two')?.spec?.replicas], [2, 0]);
  assert.ok(run.events.includes('web DeploymentRollback'));
  const { metadata } = cluster.get<V1Deployment>(deploymentKind, 'web', 'a')!;
  assert.deepEqual(metadata?.annotations, {
    'kubernetes.io/change-cause': 'one',
    'deployment.kubernetes.io/revision': '3',
  });
});

test('the revision after that of an adopted set is one more, however large that is', async () => {
  await using run = await runController(createDeploymentController);
  const { cluster } = run;
  cluster.put(deploymentKind, web('one'));
  await fulfil(run);
  const first = setOf(cluster, 'one')!;
  const annotations = { ...first.metadata?.annotations, 'deployment.kubernetes.io/revision': '3546343826724305832' };
  cluster.put(replicaSetKind, { ...first, metadata: { ...first.metadata, annotations } });
  change(cluster, web('two'));
  await fulfil(run);
  const revision = (name: string) => setOf(cluster, name)?.metadata?.annotations?.['deployment.kubernetes.io/revision'];
  assert.equal(revision('two'), '3546343826724305833');
});

test('a paused Deployment is scaled but not rolled out', async () => {
  await using run = await runController(createDeploymentController);
  const { cluster } = run;
  cluster.put(deploymentKind, web('one'));
  await fulfil(run);
  change(cluster, web('two', { paused: true, replicas: 5 }));
  await fulfil(run);
  assert.equal(setOf(cluster, 'two'), undefined);
  assert.equal(setOf(cluster, 'one')?.spec?.replicas, 5);
  assert.equal(condition(cluster, 'Progressing')?.reason, 'DeploymentPaused');
  change(cluster, web('two', { replicas: 5 }));
  await fulfil(run);
  assert.equal(setOf(cluster, 'two')?.spec?.replicas, 5);
});

test('Recreate waits until the last old pod has ended', async () => {
  await using run = await runController(createDeploymentController);
  const { cluster } = run;
  const strategy = { type: 'Recreate' };
  cluster.put(deploymentKind, web('one', { strategy }));
  await fulfil(run);
  const old = setOf(cluster, 'one')!;
  const pod = {
    metadata: { name: 'p', namespace: 'a', ownerReferences: [controllerReference(replicaSetKind, old)] },
    status: { phase: 'Running' },
  };
  cluster.put(podKind, pod);
  change(cluster, web('two', { strategy }));
  await fulfil(run);
  assert.equal(setOf(cluster, 'one')?.spec?.replicas, 0);
  assert.equal(setOf(cluster, 'two'), undefined);
  cluster.remove(podKind, 'p', 'a');
  await fulfil(run);
  assert.equal(setOf(cluster, 'two')?.spec?.replicas, 2);
});

test('Recreate waits as well for pods that an old set only tells of', async () => {
  await using run = await runController(createDeploymentController);
  const { cluster } = run;
  const strategy = { type: 'Recreate' };
  cluster.put(deploymentKind, web('one', { strategy }));
  await fulfil(run);
  change(cluster, web('two', { strategy }));
  await run.settle();
  const old = setOf(cluster, 'one')!;
  assert.deepEqual([old.spec?.replicas, old.status?.replicas], [0, 2]);
  assert.equal(setOf(cluster, 'two'), undefined);
  await fulfil(run);
  assert.equal(setOf(cluster, 'two')?.spec?.replicas, 2);
});

test('a history of revisions loses its oldest when it gets long', async () => {
  await using run = await runController(createDeploymentController);
  const { cluster } = run;
  cluster.put(deploymentKind, web('one'));
  await fulfil(run);
  const first = setOf(cluster, 'one')!;
  const before = Array.from({ length: 400 }, (_, i) => 1001 + i).join();
  const annotations = { ...first.metadata?.annotations, 'deployment.kubernetes.io/revision-history': before };
  cluster.put(replicaSetKind, { ...first, metadata: { ...first.metadata, annotations } });
  for (const image of ['two', 'one']) {
    change(cluster, web(image));
    await fulfil(run);
  }
  const history = setOf(cluster, 'one')?.metadata?.annotations?.['deployment.kubernetes.io/revision-history'];
  assert.equal(history, `${before.slice('1001,'.length)},1`);
});

test('a rollout without progress fails when its deadline has passed', async () => {
  await using run = await runController(createDeploymentController);
  const { cluster } = run;
  cluster.put(deploymentKind, web('one'));
  await run.settle(30_000);
  assert.equal(condition(cluster, 'Progressing')?.status, 'True');
  await run.settle(40_000);
  await run.settle();
  assert.deepEqual(
    [condition(cluster, 'Progressing')?.status, condition(cluster, 'Progressing')?.reason],
    ['False', 'ProgressDeadlineExceeded'],
  );
});

test('a set that cannot be made is told, and a name that somebody else has is avoided', async () => {
  await using run = await runController(createDeploymentController);
  const { cluster } = run;
  cluster.beforeWrite = ({ verb, resource }) => {
    if (verb === 'create' && resource === 'replicasets') throw serverError();
  };
  cluster.put(deploymentKind, web('one'));
  await run.settle();
  assert.equal(condition(cluster, 'Progressing')?.reason, 'ReplicaSetCreateError');
  assert.match(condition(cluster, 'Progressing')?.message ?? '', /^Failed to create new replica set "web-[a-z0-9]+": /);
  const { body } = cluster.sent('create', 'replicasets')[0]!;
  const taken = (body as V1ReplicaSet).metadata?.name;
  cluster.beforeWrite = () => undefined;
  cluster.put(replicaSetKind, { metadata: { name: taken, namespace: 'a' }, spec: { selector: {}, template: {} } } as never);
  await run.settle(5000);
  await run.settle(5000);
  assert.equal(status(cluster)?.collisionCount, 1);
  assert.equal(setOf(cluster, 'one')?.spec?.replicas, 2);
  assert.notEqual(setOf(cluster, 'one')?.metadata?.name, taken);
});

test('a Deployment that is being deleted has its pods told of', async () => {
  await using run = await runController(createDeploymentController);
  const { cluster } = run;
  cluster.put(deploymentKind, web('one'));
  await fulfil(run);
  const { metadata, ...rest } = cluster.get<V1Deployment>(deploymentKind, 'web', 'a')!;
  const leaving = { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['foregroundDeletion'] };
  cluster.put(deploymentKind, { ...rest, metadata: leaving, status: {} } as unknown as V1Deployment);
  await run.settle();
  assert.equal(status(cluster)?.replicas, 2);
  assert.equal(run.metrics.loop('test-controller').errors, 0);
});
