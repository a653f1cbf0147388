/** Section 2 of ACCEPTANCE: kubeconfigs made by `kubectl config`, and what they are good for. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { KUBECTL_VERSIONS } from '../harness/kubectl.ts';
import { until } from '../harness/until.ts';
import {
  ADMIN_KUBECONFIG_LINES,
  AUTO_APPROVE_BINDINGS,
  BOOTSTRAPPER_BINDING,
  componentKubeconfigLines,
  SERVING_KUBELET,
  SHARED_BOOTSTRAP_LINES,
  TOKEN_BY_HAND_LINES,
} from './documents.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { makeBootstrapKubeconfigs, nodeReady, whoAmI } from './runbook-steps.ts';

const GENERATOR = resolve(import.meta.dirname, '../../bin/generate-kubelet-bootstrap-kubeconfig.sh');

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver();
  await Promise.all([
    cluster.startControllerManager(),
    cluster.sh(BOOTSTRAPPER_BINDING + AUTO_APPROVE_BINDINGS),
    makeBootstrapKubeconfigs(cluster, ['k8s-m01', 'k8s-m02']),
  ]);
});

interface Kubeconfig {
  readonly 'current-context': string;
  readonly clusters: readonly { name: string; cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { name: string; user: Readonly<Record<string, string>> }[];
  readonly contexts: readonly { name: string; context: Readonly<Record<string, string>> }[];
}

/** What kubectl reads out of a file in the master's home. */
const view = async (file: string): Promise<Kubeconfig> =>
  JSON.parse(await runbook.current.sh(`kubectl config view --raw -o json --kubeconfig=${file}`, { version: '1.35' }));

test('KCFG-01 four kubectl config calls make the bootstrap kubeconfig of a node', async () => {
  const config = await view('kubelet-bootstrap-k8s-m01.kubeconfig');
  assert.deepEqual(
    config.clusters.map(({ name }) => name),
    ['kubernetes'],
  );
  assert.deepEqual(
    config.users.map(({ name }) => name),
    ['kubelet-bootstrap'],
  );
  assert.deepEqual(config.contexts, [{ name: 'default', context: { cluster: 'kubernetes', user: 'kubelet-bootstrap' } }]);
  assert.equal(config['current-context'], 'default');
  assert.match(
    await runbook.current.sh('ls -l kubelet-bootstrap-k8s-m01.kubeconfig'),
    /^-rw------- 1 root root .* kubelet-bootstrap-k8s-m01\.kubeconfig\n$/,
  );
});

test('KCFG-02 it names the load-balanced address, and the API server answers there', async () => {
  const cluster = runbook.current;
  const config = await view('kubelet-bootstrap-k8s-m01.kubeconfig');
  assert.equal(config.clusters[0]?.cluster['server'], cluster.virtualServer);
  assert.match(cluster.virtualServer, /:8443$/);
  assert.match(await cluster.sh('kubectl get --raw /version --kubeconfig=kubelet-bootstrap-k8s-m01.kubeconfig'), /"gitVersion"/);
});

test('KCFG-03 with --embed-certs=true the authority is in the file, which works where there is no CA file', async () => {
  const cluster = runbook.current;
  const [entry] = (await view('kubelet-bootstrap-k8s-m01.kubeconfig')).clusters;
  assert.equal(entry?.cluster['certificate-authority'], undefined);
  assert.equal(
    Buffer.from(entry?.cluster['certificate-authority-data'] ?? '', 'base64').toString(),
    await cluster.sh('cat /etc/kubernetes/ssl/ca.pem'),
  );
  const answer = await cluster.sh(`
    cp kubelet-bootstrap-k8s-m01.kubeconfig elsewhere.kubeconfig
    mv /etc/kubernetes/ssl/ca.pem /etc/kubernetes/ssl/ca.pem.away
    kubectl get --raw /version --kubeconfig=elsewhere.kubeconfig && status=0 || status=1
    mv /etc/kubernetes/ssl/ca.pem.away /etc/kubernetes/ssl/ca.pem
    exit $status`);
  assert.match(answer, /"gitVersion"/);
});

