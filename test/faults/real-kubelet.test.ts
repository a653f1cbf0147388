import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { V1ContainerStatus, V1Pod } from '../../src/api/gen/types.ts';
import { BUSYBOX } from '../harness/images.ts';
import type { Kubectl } from '../harness/kubectl.ts';
import type { UpResult } from '../harness/muster.ts';
import { type RealCluster, startRealCluster } from '../harness/real-cluster.ts';
import { until } from '../harness/until.ts';

let cluster: RealCluster;
let kubectl: Kubectl;
/** As it was last started. */
let up: UpResult;
before(async () => {
  cluster = await startRealCluster({ configuration: { maxPods: 100 } });
  kubectl = cluster.kubectl('1.35');
  up = cluster.up;
});
after(() => cluster?.[Symbol.asyncDispose]());
/** The tests of one story share pods; a story that failed leaves none to the next. */
const clearPods = () => kubectl.run('delete pods --all --grace-period=0 --force --wait=false');

const manifest = (name: string, script = 'sleep 1000', group = 'one'): V1Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { group } },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'main',
        image: BUSYBOX,
        command: ['sh', '-c', script],
        volumeMounts: [{ name: 'memory', mountPath: '/memory' }],
      },
    ],
    volumes: [{ name: 'memory', emptyDir: { medium: 'Memory' } }],
  },
});

const create = (...pods: V1Pod[]) =>
  kubectl.run('create -f -', { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods }) });
const podNamed = (name: string) => kubectl.json<V1Pod>(`get pod ${name}`);
const podsOf = async (group: string) => (await kubectl.json<{ items: V1Pod[] }>(`get pods -l group=${group}`)).items;
const mainOf = ({ status }: V1Pod): V1ContainerStatus | undefined => status?.containerStatuses?.[0];
const isReady = (pod: V1Pod) =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

function untilAllReady(group: string, count: number): Promise<V1Pod[]> {
  const look = async () => {
    const pods = await podsOf(group);
    if (pods.length === count && pods.every(isReady)) return pods;
    throw new Error(
      pods.map((pod) => `${pod.metadata?.name} ${pod.status?.phase} ${JSON.stringify(mainOf(pod)?.state)}`).join('\n'),
    );
  };
  return until(`all pods of ${group} are Ready`, look, { timeoutMs: 240_000, intervalMs: 250 });
}

async function deleteAll(group: string): Promise<void> {
  await kubectl.run(`delete pods -l group=${group} --wait=false`);
  await until(`the pods of ${group} are gone`, async () => (await podsOf(group)).length === 0, {
    timeoutMs: 240_000,
    intervalMs: 250,
  });
}

describe('a kubelet that is killed', () => {
  after(clearPods);
  test('finds its pods when it is started again: no restart, no other sandbox, the same status', async () => {
    await create(manifest('stays'), manifest('crashed', 'test -e /memory/x && sleep 1000; touch /memory/x; exit 1'));
    const before = await until('both run, one for the second time', async () => {
      const found = [await podNamed('stays'), await podNamed('crashed')];
      return found.every(isReady) && mainOf(found[1]!)?.restartCount === 1 && found;
    });
    assert.equal(mainOf(before[0]!)?.restartCount, 0);
    const sandboxes = await cluster.containerd.ctr('containers', 'ls', '-q');
    await cluster.killKubelet();
    await cluster.startKubelet();
    // Its first new pod shows that it works again.
    await create(manifest('next', 'sleep 1000', 'next'));
    await untilAllReady('next', 1);
    const found = [await podNamed('stays'), await podNamed('crashed')];
    assert.deepEqual(
      found.map(({ status }) => status),
      before.map(({ status }) => status),
    );
    const now = await cluster.containerd.ctr('containers', 'ls', '-q');
    assert.deepEqual(
      sandboxes.split('\n').filter((id) => !now.includes(id)),
      [],
    );
    await deleteAll('next');
  });

  test('cleans up after pods that went while it was away, and restarts what ended', async () => {
    await writeFile(join(cluster.manifests, 'own.json'), JSON.stringify({ ...manifest('own'), metadata: { name: 'own' } }));
    const own = `own-${cluster.nodeName}`;
    await until('the static pod runs', async () => isReady(await podNamed(own)));
    const id = mainOf(await podNamed('stays'))?.containerID?.replace('containerd://', '') ?? '';
    await cluster.killKubelet();
    await kubectl.run('delete pod crashed --grace-period=0 --force');
    await rm(join(cluster.manifests, 'own.json'));
    await cluster.containerd.ctr('tasks', 'kill', '-s', 'SIGKILL', id);
    await cluster.startKubelet();
    await until('the mirror is gone', async () => (await kubectl.run(`get pod ${own} --ignore-not-found`)) === '');
    const restarted = await until('the container runs again', async () => {
      const pod = await podNamed('stays');
      return mainOf(pod)?.restartCount === 1 && isReady(pod) && pod;
    });
    assert.equal(mainOf(restarted)?.lastState?.terminated?.exitCode, 137);
    await deleteAll('one');
    await cluster.expectNothingLeft();
  });

  test('in the middle of starts and of deletes goes on with them', async () => {
    const pods = Array.from({ length: 12 }, (_, i) => manifest(`many-${i}`, 'sleep 1000', 'many'));
    await create(...pods);
    await until('some run', async () => (await podsOf('many')).filter(isReady).length >= 2);
    await cluster.killKubelet();
    await cluster.startKubelet();
    const ready = await untilAllReady('many', pods.length);
    for (const pod of ready) assert.equal(mainOf(pod)?.restartCount, 0, pod.metadata?.name ?? '');
    await kubectl.run('delete pods -l group=many --wait=false');
    await cluster.killKubelet();
    await cluster.startKubelet();
    await until('they are gone', async () => (await podsOf('many')).length === 0, { timeoutMs: 120_000 });
    await cluster.expectNothingLeft();
  });
});

