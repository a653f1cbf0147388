/** Section 4 of ACCEPTANCE: how a kubelet gets its identity. The administrator approves by hand. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { KUBECTL_VERSIONS } from '../harness/kubectl.ts';
import { until } from '../harness/until.ts';
import { BOOTSTRAPPER_BINDING, WORKER_KUBELET } from './documents.ts';
import { once } from './once.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import {
  approveRequestOf,
  clientRequestsOf,
  makeBootstrapKubeconfigs,
  nodeReady,
  pendingRequestOf,
  signingRequests,
} from './runbook-steps.ts';

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver();
  await Promise.all([
    cluster.startControllerManager(),
    makeBootstrapKubeconfigs(cluster, ['k8s-m01', 'k8s-m02', 'k8s-m03', 'k8s-n01', 'k8s-n02']),
  ]);
});

/** Nobody may bootstrap until a test asks for this; it may be asked for again. */
async function allowBootstrap(): Promise<void> {
  await runbook.current.sh(`kubectl get clusterrolebinding kubelet-bootstrap >/dev/null 2>&1 || ${BOOTSTRAPPER_BINDING}`);
}

/** The public half of the token in a node's bootstrap kubeconfig. */
const tokenIdOf = async (node: string) =>
  (await runbook.current.sh(`sed -n 's/.*token: \\([a-z0-9]*\\)\\..*/\\1/p' kubelet-bootstrap-${node}.kubeconfig`)).trim();

const KLOG = String.raw`\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ \S+\] `;

test('TLSB-02 a kubelet that may not ask for certificates ends with status 255 and says so', async () => {
  const cluster = runbook.current;
  const kubelet = cluster.startKubelet('k8s-m01');
  assert.equal(await kubelet.process.exited, 255);
  const found = await cluster.sh("grep -A 2 'certificatesigningrequests'", { input: kubelet.journal });
  assert.match(
    found,
    new RegExp(
      `^F${KLOG}failed to run Kubelet: cannot create certificate signing request: certificatesigningrequests\\.certificates\\.k8s\\.io ` +
        `is forbidden: User "system:bootstrap:${await tokenIdOf('k8s-m01')}" cannot create .*at the cluster scope`,
      'm',
    ),
  );
  assert.ok(!existsSync(cluster.host('k8s-m01').path('/etc/kubernetes/kubelet.kubeconfig')));
});

test('TLSB-03 binding system:bootstrappers to system:node-bootstrapper is the remedy', async () => {
  const cluster = runbook.current;
  await cluster.sh('kubectl delete clusterrolebinding kubelet-bootstrap --ignore-not-found');
  const refused = cluster.startKubelet('k8s-m02');
  assert.equal(await refused.process.exited, 255);
  assert.equal(
    await cluster.sh(BOOTSTRAPPER_BINDING),
    'clusterrolebinding.rbac.authorization.k8s.io/kubelet-bootstrap created\n',
  );
  const started = refused.start();
  const name = await approveRequestOf(cluster, 'k8s-m02');
  const csr = (await signingRequests(cluster)).find(({ metadata }) => metadata?.name === name);
  assert.equal(csr?.spec.username, `system:bootstrap:${await tokenIdOf('k8s-m02')}`);
  await started;
});

test('TLSB-01 without a kubeconfig the kubelet bootstraps, with one it does not', async () => {
  const cluster = runbook.current;
  await allowBootstrap();
  const kubelet = cluster.startKubelet('k8s-m03');
  await approveRequestOf(cluster, 'k8s-m03');
  await kubelet.ready();
  assert.match(kubelet.process.output, /Using bootstrap kubeconfig/);
  const written = cluster.host('k8s-m03').path('/etc/kubernetes/kubelet.kubeconfig');
  await until('the kubeconfig is written', () => existsSync(written));
  const requests = await clientRequestsOf(cluster, 'k8s-m03');
  assert.equal(requests.length, 1);
  // Not even a bootstrap kubeconfig that could not be read is looked at then.
  await cluster.sh(`echo nonsense > ${WORKER_KUBELET.bootstrapKubeconfig}`, { host: cluster.host('k8s-m03') });
  await kubelet.restart();
  await nodeReady(cluster, 'k8s-m03');
  assert.doesNotMatch(kubelet.process.output, /Using bootstrap kubeconfig/);
  assert.deepEqual(await clientRequestsOf(cluster, 'k8s-m03'), requests);
});

/** A node on its way into the cluster: it has asked, and nobody has decided. */
const waiting = once(async () => {
  const cluster = runbook.current;
  await allowBootstrap();
  const kubelet = cluster.startKubelet('k8s-n01');
  return { kubelet, name: await pendingRequestOf(cluster, 'k8s-n01') };
});

/** It has been approved. */
const approved = once(async () => {
  const { kubelet, name } = await waiting();
  const absent = await runbook.current.trySh('kubectl get node k8s-n01');
  const { pid } = kubelet;
  await runbook.current.sh(`kubectl certificate approve ${name}`);
  return { kubelet, absent, pid };
});

test('TLSB-11 a kubelet that starts logs feature gates, operating system, version and cloud provider', async () => {
  const { kubelet } = await waiting();
  const lines = [
    String.raw`feature gates: &\{map\[RotateKubeletClientCertificate:true RotateKubeletServerCertificate:true\]\}`,
    existsSync('/run/systemd/system') ? 'Detected OS with systemd' : 'Detected OS without systemd',
    String.raw`Version: v\d+\.\d+\.\d+`,
    String.raw`No cloud provider specified\.`,
    'No cloud provider specified: "" from the config file: ""',
  ];
  let from = 0;
  for (const line of lines) {
    const match = new RegExp(`^I${KLOG}${line}$`, 'm').exec(kubelet.journal.slice(from));
    assert.ok(match, `${line} in:\n${kubelet.journal}`);
    from += match.index;
  }
});