test('KCFG-04 the bootstrap kubeconfig has a token and no certificate; the one that bootstrap writes has it the other way', async () => {
  const cluster = runbook.current;
  const [before] = (await view('kubelet-bootstrap-k8s-m01.kubeconfig')).users;
  assert.deepEqual(Object.keys(before?.user ?? {}), ['token']);
  assert.match(before?.user['token'] ?? '', /^[a-z0-9]{6}\.[a-z0-9]{16}$/);
  await cluster.startKubelet('k8s-m01').ready();
  const written = cluster.host('k8s-m01').path('/etc/kubernetes/kubelet.kubeconfig');
  const [after] = await until('the kubeconfig is written', async () => (await view(written)).users);
  assert.deepEqual(Object.keys(after?.user ?? {}).toSorted(), ['client-certificate', 'client-key']);
});

test('KCFG-05 one shared bootstrap.kubeconfig names the authority by its path, and a kubelet joins with it', async () => {
  const cluster = runbook.current;
  await cluster.sh(TOKEN_BY_HAND_LINES + SHARED_BOOTSTRAP_LINES);
  const [entry] = (await view('bootstrap.kubeconfig')).clusters;
  assert.equal(entry?.cluster['certificate-authority-data'], undefined);
  assert.equal(entry?.cluster['certificate-authority'], cluster.path('/etc/kubernetes/ssl/ca.pem'));
  assert.equal(entry?.cluster['server'], cluster.server);
  const bootstrapKubeconfig = `${cluster.master.home}/bootstrap.kubeconfig`;
  await cluster.startKubelet('k8s-n01', { document: SERVING_KUBELET, bootstrapKubeconfig }).ready();
  await nodeReady(cluster, 'k8s-n01');
});

test('KCFG-06 kubectl is there before the four steps: cluster, credentials, context, default context', async () => {
  const cluster = runbook.current;
  assert.match(await cluster.sh('command -v kubectl'), /kubectl\n$/);
  for (const version of KUBECTL_VERSIONS)
    assert.equal(
      await cluster.sh(`cd "$(mktemp -d -p .)" && BOOTSTRAP_TOKEN=x\n${SHARED_BOOTSTRAP_LINES}`, { version }),
      'Cluster "kubernetes" set.\nUser "kubelet-bootstrap" set.\nContext "default" created.\nSwitched to context "default".\n',
    );
});

test('KCFG-07 the administrator finds his kubeconfig in ~/.kube/config and may do everything', async () => {
  const cluster = runbook.current;
  await cluster.sh(`rm -r ~/.kube\n${ADMIN_KUBECONFIG_LINES}`);
  const config = await view('$HOME/.kube/config');
  assert.equal(config['current-context'], 'kubernetes');
  assert.deepEqual(config.contexts, [{ name: 'kubernetes', context: { cluster: 'kubernetes', user: 'admin' } }]);
  assert.deepEqual(config.users[0]?.user, {
    'client-certificate': cluster.path('/etc/kubernetes/ssl/kubelet.pem'),
    'client-key': cluster.path('/etc/kubernetes/ssl/kubelet.key'),
  });
  assert.ok((await whoAmI(cluster, '')).groups.includes('system:masters'));
  for (const version of KUBECTL_VERSIONS) {
    assert.equal(await cluster.sh("kubectl auth can-i '*' '*'", { version }), 'yes\n');
    const binding = await cluster.sh('kubectl describe clusterrolebinding cluster-admin', { version });
    assert.match(binding, /Kind: +ClusterRole\n +Name: +cluster-admin/);
    assert.match(binding, /Group +system:masters/);
  }
});

for (const [row, component] of [
  ['KCFG-08', 'kube-controller-manager'],
  ['KCFG-09', 'kube-scheduler'],
] as const) {
  test(`${row} ${component} has a kubeconfig in its own name`, async () => {
    const cluster = runbook.current;
    const user = `system:${component}`;
    await cluster.sh(componentKubeconfigLines(component, { user, context: user }));
    const config = await view(`${component}.kubeconfig`);
    assert.equal(config['current-context'], user);
    assert.deepEqual(config.contexts, [{ name: user, context: { cluster: 'kubernetes', user } }]);
    assert.equal((await whoAmI(cluster, `--kubeconfig=${component}.kubeconfig`)).username, user);
    assert.equal(await cluster.sh(`kubectl auth can-i list pods --all-namespaces --kubeconfig=${component}.kubeconfig`), 'yes\n');
  });
}

