/**
 * Section 19 of ACCEPTANCE: the add-ons that 001 names without steps (G-12). Manifests are those of their projects for Kubernetes 1.15 with
 * what the cluster sees of them. Their images need a registry: here their pods run nothing, and what their programs ask of the API is asked
 * with their accounts' rights. With pods that run: DNS in test/e2e/real-dns, volumes in real-volumes, pull secrets in real-images-logs.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type {
  V1APIService,
  V1DaemonSet,
  V1Ingress,
  V1Node,
  V1PersistentVolumeClaim,
  V1Pod,
  V1Secret,
  V1Service,
  V1StatefulSet,
} from '../../src/api/gen/types.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { readServerConfig } from '../../src/dns/server/server-config.ts';
import { type Kubectl, kubectl } from '../harness/kubectl.ts';
import { runCommand, runOrFail } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

const MANIFESTS = join(import.meta.dirname, 'addons');
const NODES = ['node-1', 'node-2'];

let cluster: Cluster;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let client: Kubectl;
before(async () => {
  const old = ['extensions/v1beta1', 'rbac.authorization.k8s.io/v1beta1', 'storage.k8s.io/v1beta1'];
  [cluster, directory] = await Promise.all([
    startCluster({ nodes: NODES.length, runtimeConfig: Object.fromEntries(old.map((version) => [version, true])) }),
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

const apply = (name: string) => client.run(['apply', '-f', join(MANIFESTS, `${name}.yaml`)]);
/** Fails unless all pods of a workload get ready. */
const rolledOut = (workload: string, namespace = 'kube-system') =>
  client.run(`-n ${namespace} rollout status ${workload} --timeout=90s`);
/** What an account says: kubectl's arguments with its name, and nothing of the administrator's rights. */
const by = (account: string) => (args: string) => client.run(`${args} --as=system:serviceaccount:${account}`);
/** What an account may not do. */
const denied = async (account: string, args: string) =>
  assert.match((await client.try(`${args} --as=system:serviceaccount:${account}`)).stderr, /\(Forbidden\)/, args);
