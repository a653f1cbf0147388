/** Section 5 of ACCEPTANCE: approval where kubelets bootstrap with the user of a static token file (004). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1CertificateSigningRequest } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { CLIENT_SIGNER, readCsrTable } from './csr-table.ts';
import { WORKER_KUBELET } from './documents.ts';
import { once } from './once.ts';
import { requestAsNode } from './request-as-node.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { nodeJoined, pendingRequestOf } from './runbook-steps.ts';

/** 004, lines 23-25 (with M-37 corrected), and the four commands that it announces and lost (G-01), after 001's pattern. */
const TOKEN_FILE_LINES = `
cd /etc/kubernetes
export BOOTSTRAP_TOKEN=$(head -c 16 /dev/urandom | od -An -t x | tr -d ' ')
cat > bootstrap-token.csv <<EOF
\${BOOTSTRAP_TOKEN},kubelet-bootstrap,10001,"system:kubelet-bootstrap"
EOF
chmod 600 bootstrap-token.csv
kubectl config set-cluster kubernetes --certificate-authority=/etc/kubernetes/ssl/ca.pem --embed-certs=true --server=https://192.168.20.31:6443 --kubeconfig=bootstrap.kubeconfig
kubectl config set-credentials kubelet-bootstrap --token=\${BOOTSTRAP_TOKEN} --kubeconfig=bootstrap.kubeconfig
kubectl config set-context default --cluster=kubernetes --user=kubelet-bootstrap --kubeconfig=bootstrap.kubeconfig
kubectl config use-context default --kubeconfig=bootstrap.kubeconfig
`;

/** 004, line 63, lost (G-05) but for its \`--user\`. */
const BOOTSTRAPPER_LINE =
  'kubectl create clusterrolebinding kubelet-bootstrap --clusterrole=system:node-bootstrapper --user=kubelet-bootstrap';

/** 004, lines 81-82: the lost manifest (G-07), with the names and groups that the text gives. */
const BINDINGS_MANIFEST = `
kubectl apply -f - <<EOF
kind: ClusterRoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: auto-approve-csrs-for-group
subjects:
- kind: Group
  name: system:kubelet-bootstrap
  apiGroup: rbac.authorization.k8s.io
roleRef:
  kind: ClusterRole
  name: system:certificates.k8s.io:certificatesigningrequests:nodeclient
  apiGroup: rbac.authorization.k8s.io
---
kind: ClusterRoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: auto-approve-renewals-for-nodes
subjects:
- kind: Group
  name: system:nodes
  apiGroup: rbac.authorization.k8s.io
roleRef:
  kind: ClusterRole
  name: system:certificates.k8s.io:certificatesigningrequests:selfnodeclient
  apiGroup: rbac.authorization.k8s.io
EOF
`;

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.sh(TOKEN_FILE_LINES);
  await cluster.startApiserver({ flags: ['--token-auth-file=/etc/kubernetes/bootstrap-token.csv'] });
  await Promise.all([cluster.startControllerManager(), cluster.sh(BOOTSTRAPPER_LINE)]);
});
const sh = (script: string) => runbook.current.sh(script);
const csrOf = (name: string) => runbook.current.kubectl120.json<V1CertificateSigningRequest>(['get', 'csr', name]);
const startKubelet = (name: string) => {
  const bootstrapKubeconfig = runbook.current.path('/etc/kubernetes/bootstrap.kubeconfig');
  return runbook.current.startKubelet(name, { document: WORKER_KUBELET, flags: ['--rotate-certificates'], bootstrapKubeconfig });
};

/** The first kubelet waits; an administrator approves. */
const byHand = once(async () => {
  startKubelet('kubelet-152');
  const name = await pendingRequestOf(runbook.current, 'kubelet-152');
  const row = readCsrTable(await sh(`kubectl get csr ${name}`))[0]!;
  const printed = await sh(`kubectl certificate approve ${name}`);
  await nodeJoined(runbook.current, 'kubelet-152');
  return { name, row, printed };
});

/** With the bindings, the second one needs nobody. */
const automatic = once(async () => {
  const first = await byHand();
  const printed = await sh(BINDINGS_MANIFEST);
  startKubelet('kubelet-153');
  await nodeJoined(runbook.current, 'kubelet-153');
  const rows = readCsrTable(await sh('kubectl get csr'));
  return { printed, row: rows.find(({ name }) => name !== first.name)! };
});

test('APPR-17 requests of the static token’s user are approved by hand, or by the controller-manager', async () => {
  const { name, row, printed } = await byHand();
  assert.deepEqual([row.requestor, row.condition], ['kubelet-bootstrap', 'Pending']);
  assert.equal(printed, `certificatesigningrequest.certificates.k8s.io/${name} approved\n`);
  assert.equal((await csrOf(name)).status?.conditions?.[0]?.reason, 'KubectlApprove');
  const second = (await automatic()).row;
  assert.deepEqual([second.requestor, second.condition], ['kubelet-bootstrap', 'Approved,Issued']);
  assert.equal((await csrOf(second.name)).status?.conditions?.[0]?.reason, 'AutoApproved');
});

test('APPR-18 one binding is for the first request’s group system:kubelet-bootstrap, one for renewals by system:nodes', async () => {
  const { printed, row } = await automatic();
  const bindings = ['auto-approve-csrs-for-group', 'auto-approve-renewals-for-nodes'];
  assert.equal(printed, bindings.map((name) => `clusterrolebinding.rbac.authorization.k8s.io/${name} created\n`).join(''));
  const first = await csrOf(row.name);
  assert.deepEqual(first.spec.groups, ['system:kubelet-bootstrap', 'system:authenticated']);
  assert.equal(first.status?.conditions?.[0]?.message, 'Auto approving kubelet client certificate after SubjectAccessReview.');

  const filed = await requestAsNode(runbook.current, 'kubelet-153', {
    name: 'renewal',
    signer: CLIENT_SIGNER,
    usage: 'client auth',
  });
  assert.equal(filed.stderr, '');
  const renewal = await until('the renewal is issued', async () => {
    const csr = await csrOf('renewal');
    return csr.status?.certificate !== undefined && csr;
  });
  assert.deepEqual(
    [renewal.spec.username, renewal.spec.groups],
    ['system:node:kubelet-153', ['system:nodes', 'system:authenticated']],
  );
  assert.equal(
    renewal.status?.conditions?.[0]?.message,
    'Auto approving self kubelet client certificate after SubjectAccessReview.',
  );
});
