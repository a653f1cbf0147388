import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controllerRevisionKind } from '../../api/apps/v1/controller-revision.ts';
import { daemonSetKind } from '../../api/apps/v1/daemon-set.ts';
import { deploymentKind } from '../../api/apps/v1/deployment.ts';
import { replicaSetKind } from '../../api/apps/v1/replica-set.ts';
import { statefulSetKind } from '../../api/apps/v1/stateful-set.ts';
import { cronJobKind } from '../../api/batch/v1/cron-job.ts';
import { jobKind } from '../../api/batch/v1/job.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type {
  V1ControllerRevision,
  V1CronJob,
  V1DaemonSet,
  V1Deployment,
  V1Job,
  V1PersistentVolumeClaim,
  V1Pod,
  V1ReplicaSet,
  V1StatefulSet,
} from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import { createCronJobController } from '../cronjob/controller.ts';
import { createDaemonSetController } from '../daemonset/controller.ts';
import { nodeOf } from '../daemonset/daemon-pod.ts';
import { createDeploymentController } from '../deployment/controller.ts';
import type { TestingCluster } from '../framework/testing-client.test-support.ts';
import { createJobController } from '../job/controller.ts';
import { indexOf, isTracked } from '../job/job-pod.ts';
import { createReplicaSetController } from '../replicaset/controller.ts';
import { createStatefulSetController } from '../statefulset/controller.ts';
import { createTtlAfterFinishedController } from '../ttlafterfinished/controller.ts';
import { controllerOf } from '../workloads/owner.ts';
import { interrupted } from './interruptions.test-support.ts';

const selector = { matchLabels: { app: 'web' } };
/** Of pods that go only when their kubelet has ended them. */
const template = (image: string, more: object = {}) => ({
  metadata: { labels: { app: 'web' }, finalizers: ['kubelet'] },
  spec: { containers: [{ name: 'c', image }], ...more },
});
const metadata = { name: 'web', namespace: 'a', uid: 'owner', generation: 1 };
const pods = (cluster: TestingCluster) => cluster.list<V1Pod>(podKind);
const imageOf = ({ spec }: V1Pod) => spec?.containers[0]?.image;
const now = (cluster: TestingCluster) => new Date(cluster.clock.now()).toISOString();

/** New pods run, and those that are to go are gone. */
function kubelet(cluster: TestingCluster): void {
  for (const pod of pods(cluster)) {
    if (pod.metadata?.deletionTimestamp) cluster.remove(podKind, pod.metadata.name ?? '', 'a');
    else if (!pod.status?.phase) {
      const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: now(cluster) }];
      const spec = { ...pod.spec, nodeName: nodeOf(pod) ?? 'n' };
      cluster.put(podKind, { ...pod, spec, status: { phase: 'Running', conditions } } as unknown as V1Pod);
    }
  }
}

/** Changes the spec of what is called `web`, as a user would. */
function change(cluster: TestingCluster, kind: ResourceKind, spec: object): true {
  const object = cluster.get<{ metadata: { generation: number }; spec: object }>(kind, 'web', 'a')!;
  const generation = object.metadata.generation + 1;
  cluster.put(kind, { ...object, metadata: { ...object.metadata, generation }, spec: { ...object.spec, ...spec } });
  return true;
}

const revisions = (cluster: TestingCluster) =>
  cluster
    .list<V1ControllerRevision>(controllerRevisionKind)
    .map(({ revision }) => revision)
    .sort();

test('a ReplicaSet has the pods that it is to have, those that it adopts among them, and lets the others go', async () => {
  const status = (cluster: TestingCluster) => cluster.get<V1ReplicaSet>(replicaSetKind, 'web', 'a')?.status;
  const outcome = await interrupted({
    controllers: [createReplicaSetController],
    prepare(cluster) {
      cluster.put(replicaSetKind, { metadata, spec: { replicas: 3, selector, template: template('one') } } as never);
      const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'owner', controller: true };
      const pod = (name: string, app: string, ownerReferences: object[]) =>
        cluster.put(podKind, {
          ...template('one'),
          metadata: { name, namespace: 'a', labels: { app }, ownerReferences },
        } as never);
      pod('orphan', 'web', []);
      pod('stray', 'other', [owner]);
    },
    outside: kubelet,
    steps: [(cluster) => status(cluster)?.readyReplicas === 3 && change(cluster, replicaSetKind, { replicas: 1 })],
    outcome: (cluster) => {
      const owned = pods(cluster).filter((pod) => controllerOf(pod));
      return { all: pods(cluster).length, owned: owned.length, status: status(cluster) };
    },
  });
  assert.deepEqual(outcome, {
    ...{ all: 2, owned: 1 },
    status: {
      replicas: 1,
      fullyLabeledReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      observedGeneration: 2,
      terminatingReplicas: 0,
    },
  });
});

