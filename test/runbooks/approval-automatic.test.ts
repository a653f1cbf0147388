/** Section 5 of ACCEPTANCE: bindings that let the controller-manager approve client requests, applied and made by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1CertificateSigningRequest, V1ClusterRole, V1ClusterRoleBinding } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { CSR_CRB_LINES } from './csr-crb-manifest.ts';
import { CLIENT_SIGNER, readCsrTable, SERVING_SIGNER } from './csr-table.ts';
import { BOOTSTRAPPER_BINDING } from './documents.ts';
import { once } from './once.ts';
import { requestAsNode } from './request-as-node.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { makeBootstrapKubeconfigs, nodeJoined } from './runbook-steps.ts';

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver();
  await Promise.all([
    cluster.startControllerManager(),
    makeBootstrapKubeconfigs(cluster, ['k8s-m01', 'k8s-n01']),
    cluster.sh(BOOTSTRAPPER_BINDING),
  ]);
});
const sh: typeof runbook.current.sh = (script, options) => runbook.current.sh(script, options);
const csrOf = (name: string) => runbook.current.kubectl120.json<V1CertificateSigningRequest>(['get', 'csr', name]);

/** 001, lines 809-827, as written: the third and the fourth are wrong (M-02). */
const IMPERATIVE_LINES = `
kubectl create clusterrolebinding auto-approve-csrs-for-group \\
        --clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient \\
        --group=system:bootstrappers

kubectl create clusterrolebinding node-client-cert-renewal \\
        --clusterrole=system:certificates.k8s.io:certificatesigningrequests:selfnodeclient \\
        --group=system:nodes

kubectl create clusterrole approve-node-server-renewal-csr --verb=create \\
        --resource=certificatesigningrequests/selfnodeserver \\
        --resource-name=certificates.k8s.io

kubectl create clusterrolebinding node-server-cert-renewal --clusterrole=system:certificates.k8s.io:certificatesigningrequests:selfnodeserver --group=system:nodes
`;
const BINDINGS = ['auto-approve-csrs-for-group', 'node-client-cert-renewal', 'node-server-cert-renewal'];
const ROLE = 'approve-node-server-renewal-csr';

/** A kubelet has asked while nobody could approve. Before, the imperative form was tried and taken back. */
const pending = once(async () => {
  await imperative();
  const kubelet = runbook.current.startKubelet('k8s-m01');
  const row = await until('the kubelet has asked', async () => readCsrTable(await sh('kubectl get csr'))[0]);
  const reviewed = await runbook.current.controllerManager.waitFor(/subject access review was not approved.*csr="?([\w-]+)"?/);
  return { kubelet, row, reviewed: reviewed[1], csr: await csrOf(row.name) };
});

const imperative = once(async () => {
  const printed = await sh(IMPERATIVE_LINES);
  const role = await runbook.current.kubectl120.json<V1ClusterRole>(`get clusterrole ${ROLE}`);
  const binding = await runbook.current.kubectl120.json<V1ClusterRoleBinding>(`get clusterrolebinding ${BINDINGS[2]}`);
  await sh(`kubectl delete clusterrolebinding ${BINDINGS.join(' ')} && kubectl delete clusterrole ${ROLE}`);
  return { printed, role, binding };
});

const reviewsSoFar = async () => {
  const metrics = await runbook.current.kubectl120.run(['get', '--raw', '/metrics']);
  return metrics
    .split('\n')
    .filter((line) => line.startsWith('apiserver_request_total{') && line.includes('resource="subjectaccessreviews"'))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
};

/** `kubectl apply -f csr-crb.yaml`; the node then joins. */
const applied = once(async () => {
  await pending();
  await sh(CSR_CRB_LINES);
  const reviews = await reviewsSoFar();
  const printed = await sh('kubectl apply -f csr-crb.yaml');
  await nodeJoined(runbook.current, 'k8s-m01');
  return { printed, reviews: (await reviewsSoFar()) - reviews };
});

const issued = (name: string) =>
  until(`${name} is issued`, async () => (await csrOf(name)).status?.certificate !== undefined && (await csrOf(name)));

/** The node asks for a serving certificate, and after that for a new client certificate, which it gets. */
const renewed = once(async () => {
  await applied();
  const serving = await requestAsNode(runbook.current, 'k8s-m01', {
    name: 'by-hand-serving',
    signer: SERVING_SIGNER,
    usage: 'server auth',
  });
  const client = await requestAsNode(runbook.current, 'k8s-m01', {
    name: 'by-hand-client',
    signer: CLIENT_SIGNER,
    usage: 'client auth',
  });
  assert.deepEqual([serving.stderr, client.stderr], ['', '']);
  return { client: await issued('by-hand-client'), serving: await csrOf('by-hand-serving') };
});

test('APPR-08 the imperative commands are taken as written, the wrong third and fourth too', async () => {
  const { printed, role, binding } = await imperative();
  assert.deepEqual(printed.trimEnd().split('\n'), [
    `clusterrolebinding.rbac.authorization.k8s.io/${BINDINGS[0]} created`,
    `clusterrolebinding.rbac.authorization.k8s.io/${BINDINGS[1]} created`,
    `clusterrole.rbac.authorization.k8s.io/${ROLE} created`,
    `clusterrolebinding.rbac.authorization.k8s.io/${BINDINGS[2]} created`,
  ]);
  assert.deepEqual(role.rules, [
    {
      apiGroups: ['certificates.k8s.io'],
      resourceNames: ['certificates.k8s.io'],
      resources: ['certificatesigningrequests/selfnodeserver'],
      verbs: ['create'],
    },
  ]);
  const missing = binding.roleRef.name;
  assert.equal(missing, 'system:certificates.k8s.io:certificatesigningrequests:selfnodeserver');
  assert.match((await runbook.current.trySh(`kubectl get clusterrole ${missing}`)).stderr, /not found/);
});

