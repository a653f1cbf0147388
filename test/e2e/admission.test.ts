import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { V1LimitRange, V1PersistentVolumeClaim, V1Pod, V1ResourceQuota } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { type KubectlSession, kubectlSession } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '1');

const object = (apiVersion: string, kind: string, name: string, more: object = {}) => ({
  apiVersion,
  kind,
  metadata: { name },
  ...more,
});
const pod = (name: string, container: object = {}, spec: object = {}) =>
  object('v1', 'Pod', name, { spec: { containers: [{ name: 'c', image: 'nginx', ...container }], ...spec } });

function inNamespaceOf(topic: string): KubectlSession {
  const session = kubectlSession(cluster, '1.35', topic);
  before(async () => {
    await session.run(`create namespace ${topic}`);
    await until('the namespace has its account', async () => (await session.try('get serviceaccount default')).status === 0);
  });
  return session;
}

describe('resource quotas', () => {
  const { run, fails, json } = inNamespaceOf('quotas');
  const used = async (name: string) => (await json<V1ResourceQuota>(`get quota ${name}`)).status?.used;
  const usedBecomes = (name: string, wanted: object) =>
    until(`quota ${name} has ${JSON.stringify(wanted)}`, async () => {
      assert.deepEqual(await used(name), wanted);
      return true;
    });

  test('say what is used, and let nothing in that they have no room for', async () => {
    await run('create quota compute --hard=pods=2,requests.cpu=1');
    await usedBecomes('compute', { pods: '0', 'requests.cpu': '0' });
    assert.match(
      await fails('run none --image=nginx'),
      /pods "none" is forbidden: failed quota: compute: must specify requests\.cpu for: none/,
    );
    await run('create -f -', pod('a', { resources: { requests: { cpu: '600m' } } }));
    await usedBecomes('compute', { pods: '1', 'requests.cpu': '600m' });
    assert.match(
      await fails('create -f -', pod('b', { resources: { requests: { cpu: '500m' } } })),
      /exceeded quota: compute, requested: requests\.cpu=500m, used: requests\.cpu=600m, limited: requests\.cpu=1/,
    );
    assert.match(await run('describe quota compute'), /requests\.cpu +600m +1/);
    await run('delete pod a --wait=false');
    await usedBecomes('compute', { pods: '0', 'requests.cpu': '0' });
    await run('delete quota compute');
  });

  test('of ten pods at once with room for three, three come in', async () => {
    await run('create quota three --hard=pods=3');
    await usedBecomes('three', { pods: '0' });
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, i) => cluster.current.kubectl('1.35').try(`run p${i} --image=nginx -n quotas`)),
    );
    assert.equal(made.filter(({ status }) => status === 0).length, 3);
    assert.deepEqual(await used('three'), { pods: '3' });
    await run('delete pods --all --force --grace-period=0');
    await usedBecomes('three', { pods: '0' });
    await run('delete quota three');
  });

  test('count objects of any kind, and services by what they take', async () => {
    await run(
      'create quota objects --hard=count/configmaps=3,secrets=1,services=2,services.nodeports=1,count/deployments.apps=1',
    );
    await usedBecomes('objects', {
      'count/configmaps': '1',
      'count/deployments.apps': '0',
      secrets: '0',
      services: '0',
      'services.nodeports': '0',
    });
    await run('create secret generic s');
    assert.match(
      await fails('create secret generic t'),
      /secrets "t" is forbidden: exceeded quota: objects, requested: secrets=1, used: secrets=1, limited: secrets=1/,
    );
    await run('create service nodeport n --tcp=80');
    assert.match(await fails('create service nodeport m --tcp=80'), /requested: services\.nodeports=1/);
    await run('create service clusterip c --tcp=80');
    assert.match(await fails(['patch', 'service', 'c', '-p', '{"spec":{"type":"NodePort"}}']), /exceeded quota: objects/);
    await run('delete service n');
    await usedBecomes('objects', {
      'count/configmaps': '1',
      'count/deployments.apps': '0',
      secrets: '1',
      services: '1',
      'services.nodeports': '0',
    });
    await run(['patch', 'service', 'c', '-p', '{"spec":{"type":"NodePort"}}']);
    await run('create deployment d --image=nginx --dry-run=server');
    await run('create deployment d --image=nginx');
    assert.match(await fails('create deployment e --image=nginx'), /deployments\.apps "e" is forbidden: exceeded quota/);
  });
});

