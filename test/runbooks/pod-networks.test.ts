/** Section 18 of ACCEPTANCE, what is about manifests: they are applied as the runbooks do. What makes the networks is in test/e2e. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { V1ConfigMap, V1DaemonSet, V1Pod, V1Secret, V1Service } from '../../src/api/gen/types.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { readCalicoSettings } from '../../src/network/bgp/settings.ts';
import { parseNetConf } from '../../src/network/flannel/net-conf.ts';
import { type Kubectl, kubectl } from '../harness/kubectl.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';
import { CALICO_ETCD, FLANNEL_LEGACY, FLANNEL_RBAC } from './network-manifests.ts';

let cluster: Cluster;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let client: Kubectl;
before(async () => {
  [cluster, directory] = await Promise.all([
    startCluster({ nodes: 2, runtimeConfig: { 'extensions/v1beta1': true, 'rbac.authorization.k8s.io/v1beta1': true } }),
    temporaryDirectory(),
  ]);
  const kubeconfig = directory.file('kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
  client = kubectl('1.20', kubeconfig, directory.path);
});
after(async () => {
  await cluster?.close();
  await directory?.[Symbol.asyncDispose]();
});

const system = (arguments_: string) => client.run(`-n kube-system ${arguments_}`);
const json = <T>(arguments_: string) => client.json<T>(`-n kube-system ${arguments_}`);
const rolledOut = async (daemonSet: string) => void (await system(`rollout status daemonset/${daemonSet} --timeout=60s`));

test('NET-18 flannel’s two manifests are applied, and a pod of its DaemonSet is on every node', async () => {
  await writeFile(directory.file('kube-flannel-rbac.yml'), FLANNEL_RBAC);
  await writeFile(directory.file('kube-flannel-legacy.yml'), FLANNEL_LEGACY);
  const said = await client.run('apply -f kube-flannel-rbac.yml -f kube-flannel-legacy.yml', { cwd: directory.path });
  assert.match(said, /clusterrole\S* created.*daemonset\S* created/s);
  // Of extensions/v1beta1 it has the strategy OnDelete, for which kubectl has no rollout status.
  const isReady = async () => (await json<V1DaemonSet>('get daemonset kube-flannel-ds')).status?.numberReady === 2;
  await until('its pods are ready', isReady, { timeoutMs: 60_000 });
  const { items } = await json<{ items: V1Pod[] }>('get pods -l app=flannel');
  assert.deepEqual(new Set(items.map(({ spec }) => spec!.nodeName)), new Set(['node-1', 'node-2']));
});

test('NET-19 its ConfigMap is what Muster’s own flanneld reads', async () => {
  const { data } = await json<V1ConfigMap>('get configmap kube-flannel-cfg');
  const { networks, backend } = parseNetConf(data!['net-conf.json']!);
  assert.deepEqual([networks[0]?.cidr, backend.type], ['10.64.0.0/10', 'vxlan']);
});

test('NET-06, NET-07 Calico’s manifest is applied with what was edited in it', async () => {
  await writeFile(directory.file('calico-etcd.yaml'), CALICO_ETCD);
  await client.run('apply -f calico-etcd.yaml', { cwd: directory.path });
  const { data } = await json<V1ConfigMap>('get configmap calico-config');
  assert.equal(data!['typha_service_name'], 'calico-typha');
});

test('NET-09 the Secret holds the client’s key, certificate and authority', async () => {
  const { type, data } = await json<V1Secret>('get secret calico-etcd-secrets');
  assert.equal(type, 'Opaque');
  const texts = Object.entries(data!).map(([name, text]) => `${name}: ${Buffer.from(text, 'base64')}`);
  assert.deepEqual(texts.sort(), ['etcd-ca: authority\n', 'etcd-cert: certificate\n', 'etcd-key: key\n']);
});

test('NET-10, NET-11 the ConfigMap names etcd, its files, the backend and the plugin', async () => {
  const { data } = await json<V1ConfigMap>('get configmap calico-config');
  assert.equal(data!['etcd_endpoints']!.split(',').length, 3);
  assert.deepEqual(
    ['etcd_ca', 'etcd_cert', 'etcd_key'].map((name) => data![name]),
    ['/calico-secrets/etcd-ca', '/calico-secrets/etcd-cert', '/calico-secrets/etcd-key'],
  );
  assert.equal(data!['calico_backend'], 'bird');
  const { plugins } = JSON.parse(data!['cni_network_config']!) as { plugins: { type: string }[] };
  assert.deepEqual(
    plugins.map(({ type }) => type),
    ['calico'],
  );
  // Of these, what counts for Muster's own agent, and what it says of the rest.
  const settings = readCalicoSettings({ ETCD_ENDPOINTS: data!['etcd_endpoints'], CALICO_NETWORKING_BACKEND: 'bird' });
  assert.deepEqual(settings.remarks, ['ETCD_ENDPOINTS: no effect, everything is kept in the Kubernetes API']);
});

test('NET-12, NET-08 calico-node is on every node, in its network, after install-cni, with the environment as edited', async () => {
  await rolledOut('calico-node');
  const { items } = await json<{ items: V1Pod[] }>('get pods -l k8s-app=calico-node');
  assert.deepEqual(new Set(items.map(({ spec }) => spec!.nodeName)), new Set(['node-1', 'node-2']));
  for (const { spec, status } of items) {
    assert.equal(spec!.hostNetwork, true);
    assert.equal(status!.podIP, status!.hostIP);
    assert.deepEqual(
      spec!.initContainers!.map(({ name }) => name),
      ['install-cni', 'flexvol-driver'],
    );
    const mounts = spec!.initContainers![0]!.volumeMounts!.map(({ mountPath }) => mountPath);
    assert.ok(mounts.includes('/host/opt/cni/bin') && mounts.includes('/host/etc/cni/net.d'));
    const environment = Object.fromEntries(spec!.containers[0]!.env!.map(({ name, value }) => [name, value]));
    assert.equal(readCalicoSettings(environment).defaultPool!.cidr, '10.64.0.0/10');
  }
});

test('NET-15 images are replaced by those of another registry, node by node', async () => {
  const images = ['install-cni=registry.test/calico/cni:v3.9.1', 'calico-node=registry.test/calico/node:v3.9.1'];
  await system(
    `set image daemonset/calico-node ${images.join(' ')} flexvol-driver=registry.test/calico/pod2daemon-flexvol:v3.9.1`,
  );
  await rolledOut('calico-node');
  await system(
    'set image deployment/calico-kube-controllers calico-kube-controllers=registry.test/calico/kube-controllers:v3.9.1',
  );
  await system('rollout status deployment/calico-kube-controllers --timeout=60s');
  const { status } = await json<V1DaemonSet>('get daemonset calico-node');
  assert.deepEqual([status!.updatedNumberScheduled, status!.numberReady], [2, 2]);
  const { items } = await json<{ items: V1Pod[] }>('get pods -l k8s-app=calico-node');
  const used = items.filter(({ metadata }) => !metadata!.deletionTimestamp).map(({ spec }) => spec!.containers[0]!.image);
  assert.deepEqual(new Set(used), new Set(['registry.test/calico/node:v3.9.1']));
});

test('NET-02 Services have addresses of their own network, which no node and no pod is in', async () => {
  await client.run('create service clusterip web --tcp=80');
  const { spec } = await client.json<V1Service>('get service web');
  const [a, b] = spec!.clusterIP!.split('.').map(Number);
  assert.ok(a === 10 && b! >= 96 && b! < 112, `${spec!.clusterIP} is of 10.96.0.0/12`);
  const { items } = await client.json<{ items: { spec: { podCIDRs: string[] } }[] }>('get nodes');
  for (const { spec: node } of items) for (const cidr of node.podCIDRs) assert.doesNotMatch(cidr, /^10\.(9[6-9]|10\d|11[01])\./);
});