test('a Deployment rolls from one set to the next, is scaled on the way, and keeps as many old ones as it is to', async () => {
  const status = (cluster: TestingCluster) => cluster.get<V1Deployment>(deploymentKind, 'web', 'a')?.status;
  const isDone = (cluster: TestingCluster, replicas: number) =>
    status(cluster)?.updatedReplicas === replicas &&
    status(cluster)?.availableReplicas === replicas &&
    status(cluster)?.replicas === replicas;
  const outcome = await interrupted({
    controllers: [createDeploymentController, createReplicaSetController],
    prepare(cluster) {
      const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
      const spec = {
        replicas: 2,
        progressDeadlineSeconds: 6000,
        revisionHistoryLimit: 0,
        strategy,
        selector,
        template: template('one'),
      };
      cluster.put(deploymentKind, { metadata, spec } as never);
    },
    outside: kubelet,
    steps: [
      (cluster) => isDone(cluster, 2) && change(cluster, deploymentKind, { template: template('two') }),
      (cluster) => (status(cluster)?.updatedReplicas ?? 0) >= 1 && change(cluster, deploymentKind, { replicas: 3 }),
    ],
    outcome: (cluster) => ({
      pods: pods(cluster).map(imageOf).sort(),
      sets: cluster
        .list<V1ReplicaSet>(replicaSetKind)
        .map(({ metadata: { annotations } = {}, spec }) => [
          spec?.template?.spec?.containers[0]?.image,
          spec?.replicas,
          annotations?.['deployment.kubernetes.io/revision'],
        ])
        .sort(),
      numbers: [status(cluster)?.replicas, status(cluster)?.updatedReplicas, status(cluster)?.availableReplicas],
      conditions: status(cluster)
        ?.conditions?.map(({ type, reason }) => `${type} ${reason}`)
        .sort(),
    }),
  });
  assert.deepEqual(outcome, {
    pods: ['two', 'two', 'two'],
    sets: [['two', 3, '2']],
    numbers: [3, 3, 3],
    conditions: ['Available MinimumReplicasAvailable', 'Progressing NewReplicaSetAvailable'],
  });
});

test('a DaemonSet has one pod of its newest template on each node, and none is left of others', async () => {
  const status = (cluster: TestingCluster) => cluster.get<V1DaemonSet>(daemonSetKind, 'web', 'a')?.status;
  const outcome = await interrupted({
    controllers: [createDaemonSetController],
    prepare(cluster) {
      const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } };
      cluster.put(daemonSetKind, { metadata, spec: { selector, updateStrategy, template: template('one') } } as never);
      for (const name of ['n1', 'n2']) cluster.put(nodeKind, { metadata: { name } });
    },
    outside: kubelet,
    steps: [
      (cluster) => status(cluster)?.numberAvailable === 2 && change(cluster, daemonSetKind, { template: template('two') }),
      (cluster) => status(cluster)?.updatedNumberScheduled === 2 && Boolean(cluster.put(nodeKind, { metadata: { name: 'n3' } })),
    ],
    outcome: (cluster) => ({
      pods: pods(cluster)
        .map((pod) => `${nodeOf(pod)} ${imageOf(pod)}`)
        .sort(),
      revisions: revisions(cluster),
      numbers: [
        status(cluster)?.desiredNumberScheduled,
        status(cluster)?.updatedNumberScheduled,
        status(cluster)?.numberAvailable,
      ],
    }),
  });
  assert.deepEqual(outcome, { pods: ['n1 two', 'n2 two', 'n3 two'], revisions: [1, 2], numbers: [3, 3, 3] });
});