test('static pods run while there is no API server, and are told when there is', async (t) => {
  t.after(clearPods);
  await cluster.killKubelet();
  process.kill(up.pid, 'SIGKILL');
  const name = `alone-${cluster.nodeName}`;
  await writeFile(join(cluster.manifests, 'alone.json'), JSON.stringify({ ...manifest('alone'), metadata: { name: 'alone' } }));
  await cluster.startKubelet();
  await until('its container runs', async () => {
    const containers = await cluster.containerd.ctr('containers', 'ls', 'labels."io.kubernetes.pod.name"=='.concat(name));
    return containers.includes(BUSYBOX);
  });
  up = await cluster.home.up('--nodes', '0');
  await until('its mirror is Ready', async () => isReady(await podNamed(name)), { timeoutMs: 60_000 });
  assert.equal(mainOf(await podNamed(name))?.restartCount, 0);
  await rm(join(cluster.manifests, 'alone.json'));
  await cluster.expectNothingLeft();
});

test('a containerd that is killed takes no pod with it, and what was being started starts', async (t) => {
  t.after(clearPods);
  await create(...Array.from({ length: 4 }, (_, i) => manifest(`before-${i}`, 'sleep 1000', 'runtime')));
  const before = await untilAllReady('runtime', 4);
  await create(...Array.from({ length: 4 }, (_, i) => manifest(`during-${i}`, 'sleep 1000', 'runtime')));
  await cluster.containerd.kill();
  await cluster.containerd.restart();
  const pods = await untilAllReady('runtime', 8);
  for (const pod of before) {
    const now = pods.find(({ metadata }) => metadata?.uid === pod.metadata?.uid);
    assert.equal(now && mainOf(now)?.containerID, mainOf(pod)?.containerID);
  }
  await kubectl.run('delete pods -l group=runtime --wait=false');
  await cluster.containerd.kill();
  await cluster.containerd.restart();
  await until('they are gone', async () => (await podsOf('runtime')).length === 0, { timeoutMs: 120_000 });
  await cluster.expectNothingLeft();
});

test('an API server that is killed keeps no pod from running, and hears what happened; an exec through it fails', async (t) => {
  t.after(clearPods);
  await create(...['works', 'goes'].map((name) => manifest(name, 'sleep 1000', 'api')), manifest('ends', 'sleep 4', 'api'));
  await untilAllReady('api', 3);
  const begun = Promise.withResolvers<void>();
  const command = kubectl.run(['exec', 'works', '--', 'sh', '-c', 'echo begun; exec sleep 1000'], {
    onOutput: () => begun.resolve(),
  });
  const failed = assert.rejects(command);
  await Promise.race([begun.promise, command]);
  await kubectl.run('delete pod goes --wait=false');
  await create(...Array.from({ length: 3 }, (_, i) => manifest(`late-${i}`, 'sleep 1000', 'api')));
  process.kill(up.pid, 'SIGKILL');
  await failed;
  up = await cluster.home.up('--nodes', '0');
  const pods = await until(
    'all but the deleted one are Ready, one of them for the second time',
    async () => {
      const found = await podsOf('api');
      return (
        found.length === 5 &&
        found.every((pod) => mainOf(pod)?.containerID) &&
        (mainOf(found.find(({ metadata }) => metadata?.name === 'ends')!)?.restartCount ?? 0) >= 1 &&
        found
      );
    },
    { timeoutMs: 120_000 },
  );
  assert.equal(mainOf(pods.find(({ metadata }) => metadata?.name === 'works')!)?.restartCount, 0);
  await kubectl.run('delete pods -l group=api --wait=false');
  await until('they are gone', async () => (await podsOf('api')).length === 0, { timeoutMs: 120_000 });
  await cluster.expectNothingLeft();
});

test('a hundred pods at once come up and leave nothing behind', async (t) => {
  t.after(clearPods);
  await create(...Array.from({ length: 100 }, (_, i) => manifest(`crowd-${i}`, 'sleep 1000', 'crowd')));
  await untilAllReady('crowd', 100);
  await deleteAll('crowd');
  await cluster.expectNothingLeft();
});
