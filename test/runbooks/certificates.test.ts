/** Section 3 of ACCEPTANCE: `muster certs` makes the certificates, openssl judges them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useRunbookCluster } from './runbook-cluster.ts';

/** Nothing runs: certificates are files. */
const runbook = useRunbookCluster(async () => undefined);
const sh = (script: string) => runbook.current.sh(script);

const SSL = '/etc/kubernetes/ssl';

const subjectOf = async (path: string) =>
  (await sh(`openssl x509 -in ${path} -noout -subject -nameopt RFC2253`)).replace(/^subject= ?/, '').trim();
const modesOf = async (...paths: string[]) => (await sh(`stat -c '%a %U' ${paths.join(' ')}`)).trim().split('\n');

/** Checks that certificate and key belong together, and that the authority vouches for such uses. */
async function verifies(
  certificate: string,
  key: string,
  purposes: readonly ('sslserver' | 'sslclient')[],
  ca = `${SSL}/ca.pem`,
) {
  for (const purpose of purposes)
    assert.match(await sh(`openssl verify -x509_strict -CAfile ${ca} -purpose ${purpose} ${certificate}`), /: OK$/m);
  assert.equal(await sh(`openssl x509 -in ${certificate} -noout -pubkey`), await sh(`openssl pkey -in ${key} -pubout`));
  assert.deepEqual(await modesOf(certificate, key), ['644 root', '600 root']);
}

/** Who may only ask may not serve. */
async function isNoServer(certificate: string, ca = `${SSL}/ca.pem`) {
  const result = await runbook.current.trySh(`openssl verify -CAfile ${ca} -purpose sslserver ${certificate}`);
  assert.match(result.stderr, /unsuitable certificate purpose|unsupported certificate purpose/);
}

test('PKI-01 an authority is made, by muster or by openssl on any host, and is called ca.pem', async () => {
  const text = await sh(`openssl x509 -in ${SSL}/ca.pem -noout -text`);
  assert.match(text, /CA:TRUE/);
  assert.match(text, /X509v3 Key Usage: critical\s+.*Certificate Sign/);
  assert.deepEqual(await modesOf(`${SSL}/ca.pem`, `${SSL}/ca.key`), ['644 root', '600 root']);
  assert.match(await sh(`openssl verify -x509_strict -CAfile ${SSL}/ca.pem ${SSL}/ca.pem`), /: OK$/m);
  // One that openssl has made is used as it is.
  await sh(`mkdir -p by-openssl && cd by-openssl
    openssl genrsa -out ca.key 2048 2>/dev/null
    openssl req -x509 -new -nodes -key ca.key -days 3650 -subj /CN=kubernetes/O=k8s -out ca.pem
    sha256sum ca.pem ca.key > sums
    muster certs init --layout=ssl --dir=. --only=apiserver,admin
    sha256sum --quiet -c sums`);
  const verdict = await sh('cd by-openssl && openssl verify -CAfile ca.pem apiserver.pem admin.pem');
  assert.equal(verdict, 'apiserver.pem: OK\nadmin.pem: OK\n');
});

test('PKI-02 apiserver.pem can serve HTTPS and be a client of kubelets; CN kubernetes', async () => {
  assert.equal(await subjectOf(`${SSL}/apiserver.pem`), 'CN=kubernetes');
  await verifies(`${SSL}/apiserver.pem`, `${SSL}/apiserver.key`, ['sslserver', 'sslclient']);
  for (const host of ['kubernetes', 'kubernetes.default.svc.cluster.local', 'localhost'])
    assert.match(await sh(`openssl x509 -in ${SSL}/apiserver.pem -noout -checkhost ${host}`), /does match/);
  for (const address of ['192.168.20.31', '192.168.133.200', '10.0.0.1', '127.0.0.1'])
    assert.match(await sh(`openssl x509 -in ${SSL}/apiserver.pem -noout -checkip ${address}`), /does match/);
});