test('KCFG-10 kube-proxy has a kubeconfig with user kube-proxy, whom the API server knows as a proxier', async () => {
  const cluster = runbook.current;
  await cluster.sh(componentKubeconfigLines('kube-proxy', { user: 'kube-proxy', context: 'default' }));
  const config = await view('kube-proxy.kubeconfig');
  assert.deepEqual(config.contexts, [{ name: 'default', context: { cluster: 'kubernetes', user: 'kube-proxy' } }]);
  // M-15: without --embed-certs the file holds paths.
  assert.equal(config.users[0]?.user['client-certificate'], cluster.path('/etc/kubernetes/ssl/kube-proxy.pem'));
  assert.equal((await whoAmI(cluster, '--kubeconfig=kube-proxy.kubeconfig')).username, 'system:kube-proxy');
  for (const what of ['services', 'endpoints', 'nodes'])
    await cluster.sh(`kubectl get ${what} --kubeconfig=kube-proxy.kubeconfig`);
  assert.match(
    await cluster.sh('kubectl describe clusterrolebinding system:node-proxier'),
    /Name: +system:node-proxier\n(?:.*\n)*.*User +system:kube-proxy/,
  );
});

test('KCFG-11 kubelet.kubeconfig is not there at first, and is written with mode 0600 when bootstrap has succeeded', async () => {
  const cluster = runbook.current;
  const host = cluster.host('k8s-m02');
  const list = () => cluster.sh('ls -l /etc/kubernetes/kubelet.kubeconfig', { host });
  await assert.rejects(list, /No such file or directory/);
  await cluster.startKubelet('k8s-m02').ready();
  const listing = await until('the kubeconfig is written', list);
  assert.match(listing, /^-rw------- 1 root root +\d+ .* \/\S+\/kubelet\.kubeconfig\n$/);
  assert.equal(
    (await whoAmI(cluster, `--kubeconfig=${host.path('/etc/kubernetes/kubelet.kubeconfig')}`)).username,
    'system:node:k8s-m02',
  );
});

test('KCFG-12 a script makes the bootstrap kubeconfigs of several nodes', async () => {
  const cluster = runbook.current;
  const output = await cluster.sh(
    `cp ${GENERATOR} generate-kubelet-bootstrap-kubeconfig.sh
    export KUBE_APISERVER=${cluster.server} CA_FILE=${cluster.master.path('/etc/kubernetes/ssl/ca.pem')} ADMIN_KUBECONFIG=~/.kube/config
    ./generate-kubelet-bootstrap-kubeconfig.sh k8s-n03 k8s-n04
    stat -c '%a %n' kubelet-bootstrap-k8s-n0*.kubeconfig
    kubectl --kubeconfig kubelet-bootstrap-k8s-n04.kubeconfig auth whoami -o jsonpath='{.status.userInfo}'`,
    { version: '1.35' },
  );
  assert.match(output, /^kubelet-bootstrap-k8s-n03\.kubeconfig\nkubelet-bootstrap-k8s-n04\.kubeconfig\n/);
  assert.match(output, /\n600 kubelet-bootstrap-k8s-n04\.kubeconfig\n/);
  assert.match(output, /system:bootstrappers:k8s-n04/);
});

test('KCFG-12 the script says what it is not given', async () => {
  const refused = await runbook.current.sh(
    `${GENERATOR} 2>&1 || echo "status $?"; env -u KUBE_APISERVER ${GENERATOR} n 2>&1 || echo "status $?"`,
  );
  assert.match(refused, /Usage: .*NODE.*status 2\n.*KUBE_APISERVER is not set.*\nstatus 2\n/s);
});

test('KCFG-13 components reach the secure port of the API server, where their kubeconfig says it is', async () => {
  const cluster = runbook.current;
  const kubelet = cluster.startKubelet('k8s-n02', {
    bootstrapKubeconfig: `${cluster.master.home}/bootstrap.kubeconfig`,
  });
  await kubelet.ready();
  for (const { name, pid } of [kubelet, cluster.controllerManager])
    await until(`${name} is connected`, () =>
      cluster.sh(`ss -Htnp state established dst ${cluster.master.address}:6443 | grep pid=${pid},`),
    );
  const listening = await cluster.sh(`ss -Hltnp | grep pid=${cluster.apiserver.pid},`);
  assert.deepEqual(
    listening
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/)[3]),
    [`${cluster.master.address}:6443`],
    'no other port, and none without TLS',
  );
});
