import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V1PodSpec } from '../../src/api/gen/types.ts';
import type { Kubectl } from '../harness/kubectl.ts';
import { startRealCluster } from '../harness/real-cluster.ts';
import { until } from '../harness/until.ts';

const IMAGE = 'registry.test/busybox:1';

const podOf = (name: string, spec: Partial<V1PodSpec>, metadata: object = {}): V1Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 0, containers: [], ...spec },
});

const create = (kubectl: Kubectl, ...items: object[]) =>
  kubectl.run('create -f -', { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });

/** What a pod that ends by itself has printed. */
async function outputOf(kubectl: Kubectl, name: string): Promise<string> {
  await until(`${name} has ended`, async () => (await kubectl.json<V1Pod>(`get pod ${name}`)).status?.phase === 'Succeeded', {
    timeoutMs: 60_000,
  });
  return kubectl.run(`logs ${name}`);
}

test('containers are told of their world: variables, name servers, names and hosts', async () => {
  await using cluster = await startRealCluster();
  const kubectl = cluster.kubectl('1.35');
  const ports = [{ port: 5432 }];
  await create(
    kubectl,
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { colour: 'red', 'with.dot': 'x' } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' }, stringData: { token: 't0ken' } },
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'my-db' }, spec: { selector: { app: 'db' }, ports } },
  );
  const { spec: service } = await kubectl.json<{ spec: { clusterIP: string } }>('get service my-db');
  const valueFrom = (name: string, source: object) => ({ name, valueFrom: source });
  const told = podOf(
    'told',
    {
      hostname: 'me',
      subdomain: 'team',
      setHostnameAsFQDN: true,
      hostAliases: [{ ip: '10.9.8.7', hostnames: ['alias'] }],
      dnsConfig: { options: [{ name: 'timeout', value: '1' }] },
      volumes: [{ name: 'files', emptyDir: {} }],
      initContainers: [
        {
          name: 'write',
          image: IMAGE,
          command: ['sh', '-c', `echo "FROM_FILE='a file'" > /files/env`],
          volumeMounts: [{ name: 'files', mountPath: '/files' }],
        },
      ],
      containers: [
        {
          name: 'c',
          image: IMAGE,
          command: ['sh', '-c'],
          args: [
            'env; echo expanded "$(GREETING)" \'$$(GREETING) $(NOBODY)\'; echo hostname $(hostname); cat /etc/resolv.conf /etc/hosts',
          ],
          resources: { limits: { memory: '64Mi' }, requests: { cpu: '50m' } },
          envFrom: [{ configMapRef: { name: 'settings' }, prefix: 'CM_' }, { secretRef: { name: 'none', optional: true } }],
          env: [
            { name: 'GREETING', value: 'hello $(CM_colour) $(MY_DB_SERVICE_HOST)' },
            valueFrom('TOKEN', { secretKeyRef: { name: 'keys', key: 'token' } }),
            valueFrom('LABEL', { fieldRef: { fieldPath: "metadata.labels['app']" } }),
            valueFrom('NODE', { fieldRef: { fieldPath: 'spec.nodeName' } }),
            valueFrom('ACCOUNT', { fieldRef: { fieldPath: 'spec.serviceAccountName' } }),
            valueFrom('IP', { fieldRef: { fieldPath: 'status.podIP' } }),
            valueFrom('HOST_IP', { fieldRef: { fieldPath: 'status.hostIP' } }),
            valueFrom('MEMORY', { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } }),
            valueFrom('CPU', { resourceFieldRef: { resource: 'requests.cpu', divisor: '1m' } }),
            valueFrom('FROM_FILE', { fileKeyRef: { volumeName: 'files', path: 'env', key: 'FROM_FILE' } }),
          ],
        },
      ],
    },
    { labels: { app: 'web' } },
  );
  await create(kubectl, told);
  const lines = (await outputOf(kubectl, 'told')).split('\n');
  const pod = await kubectl.json<V1Pod>('get pod told');
  const ip = pod.status!.podIP!;
  for (const line of [
    'CM_colour=red',
    'TOKEN=t0ken',
    'LABEL=web',
    `NODE=${cluster.nodeName}`,
    'ACCOUNT=default',
    `IP=${ip}`,
    'HOST_IP=127.0.0.1',
    'MEMORY=64',
    'CPU=50',
    'FROM_FILE=a file',
    `MY_DB_SERVICE_HOST=${service.clusterIP}`,
    `MY_DB_PORT_5432_TCP=tcp://${service.clusterIP}:5432`,
    'KUBERNETES_SERVICE_PORT_HTTPS=443',
    `expanded hello red ${service.clusterIP} $(GREETING) $(NOBODY)`,
    'hostname me.team.default.svc.cluster.local',
    'nameserver 10.96.0.10',
    'options ndots:5 timeout:1',
    '# Kubernetes-managed hosts file.',
    `${ip}\tme.team.default.svc.cluster.local\tme`,
    '10.9.8.7\talias',
  ])
    assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
  assert.ok(lines.some((line) => line.startsWith('search default.svc.cluster.local svc.cluster.local cluster.local')));

  const command = ['sh', '-c', 'env; cat /etc/hosts'];
  const quiet = podOf('quiet', {
    enableServiceLinks: false,
    hostNetwork: true,
    containers: [{ name: 'c', image: IMAGE, command }],
  });
  await create(kubectl, quiet);
  const output = await outputOf(kubectl, 'quiet');
  assert.ok(output.includes('KUBERNETES_SERVICE_HOST=') && !output.includes('MY_DB'), output);
  assert.ok(output.includes('# Kubernetes-managed hosts file (host network).'), output);

  // What is missing is told, and waited for.
  const env = [valueFrom('X', { configMapKeyRef: { name: 'later', key: 'k' } })];
  const reasonOf = async () => (await kubectl.json<V1Pod>('get pod waits')).status?.containerStatuses?.[0]?.state?.waiting;
  await create(
    kubectl,
    podOf('waits', { containers: [{ name: 'c', image: IMAGE, env, command: ['sh', '-c', 'echo X is $X'] }] }),
  );
  const missing = await until('the ConfigMap is missed', async () => {
    const waiting = await reasonOf();
    return waiting?.reason === 'CreateContainerConfigError' && waiting.message;
  });
  assert.equal(missing, 'configmap "later" not found');
  await kubectl.run('create configmap later --from-literal=other=1');
  await until('the key is missed', async () => (await reasonOf())?.message === "couldn't find key k in ConfigMap default/later", {
    timeoutMs: 60_000,
  });
  const events = await kubectl.run('get events --field-selector involvedObject.name=waits');
  assert.match(events, /Failed +pod\/waits +Error: configmap "later" not found/);
  await kubectl.run('patch configmap later -p {"data":{"k":"here"}}');
  assert.equal(await outputOf(kubectl, 'waits'), 'X is here\n');

  await kubectl.run('delete pods --all');
  await cluster.expectNothingLeft();
});