test('a StatefulSet has its members with their claims, of its newest template, and those beyond them go with theirs', async () => {
  const get = (cluster: TestingCluster) => cluster.get<V1StatefulSet>(statefulSetKind, 'web', 'a');
  const isDone = (cluster: TestingCluster) => {
    const { readyReplicas, updatedReplicas, currentRevision, updateRevision } = get(cluster)?.status ?? {};
    return readyReplicas === 2 && updatedReplicas === 2 && currentRevision === updateRevision;
  };
  const outcome = await interrupted({
    controllers: [createStatefulSetController],
    prepare(cluster) {
      const spec = {
        ...{ replicas: 2, serviceName: 'web', selector, template: template('one'), updateStrategy: { type: 'RollingUpdate' } },
        volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }],
        persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete', whenDeleted: 'Delete' },
      };
      cluster.put(statefulSetKind, { metadata, spec } as never);
    },
    outside: kubelet,
    steps: [
      (cluster) => isDone(cluster) && change(cluster, statefulSetKind, { template: template('two') }),
      (cluster) =>
        pods(cluster).every((pod) => imageOf(pod) === 'two') &&
        isDone(cluster) &&
        change(cluster, statefulSetKind, { replicas: 1 }),
    ],
    wrong(cluster) {
      // What a kubelet was told of must not come back with a claim that goes.
      const without = pods(cluster).find((pod) => !cluster.get(persistentVolumeClaimKind, `data-${pod.metadata?.name}`, 'a'));
      return without && `${without.metadata?.name} has no claim`;
    },
    outcome: (cluster) => ({
      pods: pods(cluster).map((pod) => `${pod.metadata?.name} ${imageOf(pod)}`),
      claims: cluster
        .list<V1PersistentVolumeClaim>(persistentVolumeClaimKind)
        .map((claim) => `${claim.metadata?.name} of ${controllerOf(claim)?.kind} ${controllerOf(claim)?.name}`)
        .sort(),
      revisions: revisions(cluster),
      numbers: [get(cluster)?.status?.replicas, get(cluster)?.status?.updatedReplicas, get(cluster)?.status?.availableReplicas],
    }),
  });
  assert.deepEqual(outcome, {
    pods: ['web-0 two'],
    // The garbage collector, which is not here, takes the second.
    claims: ['data-web-0 of StatefulSet web', 'data-web-1 of Pod web-1'],
    revisions: [1, 2],
    numbers: [1, 1, 1],
  });
});

/** Ends pods that run, the first of those that `fails` names with a failure; what is to go goes when nobody counts it any more. */
function endPods(cluster: TestingCluster, fails: (pod: V1Pod) => boolean): void {
  for (const pod of pods(cluster)) {
    const phase = pod.status?.phase ?? '';
    const hasEnded = ['Succeeded', 'Failed'].includes(phase);
    if (pod.metadata?.deletionTimestamp && hasEnded && !isTracked(pod)) cluster.remove(podKind, pod.metadata.name ?? '', 'a');
    if (hasEnded) continue;
    const hasFailed = pods(cluster).some((one) => one.status?.phase === 'Failed' && !one.metadata?.deletionTimestamp);
    const isFailing = pod.metadata?.deletionTimestamp || (!hasFailed && fails(pod));
    const terminated = { exitCode: isFailing ? 1 : 0, finishedAt: now(cluster) };
    const status = phase
      ? { phase: isFailing ? 'Failed' : 'Succeeded', containerStatuses: [{ name: 'c', state: { terminated } }] }
      : { phase: 'Running' };
    cluster.put(podKind, { ...pod, status } as unknown as V1Pod);
  }
}