/** A certificate and its key as `<name>.pem` and `<name>.key`; of its own, or of an authority that was made so. */
async function certificate(name: string, authority?: string): Promise<void> {
  const openssl = (...args: string[]) => runOrFail('openssl', args, here());
  const request = ['req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-subj', `/CN=${name}`];
  if (authority === undefined) await openssl(...request, '-x509', '-days', '1', '-out', `${name}.pem`);
  else {
    await openssl(...request, '-out', `${name}.csr`);
    const signed = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial', '-days', '1'];
    await openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`);
  }
}
/** Where such files are. */
const here = () => ({ cwd: directory.path });

test('ADD-01, G-12 CoreDNS is deployed at the address of cluster DNS, may see what it answers from; Muster’s own server reads its Corefile', async () => {
  await apply('coredns');
  await rolledOut('deployment/coredns');
  const { spec } = await client.json<V1Service>('-n kube-system get service kube-dns');
  assert.equal(spec!.clusterIP, '10.96.0.10');
  await by('kube-system:coredns')('get services,endpoints,pods,namespaces -A');
  await denied('kube-system:coredns', 'get secrets -A');
  const corefile = await client.run(['-n', 'kube-system', 'get', 'configmap', 'coredns', '-o', 'jsonpath={.data.Corefile}']);
  const nothing = () => assert.fail('it imports nothing');
  readServerConfig(corefile, 'Corefile', { port: 53, environment: {}, readImport: nothing, listImports: nothing });
});

test('ADD-02 an ingress controller is deployed, finds Ingresses of any version and says where they are served', async () => {
  await apply('ingress-controller');
  await rolledOut('deployment/nginx-ingress-controller', 'ingress-nginx');
  await client.run('create deployment web --image=nginx:1.17');
  await client.run('expose deployment web --port=80');
  await apply('ingress-ssl');
  const controller = by('ingress-nginx:nginx-ingress');
  for (const version of ['ingresses.extensions', 'ingresses.v1.networking.k8s.io'])
    assert.match(await controller(`get ${version} -A`), /\bssl\.test\b/);
  const path = '/apis/networking.k8s.io/v1/namespaces/default/ingresses/ssl/status';
  const found = JSON.parse(await client.run(`get --raw ${path}`)) as V1Ingress;
  found.status = { loadBalancer: { ingress: [{ ip: '192.168.20.31' }] } };
  await client.run(`replace --raw ${path} -f - --as=system:serviceaccount:ingress-nginx:nginx-ingress`, {
    input: JSON.stringify(found),
  });
  assert.match(await client.run('get ingress ssl'), /ssl\.test +192\.168\.20\.31 +80, 443/);
  await controller('-n ingress-nginx create configmap ingress-controller-leader-nginx');
  await denied('ingress-nginx:nginx-ingress', 'delete ingress ssl');
});

test('ADD-03 the demo with SSL: the controller gets the certificate and key that the Ingress names', async () => {
  await certificate('ssl.test');
  await client.run('create secret tls ssl-tls --cert=ssl.test.pem --key=ssl.test.key', here());
  const { type, data } = await secretOf('ssl-tls');
  assert.equal(type, 'kubernetes.io/tls');
  for (const [key, file] of [
    ['tls.crt', 'ssl.test.pem'],
    ['tls.key', 'ssl.test.key'],
  ] as const)
    assert.equal(Buffer.from(data![key]!, 'base64').toString(), await readFile(directory.file(file), 'utf8'));
  assert.match(await client.run('describe ingress ssl'), /ssl-tls terminates ssl\.test/);
});

test('ADD-04 the demo with client certificates: the controller gets the authority, by which a client’s certificate holds', async () => {
  await certificate('client-ca');
  await certificate('someone', 'client-ca');
  await client.run('create secret generic client-ca --from-file=ca.crt=client-ca.pem', here());
  await apply('ingress-tls-client');
  const { metadata } = await client.json<V1Ingress>('get ingress client');
  const [namespace, name] = metadata!.annotations!['nginx.ingress.kubernetes.io/auth-tls-secret']!.split('/');
  assert.equal(namespace, 'default');
  await writeFile(directory.file('got.pem'), Buffer.from((await secretOf(name!)).data!['ca.crt']!, 'base64'));
  assert.match(await runOrFail('openssl', ['verify', '-CAfile', 'got.pem', 'someone.pem'], here()), /someone\.pem: OK/);
});

test('ADD-05 Heapster is deployed, finds nodes and pods, and gets their statistics from the kubelet’s own API', async () => {
  await apply('heapster');
  await rolledOut('deployment/heapster');
  await by('kube-system:heapster')('get nodes,pods,namespaces,events -A');
  const kubeletSays = await kubeletAs('heapster', 'kube-system');
  assert.equal(JSON.parse((await kubeletSays('stats/summary')).stdout).node.nodeName, 'node-1');
  assert.match((await kubeletSays('pods')).stdout, /^Forbidden/);
});

test('ADD-06 the dashboard is deployed behind a node port, keeps its key in one Secret and may read no other', async () => {
  await apply('dashboard');
  await rolledOut('deployment/kubernetes-dashboard');
  const dashboard = by('kube-system:kubernetes-dashboard');
  const secret = JSON.parse(await dashboard('-n kube-system get secret kubernetes-dashboard-key-holder -o json')) as V1Secret;
  secret.data = { priv: Buffer.from('key').toString('base64') };
  await client.run('replace -f - --as=system:serviceaccount:kube-system:kubernetes-dashboard', { input: JSON.stringify(secret) });
  await denied('kube-system:kubernetes-dashboard', '-n kube-system get secrets');
  await denied('kube-system:kubernetes-dashboard', 'get pods');
  const { spec } = await client.json<V1Service>('-n kube-system get service kubernetes-dashboard');
  assert.ok(spec!.ports![0]!.nodePort! >= 30_000);
});

test('ADD-07, OPS-02 Prometheus is deployed, discovers what there is, and reads the pages of API server and kubelets', async () => {
  await apply('prometheus');
  await rolledOut('deployment/prometheus', 'monitoring');
  const prometheus = by('monitoring:prometheus');
  await prometheus('get nodes,services,endpoints,pods,ingresses.extensions -A');
  assert.match(await prometheus('get --raw /metrics'), /^apiserver_request_total\{/m);
  for (const path of ['metrics', 'metrics/cadvisor'])
    assert.match(await prometheus(`get --raw /api/v1/nodes/node-1/proxy/${path}`), /^# TYPE \w+ (counter|gauge)/m, path);
  assert.match((await (await kubeletAs('prometheus', 'monitoring'))('metrics')).stdout, /^kubelet_running_pods /m);
});

test('ADD-09 Grafana is deployed, with its source of data and its password', async () => {
  await apply('grafana');
  await rolledOut('deployment/grafana', 'monitoring');
  const { items } = await client.json<{ items: V1Pod[] }>('-n monitoring get pods -l app=grafana');
  assert.equal(items[0]!.spec!.securityContext!.fsGroup, 472);
});

test('ADD-10 Elasticsearch, Fluentd and Kibana are deployed: members one after the other, a collector on every node', async () => {
  await apply('efk');
  await Promise.all(
    ['statefulset/elasticsearch-logging', 'daemonset/fluentd-es', 'deployment/kibana-logging'].map((name) => rolledOut(name)),
  );
  const { status } = await client.json<V1StatefulSet>('-n kube-system get statefulset elasticsearch-logging');
  assert.equal(status!.readyReplicas, 2);
  const { items } = await client.json<{ items: V1Pod[] }>('-n kube-system get pods -l k8s-app=fluentd-es');
  assert.deepEqual(items.map(({ spec }) => spec!.nodeName).sort(), NODES);
  await by('kube-system:fluentd-es')('get pods,namespaces -A');
});

test('ADD-11 a pull secret is made, and every pod of the account that has it uses it', async () => {
  await client.run(
    'create secret docker-registry registry --docker-server=registry.test --docker-username=me --docker-password=secret',
  );
  await client.run(['patch', 'serviceaccount', 'default', '-p', '{"imagePullSecrets":[{"name":"registry"}]}']);
  const { spec } = await until('a pod of the account has it', async () => {
    const pod = await client.json<V1Pod>('run private --image=registry.test/private:1 --dry-run=server');
    return pod.spec!.imagePullSecrets && pod;
  });
  assert.deepEqual(spec!.imagePullSecrets, [{ name: 'registry' }]);
  const { type, data } = await client.json<V1Secret>('get secret registry');
  assert.equal(type, 'kubernetes.io/dockerconfigjson');
  const { auths } = JSON.parse(Buffer.from(data!['.dockerconfigjson']!, 'base64').toString());
  assert.equal(auths['registry.test'].username, 'me');
});

test('ADD-12 a CSI driver is told of, and its plugin is on every node', async () => {
  await apply('csi');
  await rolledOut('daemonset/csi-rbdplugin');
  const { status } = await client.json<V1DaemonSet>('-n kube-system get daemonset csi-rbdplugin');
  assert.equal(status!.numberReady, NODES.length);
  assert.match(await client.run('get csidriver'), /^rbd\.csi\.ceph\.com +true +false/m);
  await by('kube-system:rbd-csi')('get csinodes,volumeattachments,nodes');
});

for (const [id, kind, isDefault] of [
  ['ADD-13', 'rbd', true],
  ['ADD-14', 'cephfs', false],
] as const)
  test(`${id} a class of Ceph’s ${kind}${isDefault ? ', the default one,' : ''} waits for its provisioner, whose volume the claim gets`, async () => {
    await apply(`ceph-${kind}`);
    await rolledOut(`deployment/${kind}-provisioner`);
    const claim = () => client.json<V1PersistentVolumeClaim>(`get pvc ${kind}-claim`);
    const { metadata, spec } = await until('the provisioner is asked', async () => {
      const found = await claim();
      return found.metadata!.annotations?.['volume.kubernetes.io/storage-provisioner'] === `ceph.com/${kind}` && found;
    });
    assert.equal(spec!.storageClassName, `ceph-${kind}`);
    await until('who is waited for is told', async () =>
      /ExternalProvisioning.*ceph\.com/.test(await client.run(`describe pvc ${kind}-claim`)),
    );
    await client.run(`create -f - --as=system:serviceaccount:kube-system:${kind}-provisioner`, {
      input: JSON.stringify(cephVolume(kind, metadata!.uid!)),
    });
    await until('the claim is bound', async () => (await claim()).status!.phase === 'Bound');
    assert.equal((await claim()).spec!.volumeName, `pvc-${metadata!.uid}`);
  });

test('ADD-15 metrics-server is deployed with a certificate of its own, may do its work, and its API is looked for', async () => {
  await certificate('metrics-server');
  const files = '--from-file=metrics-server.pem --from-file=metrics-server.key';
  await client.run(`-n kube-system create secret generic metrics-server-certs ${files}`, here());
  await apply('metrics-server');
  await rolledOut('deployment/metrics-server');
  const server = by('kube-system:metrics-server');
  await server('get nodes,pods,namespaces -A');
  await server('-n kube-system get configmap extension-apiserver-authentication');
  assert.match(await server('auth can-i create subjectaccessreviews.authorization.k8s.io'), /^yes/);
  const stats = await (await kubeletAs('metrics-server', 'kube-system'))('stats/summary');
  assert.equal(JSON.parse(stats.stdout).node.nodeName, 'node-1');
  const told = async () =>
    (await client.json<V1APIService>('get apiservice v1beta1.metrics.k8s.io')).status?.conditions?.find(
      ({ type }) => type === 'Available',
    );
  // Nothing listens in a hollow pod; with a program that does, test/e2e/autoscaling.
  assert.equal((await until('its API is looked at', told)).status, 'False');
  // Its ClusterRole adds to the role that users get.
  await client.run('create rolebinding joe --clusterrole=view --user=joe');
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user: 'joe', resourceAttributes: { namespace: 'default', verb: 'list', group: 'metrics.k8s.io', resource: 'pods' } },
  };
  await until('who may view may see metrics', async () =>
    /"allowed": true/.test(await client.run('create -o json -f -', { input: JSON.stringify(review) })),
  );
});

/** As the ingress controller sees it. */
async function secretOf(name: string): Promise<V1Secret> {
  const path = `/api/v1/namespaces/default/secrets?fieldSelector=metadata.name=${name}`;
  const { items } = JSON.parse(await by('ingress-nginx:nginx-ingress')(`get --raw ${path}`)) as { items: V1Secret[] };
  assert.equal(items.length, 1);
  return items[0]!;
}

/** Asks node-1's kubelet itself, with the token of an account. */
async function kubeletAs(account: string, namespace: string) {
  const newer = kubectl('1.35', directory.file('kubeconfig'), directory.path);
  const token = (await newer.run(`-n ${namespace} create token ${account}`)).trim();
  const { status } = await client.json<V1Node>('get node node-1');
  const address = status!.addresses!.find(({ type }) => type === 'InternalIP')!.address;
  const url = `https://${address}:${status!.daemonEndpoints!.kubeletEndpoint!.Port}`;
  return (path: string) => runCommand('curl', ['-s', '-k', '-H', `Authorization: Bearer ${token}`, `${url}/${path}`]);
}

/** What a provisioner makes of a claim. */
function cephVolume(kind: 'rbd' | 'cephfs', uid: string) {
  const monitors = ['192.168.20.31:6789'];
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `pvc-${uid}`, annotations: { 'pv.kubernetes.io/provisioned-by': `ceph.com/${kind}` } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      storageClassName: `ceph-${kind}`,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'default', name: `${kind}-claim`, uid },
      ...(kind === 'rbd' ? { rbd: { monitors, image: `kubernetes-${uid}` } } : { cephfs: { monitors, path: `/volumes/${uid}` } }),
    },
  };
}
