/** Section 13 of ACCEPTANCE: what each flag of the documents' controller-manager does. KCM-06, 07 and 24 are seen in `signing.test.ts`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Lease, V1Node, V1Secret, V1ServiceAccount } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { CSR_CRB_LINES } from './csr-crb-manifest.ts';
import { BOOTSTRAPPER_BINDING } from './documents.ts';
import { once } from './once.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { makeBootstrapKubeconfigs, nodeJoined, tokenFlags, whoAmI } from './runbook-steps.ts';

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver();
  // Half a minute of silence is a long time for a test.
  await cluster.startControllerManager({ flags: ['--node-monitor-period=500ms', '--node-monitor-grace-period=4s'] });
  await Promise.all([
    makeBootstrapKubeconfigs(cluster, ['node1']),
    cluster.sh(BOOTSTRAPPER_BINDING),
    cluster.sh(`${CSR_CRB_LINES}\nkubectl apply -f csr-crb.yaml`),
  ]);
});
const sh = (script: string) => runbook.current.sh(script);
const json = <T>(args: string) => runbook.current.kubectl135.json<T>(args);

const tokenSecret = once(() =>
  until('the account has a token', async () =>
    (await json<{ items: V1Secret[] }>('get secret')).items.find(({ type }) => type === 'kubernetes.io/service-account-token'),
  ),
);
const joined = once(async () => {
  const kubelet = runbook.current.startKubelet('node1');
  await nodeJoined(runbook.current, 'node1');
  return kubelet;
});

test('KCM-01 it signs the tokens of accounts, which the API server takes', async () => {
  const { data } = await tokenSecret();
  const token = Buffer.from(data?.['token'] ?? '', 'base64').toString();
  const { username } = await whoAmI(runbook.current, tokenFlags(runbook.current, token));
  assert.equal(username, 'system:serviceaccount:default:default');
});

test('KCM-02 accounts and namespaces have the authority that the API server is checked by', async () => {
  const authority = await sh('cat /etc/kubernetes/ssl/ca.pem');
  const { data } = await tokenSecret();
  assert.equal(Buffer.from(data?.['ca.crt'] ?? '', 'base64').toString(), authority);
  assert.equal(await sh("kubectl get configmap kube-root-ca.crt -o jsonpath='{.data.ca\\.crt}'"), authority);
});

test('KCM-04, KCM-10 each node gets a part of the pod range', async () => {
  await joined();
  const range = await until('the node has a range', async () => (await json<V1Node>('get node node1')).spec?.podCIDR);
  const [, second = 0] = range.split('.').map(Number);
  assert.match(range, /^10\.\d+\.\d+\.0\/24$/);
  assert.ok(second >= 64 && second < 128, String(second));
});

test('KCM-03 a front proxy of the authority says who asks at its port', async () => {
  const ask = (headers: string) =>
    sh(
      `curl -s -k -o /dev/null -w '%{http_code}' --cert /etc/kubernetes/ssl/admin.pem --key /etc/kubernetes/ssl/admin.key ${headers} https://192.168.20.31:10257/metrics`,
    );
  assert.equal(await ask("-H 'X-Remote-User: somebody'"), '403');
  assert.equal(await ask("-H 'X-Remote-User: somebody' -H 'X-Remote-Group: system:masters'"), '200');
});

test('KCM-05, KCM-09, KCM-14, KCM-17, KCM-21 to KCM-23 flags that change nothing yet are taken', () => {
  const { args, journal } = runbook.current.controllerManager;
  for (const name of [
    ...['cluster-name', 'service-cluster-ip-range', 'pod-eviction-timeout'],
    ...['horizontal-pod-autoscaler-sync-period', 'feature-gates', 'logtostderr', 'v'],
  ])
    assert.ok(
      args.some((arg) => arg.startsWith(`--${name}=`)),
      name,
    );
  assert.match(journal, /Started controller/);
});

test('KCM-08 it works because it holds the lease', async () => {
  const { spec } = await json<V1Lease>('get lease kube-controller-manager --namespace kube-system');
  assert.match(spec?.holderIdentity ?? '', /_/);
  const before = spec?.renewTime;
  await until('it is renewed', async () => {
    const lease = await json<V1Lease>('get lease kube-controller-manager --namespace kube-system');
    return lease.spec?.renewTime !== before;
  });
});

test('KCM-11, KCM-19, KCM-20 its port tells everybody that it is well, and its metrics to those who may see them', async () => {
  const status = (path: string, flags = '') =>
    sh(`curl -s -k -o /dev/null -w '%{http_code}' ${flags} https://192.168.20.31:10257${path}`);
  assert.equal(await status('/healthz'), '200');
  assert.notEqual(await status('/metrics'), '200');
  const admin = '--cert /etc/kubernetes/ssl/admin.pem --key /etc/kubernetes/ssl/admin.key';
  await until('it knows the authority of certificates', async () => (await status('/metrics', admin)) === '200');
  const token =
    (await sh('kubectl create token default 2>/dev/null || true')) ||
    Buffer.from((await tokenSecret()).data?.['token'] ?? '', 'base64').toString();
  assert.equal(await status('/metrics', `-H 'Authorization: Bearer ${token.trim()}'`), '403');
});

test('KCM-15 each controller is an account of its own', async () => {
  const { items } = await json<{ items: V1ServiceAccount[] }>('get serviceaccount --namespace kube-system');
  const names = new Set(items.map(({ metadata }) => metadata?.name));
  for (const name of ['namespace-controller', 'node-controller', 'certificate-controller', 'generic-garbage-collector'])
    assert.ok(names.has(name), name);
});

test('KCM-16 the two controllers that are off by default run, with all others', () => {
  const { journal } = runbook.current.controllerManager;
  for (const name of ['bootstrap-signer-controller', 'token-cleaner-controller', 'namespace-controller'])
    assert.match(journal, new RegExp(`Started controller controller="${name}"`));
});

test('KCM-12, KCM-13, KCM-18 a node that is silent for the grace period is not healthy', async () => {
  const kubelet = await joined();
  await kubelet.kill();
  const condition = await until('the node is unknown', async () => {
    const { status } = await json<V1Node>('get node node1');
    return status?.conditions?.find(({ type, status: value }) => type === 'Ready' && value === 'Unknown');
  });
  assert.equal(condition.reason, 'NodeStatusUnknown');
  assert.equal(condition.message, 'Kubelet stopped posting node status.');
});
