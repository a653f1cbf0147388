/** Sections 5 and 7 of ACCEPTANCE: serving requests that nobody approves, and an approver of the operator's own. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { V1CertificateSigningRequest } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { CSR_CRB_LINES } from './csr-crb-manifest.ts';
import { type CsrRow, readCsrTable, SERVING_CSR_NAME, SERVING_SIGNER } from './csr-table.ts';
import { BOOTSTRAPPER_BINDING, SERVING_KUBELET } from './documents.ts';
import { once } from './once.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { makeBootstrapKubeconfigs, nodeJoined, tokenFlags } from './runbook-steps.ts';
import { startTimeTravellingKubelet, type TimeTravellingKubelet } from './time-travelling-kubelet.ts';

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver();
  await Promise.all([
    cluster.startControllerManager(),
    makeBootstrapKubeconfigs(cluster, ['node1', 'node2']),
    cluster.sh(BOOTSTRAPPER_BINDING),
    cluster.sh(`${CSR_CRB_LINES}\nkubectl apply -f csr-crb.yaml`),
  ]);
});
const sh: typeof runbook.current.sh = (script, options) => runbook.current.sh(script, options);
const servingRowsOf = async (node: string): Promise<CsrRow[]> =>
  readCsrTable(await sh('kubectl get csr')).filter(
    ({ signer, requestor }) => signer === SERVING_SIGNER && requestor === `system:node:${node}`,
  );
const isServing = (node: string) =>
  until(`${node} has its serving certificate`, () =>
    sh('openssl verify -CAfile /etc/kubernetes/cert/ca.pem /etc/kubernetes/cert/kubelet-server-current.pem', {
      host: runbook.current.host(node),
    }),
  );

/** How long a kubelet waits for its certificate, as upstream. */
const REQUEST_TIMEOUT_MS = 15 * 60_000;
const ROUNDS = 3;
const TIMED_OUT = 'certificate request was not signed: timed out waiting for the condition';
const timeouts = (kubelet: TimeTravellingKubelet) => kubelet.journal.split(TIMED_OUT).length - 1;
let started: TimeTravellingKubelet | undefined;
after(() => started?.[Symbol.asyncDispose]());

/** A node whose serving requests nobody looks at for three quarters of an hour. */
const unattended = once(async () => {
  const kubelet = startTimeTravellingKubelet(runbook.current, 'node1', { document: SERVING_KUBELET });
  started = kubelet;
  await nodeJoined(runbook.current, 'node1');
  for (let round = 1; round <= ROUNDS; round++) {
    const filedMs = await until(`request ${round}`, async () => (await servingRowsOf('node1')).length === round && Date.now());
    await kubelet.jump(REQUEST_TIMEOUT_MS);
    await until('the kubelet gives up', () => timeouts(kubelet) === round);
    // Requests are told apart by their age, in seconds.
    await until('a second has passed', () => Math.floor(Date.now() / 1000) > Math.floor(filedMs / 1000));
    await kubelet.jump(10_000);
  }
  await until('another request', async () => (await servingRowsOf('node1')).length === ROUNDS + 1);
  return { kubelet, pile: await servingRowsOf('node1') };
});

test('ROT-06 a serving request that nobody approves ends in this error, and the kubelet works on and tries again', async () => {
  const { kubelet } = await unattended();
  assert.equal(timeouts(kubelet), ROUNDS);
  assert.match(
    kubelet.journal,
    /^E\d{4} [\d:.]+ +\d+ \S+\] certificate request was not signed: timed out waiting for the condition/m,
  );
  assert.doesNotMatch(kubelet.journal, /^ended/m);
  const { address } = runbook.current.host('node1');
  assert.equal(await sh(`curl -s http://${address}:10248/healthz`), 'ok');
});

