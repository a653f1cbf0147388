/** Sections 7 and 25 of ACCEPTANCE: what lies on a node's disk once it has joined, and where its kubelet listens. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { freePort } from '../harness/free-port.ts';
import { AUTO_APPROVE_BINDINGS, BOOTSTRAPPER_BINDING, SERVING_KUBELET } from './documents.ts';
import { once } from './once.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { makeBootstrapKubeconfigs, nodeJoined } from './runbook-steps.ts';

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver();
  await Promise.all([
    cluster.startControllerManager(),
    makeBootstrapKubeconfigs(cluster, ['k8s-m01', 'm7-autocv-gpu01']),
    cluster.sh(BOOTSTRAPPER_BINDING),
    cluster.sh(AUTO_APPROVE_BINDINGS),
  ]);
});

/** A node of 000, which asks for no serving certificate. */
const worker = once(async () => {
  const kubelet = runbook.current.startKubelet('k8s-m01');
  await nodeJoined(runbook.current, 'k8s-m01');
  const host = runbook.current.host('k8s-m01');
  const sh = (script: string) => runbook.current.sh(script, { host });
  return { kubelet, host, sh, owner: (await sh('echo "$(id -un) $(id -gn)"')).trim() };
});

const TIME = '\\w{3} +\\d+ \\d\\d:\\d\\d';

test('CHK-10 the kubelet’s kubeconfig is its owner’s alone', async () => {
  const { sh, host, owner } = await worker();
  const path = host.path('/etc/kubernetes/kubelet.kubeconfig');
  const printed = await sh('LC_ALL=C ls -l /etc/kubernetes/kubelet.kubeconfig');
  assert.match(printed, new RegExp(`^-rw-------\\.? 1 ${owner} \\d{4} ${TIME} ${path}\\n$`));
  const bytes = Number(printed.split(/\s+/)[4]);
  assert.ok(bytes > 1000 && bytes < 4000, `${bytes} bytes: an authority's certificate and no more`);
});

test('CHK-11 the client certificate is in a file named by the time, and a link with an absolute target points to it', async () => {
  const { sh, host, owner } = await worker();
  const lines = (await sh('LC_ALL=C ls -l /etc/kubernetes/ssl/|grep kubelet-client')).trimEnd().split('\n');
  assert.equal(lines.length, 2);
  const [file, link] = lines as [string, string];
  const made = new RegExp(
    `^-rw-------\\.? 1 ${owner} +\\d+ ${TIME} (kubelet-client-(\\d{4}-\\d\\d-\\d\\d-\\d\\d-\\d\\d-\\d\\d)\\.pem)$`,
  ).exec(file);
  assert.ok(made, file);
  const [, name, stamp] = made;
  const target = `${host.path('/etc/kubernetes/ssl')}/${name}`;
  assert.match(
    link,
    new RegExp(`^lrwxrwxrwx\\.? 1 ${owner} +${target.length} ${TIME} kubelet-client-current\\.pem -> ${target}$`),
  );
  const [year, month, day, hour, minute, second] = stamp!.split('-').map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const ageMs = Date.now() - new Date(year, month - 1, day, hour, minute, second).getTime();
  assert.ok(ageMs >= 0 && ageMs < 120_000, 'local time');
  // Certificate and key are both in it, and belong together.
  const fromCertificate = await sh(`openssl x509 -noout -pubkey -in ${target}`);
  assert.equal(await sh(`openssl pkey -pubout -in ${target}`), fromCertificate);
});

test('CHK-12 the self-signed pair has modes 0644 and 0600', async () => {
  const { sh, owner } = await worker();
  const lines = (await sh('LC_ALL=C ls -l /etc/kubernetes/ssl/|grep "kubelet\\.[ck]"')).trimEnd().split('\n');
  assert.equal(lines.length, 2);
  assert.match(lines[0]!, new RegExp(`^-rw-r--r--\\.? 1 ${owner} +\\d+ ${TIME} kubelet\\.crt$`));
  assert.match(lines[1]!, new RegExp(`^-rw-------\\.? 1 ${owner} +\\d+ ${TIME} kubelet\\.key$`));
});

test('ROT-11 a kubelet that asks for no serving certificate makes its own pair, serves it, and keeps it over a restart', async () => {
  const { sh, host, kubelet } = await worker();
  const fingerprint = () => sh('openssl x509 -noout -fingerprint -in /etc/kubernetes/ssl/kubelet.crt');
  const served = () =>
    sh(`openssl s_client -connect ${host.address}:10250 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint`);
  const first = await fingerprint();
  assert.equal(await served(), first);
  // Not of the cluster's authority.
  const verdict = await runbook.current.trySh(
    'openssl verify -CAfile /etc/kubernetes/ssl/ca.pem /etc/kubernetes/ssl/kubelet.crt',
    { host },
  );
  assert.notEqual(verdict.status, 0);
  assert.match(await sh('openssl x509 -noout -ext subjectAltName -in /etc/kubernetes/ssl/kubelet.crt'), /DNS:k8s-m01\b/);
  assert.equal(
    await runbook.current.sh(`kubectl get csr -o jsonpath='{.items[*].spec.signerName}' | grep -c kubelet-serving || true`),
    '0\n',
  );
  await kubelet.restart();
  assert.equal(await fingerprint(), first);
  assert.equal(await served(), first);
});

test('ROT-13 the certificate of the bootstrap is signed by the controller-manager’s authority; there is no kubelet-client.crt', async () => {
  const { sh, host } = await worker();
  const path = host.path('/etc/kubernetes/ssl/kubelet-client-current.pem');
  assert.equal(await sh(`openssl verify -CAfile /etc/kubernetes/ssl/ca.pem ${path}`), `${path}: OK\n`);
  assert.ok(!existsSync(host.path('/etc/kubernetes/ssl/kubelet-client.crt')), 'the name of old releases (C-26)');
  const issuer = await sh(`openssl x509 -noout -issuer -in ${path} | sed s/^issuer=//`);
  assert.equal(await sh('openssl x509 -noout -subject -in /etc/kubernetes/ssl/ca.pem | sed s/^subject=//'), issuer);
});

test('CHK-14 the kubelet, under its name, listens on loopback for healthz and on the node’s address for its API', async () => {
  // The document's default port may be another kubelet's on the machine where the tests run; its default address is what counts.
  const port = await freePort();
  const config = { healthzBindAddress: undefined, healthzPort: port };
  const kubelet = runbook.current.startKubelet('m7-autocv-gpu01', { document: SERVING_KUBELET, config });
  await nodeJoined(runbook.current, 'm7-autocv-gpu01');
  const { address } = runbook.current.host('m7-autocv-gpu01');
  const printed = await runbook.current.sh(`netstat -lnpt 2>/dev/null|grep kubelet | grep " ${kubelet.pid}/"`);
  const sockets = printed
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).join(' '));
  const socket = (at: string) => `tcp 0 0 ${at} 0.0.0.0:* LISTEN ${kubelet.pid}/kubelet`;
  assert.deepEqual(sockets.sort(), [socket(`127.0.0.1:${port}`), socket(`${address}:10250`)].sort());
  assert.match(await runbook.current.sh(`ss -lntpH "src ${address}"`), /users:\(\("kubelet",pid=\d+,fd=\d+\)\)/);
});
