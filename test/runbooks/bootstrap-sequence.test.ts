/** The whole way of 001 from the token to the renewed certificate, and what happens to nodes that share a name (004). */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { until } from '../harness/until.ts';
import {
  AUTO_APPROVE_BINDINGS,
  BOOTSTRAPPER_BINDING,
  SERVING_KUBELET,
  SHARED_BOOTSTRAP_LINES,
  TOKEN_BY_HAND_LINES,
  WORKER_KUBELET,
} from './documents.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { nodeReady, signingRequests, statusWithToken } from './runbook-steps.ts';

const runbook = useRunbookCluster((cluster) => cluster.startApiserver());
afterEach(() => runbook.current.controllerManager.stop());

test('TLSB-10 from the token to the renewed certificate in the documents order', async () => {
  const cluster = runbook.current;
  const printed = await cluster.sh(`${TOKEN_BY_HAND_LINES}\necho $BOOTSTRAP_TOKEN`); // (1)
  const token = printed.trim().split('\n').at(-1) ?? '';
  await cluster.sh(BOOTSTRAPPER_BINDING + AUTO_APPROVE_BINDINGS); // (2)
  // (3) Signers date certificates five minutes back: the renewal of one that is valid for half a minute is due at once.
  await cluster.startControllerManager({ flags: ['--experimental-cluster-signing-duration=30s'] });
  await cluster.sh(`BOOTSTRAP_TOKEN=${token}\n${SHARED_BOOTSTRAP_LINES}`); // (4)
  const kubelet = cluster.startKubelet('k8s-node-1', {
    document: SERVING_KUBELET,
    bootstrapKubeconfig: `${cluster.master.home}/bootstrap.kubeconfig`,
  }); // (5)
  await kubelet.ready(); // (6)
  await nodeReady(cluster, 'k8s-node-1');
  const { pid } = kubelet;
  await cluster.sh(`kubectl delete secret -n kube-system bootstrap-token-${token.slice(0, 6)}`);
  assert.equal(await statusWithToken(cluster, token), 401);

  const host = cluster.host('k8s-node-1');
  const newest = () => cluster.sh('readlink /etc/kubernetes/cert/kubelet-client-current.pem', { host });
  const withoutToken = await newest();
  await until('the certificate is renewed, without the token', async () => (await newest()) !== withoutToken); // (7)
  const users = (await signingRequests(cluster)).map((csr) => csr.spec.username);
  assert.ok(users.includes('system:node:k8s-node-1'), String(users));
  await nodeReady(cluster, 'k8s-node-1');
  assert.equal(kubelet.pid, pid);
  assert.equal(kubelet.process.exitStatus, undefined);
});

test('QA-04, G-10 two kubelets of one name are one node; each its own name, old files gone, and there are two', async () => {
  const cluster = runbook.current;
  await cluster.trySh(BOOTSTRAPPER_BINDING + AUTO_APPROVE_BINDINGS);
  await cluster.startControllerManager();
  await cluster.sh(TOKEN_BY_HAND_LINES + SHARED_BOOTSTRAP_LINES);
  const bootstrapKubeconfig = `${cluster.master.home}/bootstrap.kubeconfig`;
  const same = 'py-modelo2o08cn-p005.pek3.wecash.net';
  const hosts = ['p005', 'p006'];
  const kubelets = hosts.map((host) => cluster.startKubelet(host, { nodeName: same, bootstrapKubeconfig }));
  await Promise.all(kubelets.map((kubelet) => kubelet.ready()));
  await nodeReady(cluster, same);
  const names = async () => (await cluster.sh('kubectl get nodes -o name')).trim().split('\n');
  assert.deepEqual(
    (await names()).filter((name) => /p00/.test(name)),
    [`node/${same}`],
  );
  await Promise.all(kubelets.map((kubelet) => kubelet.stop()));

  // A name alone does not do: the certificate still says the old one.
  const renamed = (host: string) => cluster.startKubelet(host, { bootstrapKubeconfig });
  const wrong = renamed('p006');
  await wrong.waitFor(/node \\"py-modelo2o08cn-p005\.pek3\.wecash\.net\\" is not allowed to modify node \\"p006\\"/);
  await wrong.stop();

  for (const name of hosts) {
    const host = cluster.host(name);
    await cluster.sh('rm -rf kubelet-*', { host, cwd: host.path(WORKER_KUBELET.certificateDirectory) });
    await cluster.sh('rm -rf kubelet.kubeconfig', { host, cwd: host.path('/etc/kubernetes') });
    await renamed(name).ready();
    const node = await nodeReady(cluster, name);
    assert.ok(node.status?.addresses?.some(({ type, address }) => type === 'InternalIP' && address === host.address));
  }
});
