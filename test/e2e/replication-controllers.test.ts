/** What people do with ReplicationControllers, which upstream's conformance tests still hold to. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1Pod, V1PodList, V1ReplicationController, V1Service } from '../../src/api/gen/types.ts';
import { KUBECTL_VERSIONS } from '../harness/kubectl.ts';
import { until } from '../harness/until.ts';
import { kubectlSession, namespaceFor } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '1');

const labels = { app: 'web' };
const container = { name: 'main', image: 'nginx', ports: [{ containerPort: 80 }] };
/** Without a selector: the template's labels are it. */
const manifest = {
  apiVersion: 'v1',
  kind: 'ReplicationController',
  metadata: { name: 'web' },
  spec: { replicas: 2, template: { metadata: { labels }, spec: { containers: [container] } } },
};

for (const version of KUBECTL_VERSIONS)
  describe(`ReplicationControllers with kubectl ${version}`, () => {
    const namespace = namespaceFor('replicas', version);
    const { run, fails, json } = kubectlSession(cluster, version, namespace);
    const controller = () => json<V1ReplicationController>('get rc web');
    const pods = async () => (await json<V1PodList>('get pods -l app=web')).items;
    const live = async () => (await pods()).filter(({ metadata }) => !metadata?.deletionTimestamp);
    const ready = (count: number) =>
      until(`${count} pods are ready`, async () => {
        const { status, metadata } = await controller();
        return status?.observedGeneration === metadata?.generation && (status?.readyReplicas ?? 0) === count && status;
      });

    test('one is made, shown, described and scaled, and heals', async () => {
      await run(`create namespace ${namespace}`);
      await run('create -f -', manifest);
      const made = await controller();
      assert.deepEqual([made.spec?.selector, made.metadata?.labels], [labels, labels]);
      assert.deepEqual(await ready(2), {
        replicas: 2,
        fullyLabeledReplicas: 2,
        readyReplicas: 2,
        availableReplicas: 2,
        observedGeneration: (await controller()).metadata?.generation,
      });
      assert.match(await run('get rc'), /^NAME +DESIRED +CURRENT +READY +AGE\nweb +2 +2 +2 +\S+\n$/);
      assert.match(await run('get rc -o wide'), /CONTAINERS +IMAGES +SELECTOR\n.* main +nginx +app=web\n/);
      const described = await run('describe rc web');
      assert.match(described, /Replicas: +2 current \/ 2 desired/);
      assert.match(described, /Pods Status: +2 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed/);
      assert.match(described, /SuccessfulCreate .* replication-controller +Created pod: web-/);
      const [pod] = await pods();
      assert.match(pod!.metadata!.name!, /^web-[a-z0-9]{5}$/);
      assert.deepEqual(
        pod!.metadata?.ownerReferences?.map(({ apiVersion, kind, name, controller: manages }) => [
          apiVersion,
          kind,
          name,
          manages,
        ]),
        [['v1', 'ReplicationController', 'web', true]],
      );
      await run(`delete pod ${pod!.metadata!.name} --grace-period=0 --force`);
      await until('there is another', async () => {
        const names = (await live()).map(({ metadata }) => metadata?.name);
        return names.length === 2 && !names.includes(pod!.metadata!.name);
      });
      await run('scale rc web --current-replicas=2 --replicas=4');
      await ready(4);
      assert.match(await fails('scale rc web --current-replicas=9 --replicas=1'), /Expected replicas to be 9, was 4/);
      await run('scale rc web --replicas=1');
      await until('one is left', async () => (await live()).length === 1);
    });

    test('a Service is made of one, and one is watched over by an autoscaler', async () => {
      await run('expose rc web --port=8080 --target-port=80');
      const { spec } = await json<V1Service>('get service web');
      assert.deepEqual([spec?.selector, spec?.ports?.[0]?.targetPort], [labels, 80]);
      await run(`autoscale rc web --min=1 --max=3 ${version === '1.20' ? '--cpu-percent=80' : '--cpu=80%'}`);
      assert.match(await run('get hpa web'), /ReplicationController\/web/);
      await run('delete service,hpa web');
    });

    test('a pod that leaves its labels is let go, and one without an owner that has them is taken', async () => {
      const [pod] = await live();
      await run(`label pod ${pod!.metadata!.name} app=other --overwrite`);
      await until('it is let go', async () => {
        const { metadata } = await json<V1Pod>(`get pod ${pod!.metadata!.name}`);
        return !metadata?.ownerReferences?.length;
      });
      await until('another has its place', async () => (await live()).length === 1);
      await run(`delete pod ${pod!.metadata!.name} --grace-period=0 --force`);
      await run('scale rc web --replicas=2');
      await ready(2);
      await run('delete rc web --cascade=orphan');
      assert.equal((await live()).length, 2, 'its pods stay');
      await run('create -f -', manifest);
      await ready(2);
      assert.equal((await live()).length, 2, 'those that were there are taken');
      await run('delete rc web');
      await until('its pods have gone', async () => (await json<V1PodList>('get pods')).items.length === 0);
    });

    test('a pod that must not be made is told in a condition, which goes when it may', async () => {
      await run('create quota few --hard=pods=1');
      await run('create -f -', { ...manifest, metadata: { name: 'many' } });
      const condition = async () =>
        (await json<V1ReplicationController>('get rc many')).status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
      const failure = await until('it is told', condition);
      assert.deepEqual([failure.status, failure.reason], ['True', 'FailedCreate']);
      assert.match(failure.message ?? '', /exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1/);
      await run('scale rc many --replicas=1');
      await until('it is told no more', async () => (await condition()) === undefined);
      await run('delete rc many');
      await run('delete quota few');
    });
  });