describe('limit ranges', () => {
  const { run, fails, json } = inNamespaceOf('limits');
  const limits = object('v1', 'LimitRange', 'l', {
    spec: {
      limits: [
        { type: 'Container', max: { cpu: '1' }, min: { cpu: '50m' }, default: { cpu: '500m' }, defaultRequest: { cpu: '100m' } },
        { type: 'PersistentVolumeClaim', max: { storage: '1Gi' } },
      ],
    },
  });

  test('give containers what they lack and refuse what is beyond', async () => {
    await run('create -f -', limits);
    assert.deepEqual((await json<V1LimitRange>('get limits l')).spec?.limits?.[0]?.default, { cpu: '500m' });
    await run('run web --image=nginx');
    const { metadata, spec, status } = await json<V1Pod>('get pod web');
    assert.deepEqual(spec?.containers[0]?.resources, { limits: { cpu: '500m' }, requests: { cpu: '100m' } });
    assert.equal(
      metadata?.annotations?.['kubernetes.io/limit-ranger'],
      'LimitRanger plugin set: cpu request for container web; cpu limit for container web',
    );
    assert.equal(status?.qosClass, 'Burstable');
    assert.match(
      await fails('create -f -', pod('big', { resources: { limits: { cpu: '2' } } })),
      /pods "big" is forbidden: maximum cpu usage per Container is 1, but limit is 2/,
    );
    const claim = object('v1', 'PersistentVolumeClaim', 'c', {
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } } },
    });
    assert.match(await fails('create -f -', claim), /maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi/);
  });
});

describe('pod security', () => {
  const { run, fails, try: attempt } = inNamespaceOf('secure');

  test('a restricted namespace refuses pods, warns of what makes them, and of pods that are there', async () => {
    await run('run early --image=nginx');
    const labelled = await attempt(
      'label namespace secure pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/warn=restricted',
    );
    assert.match(
      labelled.stderr,
      /Warning: existing pods in namespace "secure" violate the new PodSecurity enforce level "restricted:latest"\nWarning: early: allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile/,
    );
    assert.match(
      await fails('run late --image=nginx'),
      /pods "late" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container "late" must set securityContext\.allowPrivilegeEscalation=false\)/,
    );
    const deployed = await attempt('create deployment d --image=nginx');
    assert.equal(deployed.status, 0);
    assert.match(deployed.stderr, /Warning: would violate PodSecurity "restricted:latest": .*runAsNonRoot != true/);
    const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
    const spec = { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } };
    await run('create -f -', pod('good', { securityContext }, spec));
    assert.match(
      await fails('label namespace secure --overwrite pod-security.kubernetes.io/enforce=strict'),
      /must be one of privileged, baseline, restricted/,
    );
  });
});

describe('storage', () => {
  const { run, fails, json, try: attempt } = inNamespaceOf('storage');
  const claim = (name: string, spec: object = {}) =>
    object('v1', 'PersistentVolumeClaim', name, {
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
    });
  const read = (name: string) => json<V1PersistentVolumeClaim>(`get pvc ${name}`);

  test('a claim gets the default class, and cannot grow where nothing says that it can', async () => {
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    await run('create -f -', {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'fast', annotations },
      provisioner: 'example.com/p',
    });
    await run('create -f -', claim('defaulted'));
    assert.equal((await read('defaulted')).spec?.storageClassName, 'fast');
    await run('create -f -', claim('own', { storageClassName: 'other' }));
    assert.equal((await read('own')).spec?.storageClassName, 'other');
    const grow = ['patch', 'pvc', 'defaulted', '-p', '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'];
    assert.match(await fails(grow), /forbidden/i);
  });

  test('a claim that a pod uses stays until the pod has gone', async () => {
    await run('create -f -', claim('used'));
    assert.deepEqual((await read('used')).metadata?.finalizers, ['kubernetes.io/pvc-protection']);
    // No volume is bound to the claim: the scheduler would leave its pod waiting.
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'used' } }];
    await run('create -f -', pod('user', {}, { nodeName: 'node-1', volumes }));
    await run('delete pvc used --wait=false');
    await run('get pvc used');
    assert.match(await run('get pvc used'), /Terminating/);
    await run('delete pod user --force --grace-period=0');
    await until('the claim has gone', async () => (await attempt('get pvc used')).status !== 0);
    await run('delete pvc defaulted own --timeout=90s');
  });
});
