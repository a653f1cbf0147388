/** What workloads come to on several real nodes: names and volumes that stay, work that is done once, and names that are found under load. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { V1Job, V1Pod, V1StatefulSet } from '../../src/api/gen/types.ts';
import { BUSYBOX } from '../harness/images.ts';
import type { Kubectl } from '../harness/kubectl.ts';
import { startNodeServices } from '../harness/node-services.ts';
import { type RealNodes, startRealNodes } from '../harness/real-nodes.ts';
import { until } from '../harness/until.ts';

const PATIENCE = { timeoutMs: 120_000, intervalMs: 200 };
let cluster: RealNodes;
let kubectl: Kubectl;

before(async () => {
  cluster = await startRealNodes({ nodes: 2 });
  kubectl = cluster.kubectl();
  await startNodeServices(cluster, ({ name }) => (name === 'node-2' ? 'iptables' : 'nftables'));
});
after(() => cluster?.[Symbol.asyncDispose]());

const apply = (...items: object[]) =>
  kubectl.run('apply -f -', { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
const inPod = async (pod: string, script: string) =>
  (await kubectl.try(['exec', pod, '--', 'sh', '-c', `${script} 2>&1`])).stdout.trim();
const metadata = (name: string) => ({ name, namespace: 'default' });
const container = (script: string, more: object = {}) => ({ name: 'c', image: BUSYBOX, command: ['sh', '-c', script], ...more });

test('a StatefulSet’s pods keep their names, their volumes and their places in DNS, whichever node they run on', async () => {
  const labels = { app: 'db' };
  const volumeMounts = [{ name: 'data', mountPath: '/data' }];
  const store = 'test -e /data/owner || hostname > /data/owner; hostname >> /data/starts; exec sleep 100000';
  const spread = {
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: labels },
  };
  await apply(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadata('db'),
      spec: { clusterIP: 'None', selector: labels, ports: [{ port: 5432 }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: metadata('db'),
      spec: {
        serviceName: 'db',
        replicas: 3,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            topologySpreadConstraints: [spread],
            terminationGracePeriodSeconds: 0,
            containers: [container(store, { volumeMounts })],
          },
        },
        volumeClaimTemplates: [
          { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } } },
        ],
      },
    },
  );
  const names = ['db-0', 'db-1', 'db-2'];
  await kubectl.run('rollout status statefulset/db --timeout=120s');
  for (const name of names) assert.equal(await inPod(name, 'hostname; cat /data/owner'), `${name}\n${name}`);
  const nodes = new Set((await kubectl.json<{ items: V1Pod[] }>('get pods -l app=db')).items.map(({ spec }) => spec!.nodeName));
  assert.equal(nodes.size, 2);
  const found = async (name: string) => {
    const { status } = await kubectl.json<V1Pod>(`get pod ${name}`);
    return (await inPod('db-0', `nslookup ${name}.db.default.svc.cluster.local`)).includes(status!.podIP!);
  };
  for (const name of names) await until(`${name} is found by name`, () => found(name), PATIENCE);

  const before = await kubectl.json<V1Pod>('get pod db-1');
  await kubectl.run('delete pod db-1');
  await until(
    'another db-1 runs',
    async () => {
      const { metadata: now, status } = await kubectl.json<V1Pod>('get pod db-1');
      return now!.uid !== before.metadata!.uid && status!.phase === 'Running';
    },
    PATIENCE,
  );
  assert.equal(await inPod('db-1', 'cat /data/owner /data/starts'), 'db-1\ndb-1\ndb-1');
  await until('its name leads to it', () => found('db-1'), PATIENCE);

  await kubectl.run('scale statefulset/db --replicas=1');
  await until(
    'the last are gone',
    async () => (await kubectl.json<V1StatefulSet>('get sts db')).status?.replicas === 1,
    PATIENCE,
  );
  await kubectl.run('scale statefulset/db --replicas=3');
  await kubectl.run('rollout status statefulset/db --timeout=120s');
  assert.equal(await inPod('db-2', 'cat /data/starts'), 'db-2\ndb-2', 'its volume waited for it');
});

test('a Job is done once for each index, on any node, and what fails is tried again', async () => {
  const script =
    'echo $JOB_COMPLETION_INDEX; test $JOB_COMPLETION_INDEX != 2 || test -e /shared/tried || { touch /shared/tried; exit 1; }';
  const shared = { name: 'shared', hostPath: { path: `${cluster.directory}/shared`, type: 'DirectoryOrCreate' } };
  await apply({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadata('count'),
    spec: {
      completions: 4,
      parallelism: 2,
      completionMode: 'Indexed',
      backoffLimit: 3,
      template: {
        spec: {
          restartPolicy: 'Never',
          volumes: [shared],
          containers: [container(script, { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] })],
        },
      },
    },
  });
  await kubectl.run('wait --for=condition=Complete job/count --timeout=120s');
  const { status } = await kubectl.json<V1Job>('get job count');
  assert.deepEqual([status!.succeeded, status!.failed, status!.completedIndexes], [4, 1, '0-3']);
  const { items } = await kubectl.json<{ items: V1Pod[] }>('get pods -l job-name=count');
  for (const { metadata: pod, status: { phase } = {} } of items) {
    const index = pod!.annotations!['batch.kubernetes.io/job-completion-index'] ?? '';
    assert.equal((await kubectl.run(`logs ${pod!.name}`)).trim(), index, phase ?? '');
  }
  await apply({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadata('hopeless'),
    spec: { backoffLimit: 1, template: { spec: { restartPolicy: 'Never', containers: [container('exit 3')] } } },
  });
  await kubectl.run('wait --for=condition=Failed job/hopeless --timeout=120s');
  const failed = (await kubectl.json<V1Job>('get job hopeless')).status!.conditions!.find(({ type }) => type === 'Failed');
  assert.equal(failed!.reason, 'BackoffLimitExceeded');
});

test('a CronJob starts a Job each minute, and by hand', async () => {
  await apply({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: metadata('tick'),
    spec: {
      schedule: '* * * * *',
      jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [container('date')] } } } },
    },
  });
  await kubectl.run('create job by-hand --from=cronjob/tick');
  await kubectl.run('wait --for=condition=Complete job/by-hand --timeout=120s');
  const done = async () => {
    const { items } = await kubectl.json<{ items: V1Job[] }>('get jobs');
    return items.some(({ metadata: job, status }) => /^tick-\d+$/.test(job!.name!) && status?.succeeded === 1);
  };
  await until('a minute’s Job is done', done, { ...PATIENCE, timeoutMs: 180_000 });
  await kubectl.run('delete cronjob tick');
});

test('names are found under load, from pods of every node', async () => {
  await apply(
    ...cluster.nodes.map(({ name: nodeName }) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata(`asker-${nodeName}`), labels: { app: 'asker' } },
      spec: { nodeName, terminationGracePeriodSeconds: 0, containers: [container('exec sleep 100000')] },
    })),
  );
  await kubectl.run('wait --for=condition=Ready pod -l app=asker --timeout=120s');
  const names = ['kubernetes.default', 'kube-dns.kube-system', 'db.default', 'db-0.db.default'];
  const script = `failed=0; for i in $(seq 25); do for name in ${names.join(' ')}; do
    nslookup $name.svc.cluster.local >/dev/null 2>&1 || failed=$((failed + 1)); done; done; echo failed $failed`;
  const answers = await Promise.all(cluster.nodes.flatMap(({ name }) => [1, 2].map(() => inPod(`asker-${name}`, script))));
  assert.deepEqual(
    answers,
    cluster.nodes.flatMap(() => ['failed 0', 'failed 0']),
  );
});