for (const { mode, spec, fails, wanted } of [
  {
    mode: 'any number',
    spec: { parallelism: 2, completions: 3 },
    fails: () => true,
    wanted: { succeeded: 3, failed: 1, completedIndexes: undefined },
  },
  {
    mode: 'indexes',
    spec: { parallelism: 2, completions: 3, completionMode: 'Indexed', backoffLimitPerIndex: 1 },
    fails: (pod: V1Pod) => indexOf(pod) === 1,
    wanted: { succeeded: 3, failed: 1, completedIndexes: '0-2' },
  },
])
  test(`a Job of ${mode} counts each of its pods once, lets them go, and ends`, async () => {
    const outcome = await interrupted({
      controllers: [createJobController],
      prepare(cluster) {
        const pod = template('one', { restartPolicy: 'Never' });
        cluster.put(jobKind, { metadata, spec: { backoffLimit: 6, ...spec, selector, template: pod } } as never);
      },
      outside: (cluster) => endPods(cluster, fails),
      stepMs: 5000,
      outcome(cluster) {
        const { succeeded, failed, completedIndexes, active, ready, terminating, uncountedTerminatedPods, conditions } =
          cluster.get<V1Job>(jobKind, 'web', 'a')?.status ?? {};
        return {
          ...{ succeeded, failed, completedIndexes, left: [active, ready, terminating, uncountedTerminatedPods] },
          ended: conditions?.map(({ type, reason }) => `${type} ${reason}`),
          tracked: pods(cluster).filter(isTracked).length,
          phases: pods(cluster)
            .map(({ status }) => status?.phase)
            .sort(),
        };
      },
    });
    assert.deepEqual(outcome, {
      ...{ ...wanted, left: [undefined, 0, 0, {}], tracked: 0 },
      ended: ['SuccessCriteriaMet CompletionsReached', 'Complete CompletionsReached'],
      phases: ['Failed', 'Succeeded', 'Succeeded', 'Succeeded'],
    });
  });

test('a CronJob starts each time once, one at a time, and keeps as many as it is to; ended Jobs go in time', async () => {
  const jobs = (cluster: TestingCluster) => cluster.list<V1Job>(jobKind);
  const isRunning = ({ status }: V1Job) => !status?.completionTime;
  const get = (cluster: TestingCluster) => cluster.get<V1CronJob>(cronJobKind, 'web', 'a');
  const outcome = await interrupted({
    controllers: [createCronJobController, createTtlAfterFinishedController],
    prepare(cluster) {
      const spec = {
        ...{ schedule: '* * * * *', concurrencyPolicy: 'Forbid', successfulJobsHistoryLimit: 2, failedJobsHistoryLimit: 1 },
        jobTemplate: { spec: { template: template('one') } },
      };
      cluster.put(cronJobKind, { metadata: { ...metadata, creationTimestamp: '2026-01-01T00:00:00Z' as never }, spec } as never);
      const conditions = [{ type: 'Complete', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }];
      const ended = { startTime: '2026-01-01T00:00:00Z', completionTime: '2026-01-01T00:00:00Z', conditions };
      cluster.put(jobKind, {
        metadata: { name: 'old', namespace: 'a' },
        spec: { ttlSecondsAfterFinished: 30 },
        status: ended,
      } as never);
    },
    outside(cluster) {
      for (const job of jobs(cluster).filter(isRunning)) {
        const conditions = [{ type: 'Complete', status: 'True', lastTransitionTime: now(cluster) }];
        cluster.put(jobKind, { ...job, status: { startTime: now(cluster), completionTime: now(cluster), conditions } } as never);
      }
    },
    steps: [
      (cluster) =>
        String(get(cluster)?.status?.lastScheduleTime ?? '') >= '2026-01-01T00:04:00Z' &&
        change(cluster, cronJobKind, { suspend: true }),
    ],
    rounds: 15,
    stepMs: 20_000,
    wrong: (cluster) => (jobs(cluster).filter(isRunning).length > 1 ? 'two run at a time' : undefined),
    outcome: (cluster) => ({
      jobs: jobs(cluster)
        .filter(({ metadata: own }) => !own?.deletionTimestamp)
        .map(({ metadata: own }) => own?.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'])
        .sort(),
      status: get(cluster)?.status,
    }),
  });
  assert.deepEqual(outcome, {
    jobs: ['2026-01-01T00:03:00Z', '2026-01-01T00:04:00Z'],
    status: { lastScheduleTime: '2026-01-01T00:04:00Z', lastSuccessfulTime: '2026-01-01T00:04:20.000Z' },
  });
});