test('PKI-03 the controller manager has a certificate in its name, under either naming of files', async () => {
  const subject = 'CN=system:kube-controller-manager,O=system:kube-controller-manager';
  assert.equal(await subjectOf(`${SSL}/kube-controller-manager.pem`), subject);
  await verifies(`${SSL}/kube-controller-manager.pem`, `${SSL}/kube-controller-manager.key`, ['sslclient']);
  const dir = '/etc/kubernetes/cert';
  await sh(`muster certs init --layout=cert --dir=${dir} --only=kube-controller-manager`);
  assert.equal(await subjectOf(`${dir}/kube-controller-manager.pem`), subject);
  await verifies(`${dir}/kube-controller-manager.pem`, `${dir}/kube-controller-manager-key.pem`, ['sslclient'], `${dir}/ca.pem`);
});

test('PKI-04 the scheduler has a certificate in its name', async () => {
  assert.equal(await subjectOf(`${SSL}/kube-scheduler.pem`), 'CN=system:kube-scheduler,O=system:kube-scheduler');
  await verifies(`${SSL}/kube-scheduler.pem`, `${SSL}/kube-scheduler.key`, ['sslclient']);
});

test('PKI-05 kube-proxy has a certificate with CN system:kube-proxy', async () => {
  assert.equal(await subjectOf(`${SSL}/kube-proxy.pem`), 'CN=system:kube-proxy');
  await verifies(`${SSL}/kube-proxy.pem`, `${SSL}/kube-proxy.key`, ['sslclient']);
  await isNoServer(`${SSL}/kube-proxy.pem`);
});

test('PKI-06 kubelet.pem is an administrator in system:masters', async () => {
  assert.match(await subjectOf(`${SSL}/kubelet.pem`), /O=system:masters/);
  await verifies(`${SSL}/kubelet.pem`, `${SSL}/kubelet.key`, ['sslclient']);
  await isNoServer(`${SSL}/kubelet.pem`);
});

test('PKI-07 metrics-server has a serving certificate', async () => {
  assert.match(await subjectOf(`${SSL}/metrics-server.pem`), /CN=metrics-server/);
  await verifies(`${SSL}/metrics-server.pem`, `${SSL}/metrics-server.key`, ['sslserver']);
  assert.match(
    await sh(`openssl x509 -in ${SSL}/metrics-server.pem -noout -checkhost metrics-server.kube-system.svc`),
    /does match/,
  );
});

test('PKI-08 etcd.pem serves etcd, and is what the API server shows it', async () => {
  await verifies(`${SSL}/etcd.pem`, `${SSL}/etcd.key`, ['sslserver', 'sslclient']);
  assert.match(await sh(`openssl x509 -in ${SSL}/etcd.pem -noout -checkip 192.168.20.31`), /does match/);
});

test('PKI-09 Calico finds its pair and the authority under the names of its Secret; Flannel has a pair too', async () => {
  await verifies(`${SSL}/etcd-client.pem`, `${SSL}/etcd-client.key`, ['sslclient'], `${SSL}/etcd-ca.pem`);
  await verifies(`${SSL}/flanneld.pem`, `${SSL}/flanneld.key`, ['sslclient']);
  await sh(`cmp ${SSL}/etcd-ca.pem ${SSL}/ca.pem`);
});

test('PKI-11 the administrator has a certificate apart, in a directory of choice', async () => {
  const dir = '/opt/k8s/work';
  await sh(`mkdir -p ${dir} && cp -p ${SSL}/ca.pem ${dir}/ca.pem && cp -p ${SSL}/ca.key ${dir}/ca-key.pem
    muster certs init --layout=cert --dir=${dir} --only=admin`);
  assert.equal(await subjectOf(`${dir}/admin.pem`), 'CN=admin,O=system:masters');
  await verifies(`${dir}/admin.pem`, `${dir}/admin-key.pem`, ['sslclient']);
  await isNoServer(`${dir}/admin.pem`);
});
