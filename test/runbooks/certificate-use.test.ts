/** Section 3 of ACCEPTANCE: what the certificates are to the components. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../harness/until.ts';
import { AUTO_APPROVE_BINDINGS, BOOTSTRAPPER_BINDING, WORKER_KUBELET } from './documents.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { makeBootstrapKubeconfigs, nodeReady, tokenFlags, whoAmI } from './runbook-steps.ts';

const NODES = ['k8s-m01', 'k8s-m02', 'k8s-m03'];
/** The three documents' directories, one for each node. */
const DIRECTORIES = ['ssl', 'pki', 'cert'];

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver();
  await cluster.startControllerManager();
  await cluster.sh(BOOTSTRAPPER_BINDING + AUTO_APPROVE_BINDINGS);
  await makeBootstrapKubeconfigs(cluster, NODES);
  for (const [i, name] of NODES.entries()) {
    const directory = `/etc/kubernetes/${DIRECTORIES[i]}`;
    const authentication = {
      ...(WORKER_KUBELET.config['authentication'] as object),
      x509: { clientCAFile: `${directory}/ca.pem` },
    };
    cluster.startKubelet(name, { flags: [`--cert-dir=${directory}`], config: { authentication } });
  }
  await Promise.all(NODES.map((name) => nodeReady(cluster, name)));
});

const certificateFlags = (name: string) =>
  `--kubeconfig=/dev/null --server=${runbook.current.server} --certificate-authority=/etc/kubernetes/ssl/ca.pem ` +
  `--client-certificate=/etc/kubernetes/ssl/${name}.pem --client-key=/etc/kubernetes/ssl/${name}.key`;

test('PKI-02 the one pair serves, signs service account tokens and shows the API server to kubelets', async () => {
  const cluster = runbook.current;
  const served = await cluster.sh(
    `openssl s_client -connect ${cluster.master.address}:6443 -CAfile /etc/kubernetes/ssl/ca.pem -verify_return_error </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256`,
  );
  assert.equal(served, await cluster.sh('openssl x509 -in /etc/kubernetes/ssl/apiserver.pem -noout -fingerprint -sha256'));
  const token = await until('the default account has a token', () =>
    cluster.sh(`secret=$(kubectl get secrets | grep ^default-token | awk '{print $1}')
      kubectl get secret $secret -o jsonpath='{.data.token}' | base64 -d`),
  );
  assert.equal((await whoAmI(cluster, tokenFlags(cluster, token))).username, 'system:serviceaccount:default:default');
  const { address } = cluster.host('k8s-m01');
  const answer = await cluster.sh(
    `curl -s -k --cert /etc/kubernetes/ssl/apiserver.pem --key /etc/kubernetes/ssl/apiserver.key https://${address}:10250/metrics`,
  );
  assert.match(answer, /^Forbidden \(user=kubernetes, verb=get, resource=nodes, subresource(\(s\))?=\[?metrics\]?\)/);
});

test('PKI-10 certificates are distributed to all hosts and hold there', async () => {
  const cluster = runbook.current;
  const source = cluster.path('/etc/kubernetes/ssl');
  const pki = '/etc/kubernetes/pki';
  for (const name of NODES) {
    const host = cluster.host(name);
    await cluster.sh(
      `cp -p ${source}/{kube-proxy,admin}.{pem,key} ${pki}/
      openssl verify -CAfile ${pki}/ca.pem ${pki}/kube-proxy.pem ${pki}/admin.pem`,
      { host },
    );
    const status = await cluster.sh(
      `curl -s -o /dev/null -w '%{http_code}' --cacert ${pki}/ca.pem --cert ${pki}/admin.pem --key ${pki}/admin.key ${cluster.virtualServer}/api/v1/nodes`,
      { host },
    );
    assert.equal(status, '200');
  }
});

test('PKI-12 a node is CN system:node:<nodeName> in O system:nodes, and may read what the Node authorizer allows', async () => {
  const cluster = runbook.current;
  const host = cluster.host('k8s-m01');
  const subject = await cluster.sh(
    'openssl x509 -in /etc/kubernetes/ssl/kubelet-client-current.pem -noout -subject -nameopt RFC2253',
    { host },
  );
  assert.match(subject, /^subject= ?CN=system:node:k8s-m01,O=system:nodes\n$/);
  const asNode = '--kubeconfig=/etc/kubernetes/kubelet.kubeconfig';
  for (const what of ['services', 'endpoints kubernetes', 'node k8s-m01'])
    await cluster.sh(`kubectl get ${what} ${asNode}`, { host });
  const foreign = await cluster.trySh(`kubectl label node k8s-m02 ${asNode} a=b`, { host });
  assert.match(foreign.stderr, /node 'k8s-m01' cannot read 'k8s-m02', only its own Node object/);
  const secrets = await cluster.trySh(`kubectl get secrets -n kube-system ${asNode}`, { host });
  assert.match(secrets.stderr, /User "system:node:k8s-m01" cannot list resource "secrets"/);
});

test('PKI-13 of every client certificate CN is the user name and O the groups', async () => {
  const cluster = runbook.current;
  const expected: Record<string, [string, string[]]> = {
    apiserver: ['kubernetes', []],
    'kube-controller-manager': ['system:kube-controller-manager', ['system:kube-controller-manager']],
    'kube-scheduler': ['system:kube-scheduler', ['system:kube-scheduler']],
    'kube-proxy': ['system:kube-proxy', []],
    kubelet: ['admin', ['system:masters']],
    admin: ['admin', ['system:masters']],
  };
  for (const [name, [username, groups]] of Object.entries(expected)) {
    const identity = await whoAmI(cluster, certificateFlags(name));
    assert.equal(identity.username, username, name);
    assert.deepEqual(identity.groups.toSorted(), [...groups, 'system:authenticated'].toSorted(), name);
  }
});

test('PKI-14 each of the three directories of the documents works', async () => {
  const cluster = runbook.current;
  for (const [i, name] of NODES.entries()) {
    const host = cluster.host(name);
    const listing = await cluster.sh(`ls -l /etc/kubernetes/${DIRECTORIES[i]}|grep kubelet`, { host });
    assert.match(listing, /^lrwxrwxrwx .* kubelet-client-current\.pem -> \/\S+\/kubelet-client-\d{4}(-\d\d){5}\.pem$/m);
    const kubeconfig = await cluster.sh('grep client-certificate /etc/kubernetes/kubelet.kubeconfig', { host });
    assert.ok(kubeconfig.includes(host.path(`/etc/kubernetes/${DIRECTORIES[i]}/kubelet-client-current.pem`)), kubeconfig);
  }
  for (const layout of DIRECTORIES) {
    const dir = `/opt/k8s/${layout}`;
    await cluster.sh(`muster certs init --layout=${layout} --dir=${dir} >/dev/null
      openssl verify -CAfile ${dir}/ca.pem ${dir}/{apiserver,admin,kube-controller-manager}.pem`);
  }
});