test('TLSB-05 it logs that it bootstraps, takes or makes a private key, and waits', async () => {
  const { kubelet } = await waiting();
  await kubelet.waitFor(
    new RegExp(
      `^I${KLOG}Using bootstrap kubeconfig to generate TLS client cert, key and kubeconfig file\\n` +
        `I${KLOG}No valid private key and/or certificate found, reusing existing private key or creating a new one\\n` +
        `(?:.*\\n)*?I${KLOG}Waiting for client certificate to be issued$`,
      'm',
    ),
  );
  const { address } = runbook.current.host('k8s-n01');
  const health = await runbook.current.trySh(`curl -s http://${address}:10248/healthz`);
  assert.equal(health.status, 7, 'it is not healthy yet');
});

test('TLSB-06 the CSR is named by 43 characters of URL-safe base64, as kubectl takes it', async () => {
  const cluster = runbook.current;
  const { name } = await waiting();
  assert.match(name, /^node-csr-[A-Za-z0-9_-]{43}$/);
  for (const version of KUBECTL_VERSIONS) {
    assert.match(await cluster.sh(`kubectl get csr ${name}`, { version }), new RegExp(`^${name} .* Pending$`, 'm'));
    assert.match(await cluster.sh(`kubectl describe csr ${name}`, { version }), new RegExp(`^Name: +${name}$`, 'm'));
  }
  // The documents' own names, with "-" and "_" at the start.
  const request = await cluster.sh(`kubectl get csr ${name} -o jsonpath={.spec.request}`);
  for (const legal of [
    'node-csr--D4dHL7X46JjCdsgIGfevcD5ArvL9W4aR5bvi5_WmR4',
    'node-csr-_mEvTqTRVHoruwjMPgRoxhx4c6DI7ThezdyS4b9TgLc',
  ]) {
    const spec = {
      request,
      signerName: 'kubernetes.io/kube-apiserver-client', // nobody approves for it by himself
      usages: ['digital signature', 'key encipherment', 'client auth'],
    };
    const csr = { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: legal }, spec };
    await cluster.sh('kubectl create -f -', { input: JSON.stringify(csr) });
    assert.match(await cluster.sh(`kubectl certificate approve ${legal}`), new RegExp(`/${legal} approved`));
    assert.match(await cluster.sh(`kubectl get csr ${legal} --no-headers`), new RegExp(`^${legal} .* Approved`));
    assert.match(await cluster.sh(`kubectl delete csr ${legal}`), new RegExp(`"${legal}" deleted`));
  }
});

test('TLSB-07 its subject is CN system:node:<nodeName>, O system:nodes', async () => {
  const cluster = runbook.current;
  const { name } = await waiting();
  const subject = await cluster.sh(
    `kubectl get csr ${name} -o jsonpath={.spec.request} | base64 -d | openssl req -noout -verify -subject -nameopt RFC2253 2>/dev/null`,
  );
  assert.match(subject, /^subject= ?CN=system:node:k8s-n01,O=system:nodes$/m);
  for (const version of KUBECTL_VERSIONS)
    assert.match(
      await cluster.sh(`kubectl describe csr ${name}`, { version }),
      /Subject:\n +Common Name: +system:node:k8s-n01\n +Serial Number: *\n +Organization: +system:nodes\n/,
    );
});

test('TLSB-09 the node is not in the cluster before its CSR has passed', async () => {
  const { absent } = await approved();
  assert.match(absent.stderr, /nodes "k8s-n01" not found/);
  await nodeReady(runbook.current, 'k8s-n01');
});

test('TLSB-08 it finds its certificate, writes certificate, key and kubeconfig, and goes on without a restart', async () => {
  const cluster = runbook.current;
  const { kubelet, pid } = await approved();
  const shell = { host: cluster.host('k8s-n01') };
  const current = '/etc/kubernetes/ssl/kubelet-client-current.pem';
  await kubelet.ready();
  const listing = await until('the files are written', () =>
    cluster.sh(`ls -l /etc/kubernetes/kubelet.kubeconfig ${current}`, shell),
  );
  assert.match(listing, /^-rw------- .*kubelet\.kubeconfig$/m);
  assert.match(
    await cluster.sh(`openssl verify -CAfile /etc/kubernetes/ssl/ca.pem -purpose sslclient ${current}`, shell),
    /: OK$/m,
  );
  assert.equal(
    await cluster.sh(`openssl x509 -in ${current} -noout -pubkey`, shell),
    await cluster.sh(`openssl pkey -in ${current} -pubout`, shell),
  );
  assert.equal(kubelet.pid, pid);
  assert.equal(kubelet.process.exitStatus, undefined);
});

test('QA-01, G-10 --bootstrap-kubeconfig without --kubeconfig is an error that says what to give; with both it works', async () => {
  const cluster = runbook.current;
  await allowBootstrap();
  const refused = cluster.startKubelet('k8s-n02', { without: ['kubeconfig'] });
  assert.notEqual(await refused.process.exited, 0);
  assert.match(refused.journal, /failed to run Kubelet: .*--kubeconfig/);
  const kubelet = cluster.startKubelet('k8s-n02');
  await approveRequestOf(cluster, 'k8s-n02');
  await kubelet.ready();
  const written = cluster.host('k8s-n02').path('/etc/kubernetes/kubelet.kubeconfig');
  await until('the kubeconfig is written where --kubeconfig says', () => existsSync(written));
});