test('APPR-14 requests of one node that nobody approves pile up, and the newest is the one to approve', async () => {
  const { pile } = await unattended();
  for (const { name, condition } of pile) {
    assert.match(name, SERVING_CSR_NAME);
    assert.equal(condition, 'Pending');
  }
  const newest = (await sh('kubectl get csr --sort-by=.metadata.creationTimestamp -o name | grep /csr- | tail -n 1')).trim();
  const name = newest.replace(/^.*\//, '');
  assert.equal(
    await sh(`kubectl certificate approve ${name}`),
    `certificatesigningrequest.certificates.k8s.io/${name} approved\n`,
  );
  await isServing('node1');
  assert.match(await sh(`kubectl describe csr ${name}`), /^Status: +Approved,Issued$/m);
  const left = (await servingRowsOf('node1')).filter(({ condition }) => condition === 'Pending');
  assert.equal(left.length, ROUNDS);
});

/** Rights of an approver, and nothing else: upstream asks for `approve` on the signer besides the update of the request. */
const APPROVER_LINES = `
kubectl -n kube-system create serviceaccount serving-approver
kubectl apply -f - <<EOF
kind: ClusterRole
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: serving-approver
rules:
- apiGroups: ["certificates.k8s.io"]
  resources: ["certificatesigningrequests"]
  verbs: ["get", "list", "watch"]
- apiGroups: ["certificates.k8s.io"]
  resources: ["certificatesigningrequests/approval"]
  verbs: ["update"]
- apiGroups: ["certificates.k8s.io"]
  resources: ["signers"]
  resourceNames: ["kubernetes.io/kubelet-serving"]
  verbs: ["approve"]
EOF
kubectl create clusterrolebinding serving-approver --clusterrole=serving-approver --serviceaccount=kube-system:serving-approver
`;

/** One round of an approver: a node's request is approved when it is for the name and the address that its Node object has. */
const APPROVER_ROUND = `
for csr in $(kubectl get csr -o json | jq -r '.items[] | select(.spec.signerName == "kubernetes.io/kubelet-serving" and .status.conditions == null) | .metadata.name'); do
  node=$(kubectl get csr $csr -o jsonpath='{.spec.username}' | sed s/^system:node://)
  request=$(kubectl get csr $csr -o jsonpath='{.spec.request}' | base64 -d | openssl req -noout -text)
  address=$(kubectl get node $node -o jsonpath='{.status.addresses[0].address}')
  if grep -q "DNS:$node, IP Address:$address$" <<<"$request"; then $APPROVER certificate approve $csr; fi
done`;

test('APPR-15 an approver of the operator’s own approves serving requests, with the rights for that signer alone', async () => {
  await unattended();
  for (const { name } of await servingRowsOf('node1')) await sh(`kubectl delete csr ${name}`);
  await sh(APPROVER_LINES);
  const secret = await until('the approver has a token', async () => {
    const names = await sh('kubectl -n kube-system get secrets -o name | grep serving-approver-token');
    return names.trim();
  });
  const token = await sh(`kubectl -n kube-system get ${secret} -o jsonpath='{.data.token}' | base64 -d`);
  const command = `kubectl ${tokenFlags(runbook.current, token)}`;
  const approver = { env: { APPROVER: runbook.current.master.translate(command) } };

  runbook.current.startKubelet('node2', { document: SERVING_KUBELET });
  await nodeJoined(runbook.current, 'node2');
  await until('the node has asked', async () => (await servingRowsOf('node2')).length === 1);
  assert.match(await sh(APPROVER_ROUND, approver), /^certificatesigningrequest\.certificates\.k8s\.io\/csr-\w{5} approved\n$/);
  await isServing('node2');
  const [row] = await servingRowsOf('node2');
  const csr = await runbook.current.kubectl120.json<V1CertificateSigningRequest>(['get', 'csr', row!.name]);
  assert.equal(csr.status?.conditions?.[0]?.reason, 'KubectlApprove');

  // What it has no rights for: requests of other signers.
  const request = await sh(
    `openssl req -new -newkey rsa:2048 -nodes -keyout /dev/null -subj /O=system:nodes/CN=system:node:node3 2>/dev/null | base64 -w 0`,
  );
  await sh('kubectl create -f -', {
    input: JSON.stringify({
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'other-signer' },
      spec: { request: request.trim(), signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] },
    }),
  });
  const refused = await runbook.current.trySh('$APPROVER certificate approve other-signer', approver);
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    /forbidden: user not permitted to approve requests with signerName "kubernetes.io\/kube-apiserver-client"/,
  );
});