test('APPR-04 the manifest of four objects is applied as printed, odd indentation included, and again', async () => {
  const { printed } = await applied();
  const objects = [
    `clusterrolebinding.rbac.authorization.k8s.io/${BINDINGS[0]}`,
    `clusterrolebinding.rbac.authorization.k8s.io/${BINDINGS[1]}`,
    `clusterrole.rbac.authorization.k8s.io/${ROLE}`,
    `clusterrolebinding.rbac.authorization.k8s.io/${BINDINGS[2]}`,
  ];
  const printing = (word: string) => objects.map((object) => `${object} ${word}\n`).join('');
  assert.equal(printed, printing('created'));
  for (const version of ['1.20', '1.35'] as const)
    assert.equal(await sh('kubectl apply -f csr-crb.yaml', { version }), printing('unchanged'));
});

test('APPR-09 a request older than the bindings is approved once they exist, with no new request', async () => {
  const { csr, kubelet, row } = await pending();
  assert.equal(row.condition, 'Pending');
  await applied();
  const after = await csrOf(row.name);
  assert.equal(after.metadata?.uid, csr.metadata?.uid);
  assert.ok(after.status?.certificate);
  const own = readCsrTable(await sh('kubectl get csr')).filter(({ requestor }) => requestor === row.requestor);
  assert.equal(own.length, 1);
  assert.equal(kubelet.process.exitStatus, undefined);
});

test('APPR-10 the controller asks by SubjectAccessReview whether the requesting user has the permission', async () => {
  const { reviewed, row } = await pending();
  assert.equal(reviewed, row.name, 'without the binding the review said no');
  const { reviews } = await applied();
  assert.ok(reviews >= 1, `${reviews} reviews`);
  const [approval] = (await csrOf(row.name)).status?.conditions ?? [];
  assert.equal(approval?.type, 'Approved');
  assert.equal(approval.reason, 'AutoApproved');
  assert.equal(approval.message, 'Auto approving kubelet client certificate after SubjectAccessReview.');
  const canI = (user: string, group: string) =>
    runbook.current.trySh(
      `kubectl auth can-i create certificatesigningrequests.certificates.k8s.io --subresource=nodeclient --as=${user} --as-group=${group}`,
    );
  assert.equal((await canI(row.requestor, 'system:bootstrappers')).stdout, 'yes\n');
  assert.equal((await canI(row.requestor, 'somebody-else')).stdout, 'no\n');
});

test('APPR-11 the bindings are listed', async () => {
  await applied();
  const [header, ...rows] = (await sh('kubectl get clusterrolebindings')).trimEnd().split('\n');
  assert.match(header!, /^NAME +ROLE +AGE$/);
  const prefix = 'ClusterRole/system:certificates.k8s.io:certificatesigningrequests';
  const roles = [`${prefix}:nodeclient`, `${prefix}:selfnodeclient`, `ClusterRole/${ROLE}`];
  for (const [index, name] of BINDINGS.entries()) {
    const row = rows.find((line) => line.startsWith(`${name} `));
    assert.equal(row?.split(/\s+/)[1], roles[index]);
    assert.match(row!.split(/\s+/)[2]!, /^(\d+[hms])+$/);
  }
});

test('APPR-05 with auto-approve-csrs-for-group a node’s first request needs no administrator', async () => {
  await applied();
  runbook.current.startKubelet('k8s-n01');
  await nodeJoined(runbook.current, 'k8s-n01');
  const rows = readCsrTable(await sh('kubectl get csr')).filter(({ name }) => name.startsWith('node-csr-'));
  assert.deepEqual(
    rows.map(({ condition }) => condition),
    ['Approved,Issued', 'Approved,Issued'],
  );
});

test('APPR-06 with node-client-cert-renewal a node’s renewals are approved, for group system:nodes and its own name only', async () => {
  const { client } = await renewed();
  assert.equal(client.spec.username, 'system:node:k8s-m01');
  assert.ok(client.spec.groups?.includes('system:nodes'));
  assert.equal(
    client.status?.conditions?.[0]?.message,
    'Auto approving self kubelet client certificate after SubjectAccessReview.',
  );
  const subject = await sh(
    `kubectl get csr by-hand-client -o jsonpath='{.status.certificate}' | base64 -d | openssl x509 -noout -subject`,
  );
  assert.match(subject, /O ?= ?system:nodes, ?CN ?= ?system:node:k8s-m01$/m);
  const foreign = await requestAsNode(runbook.current, 'k8s-m01', {
    name: 'foreign',
    signer: CLIENT_SIGNER,
    usage: 'client auth',
    subject: 'k8s-n01',
  });
  assert.equal(foreign.status, 1);
  assert.match(foreign.stderr, /forbidden.*can only create a node CSR with CN=system:node:k8s-m01/);
});

test('APPR-07 node-server-cert-renewal gives the permission, and no serving request is approved by it', async () => {
  const { serving } = await renewed();
  const allowed = await sh(
    'kubectl auth can-i create certificatesigningrequests.certificates.k8s.io --subresource=selfnodeserver --as=system:node:k8s-m01 --as-group=system:nodes',
  );
  assert.equal(allowed, 'yes\n');
  // The client request, made after it, was approved and issued meanwhile.
  assert.equal(serving.status?.conditions, undefined);
  const row = readCsrTable(await sh('kubectl get csr by-hand-serving'))[0]!;
  assert.deepEqual([row.requestor, row.condition], ['system:node:k8s-m01', 'Pending']);
});
