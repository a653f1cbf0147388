/** The static-token variant (004): tokens in a file that the API server reads when it starts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SHARED_BOOTSTRAP_LINES, STATIC_BOOTSTRAPPER_BINDING, STATIC_TOKEN_LINES, WORKER_KUBELET } from './documents.ts';
import { type RunbookCluster, useRunbookCluster } from './runbook-cluster.ts';
import {
  approveRequestOf,
  clientRequestsOf,
  nodeReady,
  signingRequests,
  statusWithToken,
  tokenFlags,
  whoAmI,
} from './runbook-steps.ts';

const inEtc = (cluster: RunbookCluster) => ({ cwd: cluster.path('/etc/kubernetes') });
/** M-37: by its absolute path. */
const TOKEN_FILE = '--token-auth-file=/etc/kubernetes/bootstrap-token.csv';

/** Writes a new token into the file; answers it. */
const writeToken = async (cluster: RunbookCluster) =>
  (await cluster.sh(`${STATIC_TOKEN_LINES}\necho $BOOTSTRAP_TOKEN`, inEtc(cluster))).trim();
const writtenToken = async (cluster: RunbookCluster) =>
  (await cluster.sh('cut -d, -f1 /etc/kubernetes/bootstrap-token.csv')).trim();
/** The bootstrap kubeconfig with the token that the file has now; answers its path. */
const writeKubeconfig = async (cluster: RunbookCluster) => {
  await cluster.sh(`BOOTSTRAP_TOKEN=${await writtenToken(cluster)}\n${SHARED_BOOTSTRAP_LINES}`, inEtc(cluster));
  return cluster.path('/etc/kubernetes/bootstrap.kubeconfig');
};

const runbook = useRunbookCluster(async (cluster) => {
  await writeToken(cluster);
  await cluster.startApiserver({ flags: [TOKEN_FILE], without: ['enable-bootstrap-token-auth'] });
  await cluster.startControllerManager();
});

test('TOK-13 a static token is 128 random bits, written with its user, UID and quoted group', async () => {
  const cluster = runbook.current;
  const line = await cluster.sh(`${STATIC_TOKEN_LINES}\ncat bootstrap-token.csv`);
  assert.match(line, /^[0-9a-f]{32},kubelet-bootstrap,10001,"system:kubelet-bootstrap"\n$/);
  assert.notEqual(await cluster.sh(`${STATIC_TOKEN_LINES}\ncat bootstrap-token.csv`), line);
});

test('TOK-14 the file holds the real value, not the name of the variable', async () => {
  const cluster = runbook.current;
  const name = '$' + '{BOOTSTRAP_TOKEN}';
  const check = `grep -cF '${name}' bootstrap-token.csv || true`;
  assert.equal(await cluster.sh(`${STATIC_TOKEN_LINES}\n${check}`), '0\n');
  assert.equal(await cluster.sh(`${STATIC_TOKEN_LINES.replace('<<EOF', "<<'EOF'")}\n${check}`), '1\n', 'the check finds it');
  assert.equal(await statusWithToken(cluster, name), 401);
});

test('TOK-15 the API server takes the token of its file for user kubelet-bootstrap in system:kubelet-bootstrap', async () => {
  const cluster = runbook.current;
  const identity = await whoAmI(cluster, tokenFlags(cluster, await writtenToken(cluster)));
  assert.equal(identity.username, 'kubelet-bootstrap');
  assert.equal(identity.uid, '10001');
  assert.deepEqual(identity.groups.toSorted(), ['system:authenticated', 'system:kubelet-bootstrap']);
  assert.equal(await statusWithToken(cluster, 'f'.repeat(32)), 401);
});

test('QA-02, G-10 kubelet-bootstrap may ask for certificates only once it has the role system:node-bootstrapper', async () => {
  const cluster = runbook.current;
  const question = `kubectl auth can-i create certificatesigningrequests.certificates.k8s.io ${tokenFlags(cluster, await writtenToken(cluster))}`;
  const mayCreate = async () => (await cluster.trySh(question)).stdout;
  assert.equal(await mayCreate(), 'no\n');
  await cluster.sh(STATIC_BOOTSTRAPPER_BINDING);
  assert.equal(await mayCreate(), 'yes\n');
  assert.match(
    await cluster.sh('kubectl describe clusterrole system:node-bootstrapper'),
    /certificatesigningrequests\.certificates\.k8s\.io +\[\] +\[\] +\[create get list watch\]/,
  );
  await cluster.sh('kubectl delete clusterrolebinding kubelet-bootstrap');
  assert.equal(await mayCreate(), 'no\n');
});

test('TLSB-04 a kubelet with the static token is refused until its user is bound to system:node-bootstrapper', async () => {
  const cluster = runbook.current;
  const kubelet = cluster.startKubelet('k8s-n01', { bootstrapKubeconfig: await writeKubeconfig(cluster) });
  assert.equal(await kubelet.process.exited, 255);
  assert.match(
    kubelet.journal,
    /cannot create certificate signing request: certificatesigningrequests\.certificates\.k8s\.io is forbidden: User "kubelet-bootstrap" cannot create/,
  );
  assert.equal(
    await cluster.sh(STATIC_BOOTSTRAPPER_BINDING),
    'clusterrolebinding.rbac.authorization.k8s.io/kubelet-bootstrap created\n',
  );
  const started = kubelet.start();
  const name = await approveRequestOf(cluster, 'k8s-n01');
  const csr = (await signingRequests(cluster)).find(({ metadata }) => metadata?.name === name);
  assert.equal(csr?.spec.username, 'kubelet-bootstrap');
  assert.ok(csr?.spec.groups?.includes('system:kubelet-bootstrap'));
  await started;
  await nodeReady(cluster, 'k8s-n01');
});

test('TOK-16 a new static token takes a new file and kubeconfig, restarts, and another approval', async () => {
  const cluster = runbook.current;
  await cluster.trySh(STATIC_BOOTSTRAPPER_BINDING);
  const oldToken = await writtenToken(cluster);
  const kubelet = cluster.startKubelet('k8s-n02', { bootstrapKubeconfig: await writeKubeconfig(cluster) });
  const oldRequest = await approveRequestOf(cluster, 'k8s-n02');
  await kubelet.ready();
  const host = cluster.host('k8s-n02');

  const newToken = await writeToken(cluster);
  const newKubeconfig = await writeKubeconfig(cluster);
  await cluster.sh(`cp ${newKubeconfig} ${WORKER_KUBELET.bootstrapKubeconfig}`, { host });
  assert.equal(await statusWithToken(cluster, newToken), 401, 'the file is read at the start only');
  await cluster.apiserver.restart();
  // It ends when the API server was away for longer than its lease may wait, and its unit would start it again.
  await cluster.controllerManager.restart();
  assert.equal(await statusWithToken(cluster, newToken), 200);
  assert.equal(await statusWithToken(cluster, oldToken), 401);

  // A kubelet whose credentials are gone (QA-04) asks again, now with the new token.
  await kubelet.stop();
  await cluster.sh('rm -rf kubelet-*', { host, cwd: host.path(WORKER_KUBELET.certificateDirectory) });
  await cluster.sh('rm -rf kubelet.kubeconfig', { host, cwd: host.path('/etc/kubernetes') });
  const started = kubelet.start();
  const newRequest = await approveRequestOf(cluster, 'k8s-n02');
  assert.notEqual(newRequest, oldRequest);
  await started;
  await nodeReady(cluster, 'k8s-n02');
  assert.deepEqual((await clientRequestsOf(cluster, 'k8s-n02')).toSorted(), [newRequest, oldRequest].toSorted());
});
