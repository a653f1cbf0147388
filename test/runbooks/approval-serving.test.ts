/** Sections 5 to 7 and 25 of ACCEPTANCE: serving certificates, which nobody approves unless told to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1CertificateSigningRequest } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { CSR_CRB_LINES } from './csr-crb-manifest.ts';
import { CLIENT_CSR_NAME, CLIENT_SIGNER, readCsrTable, SERVING_CSR_NAME, SERVING_SIGNER } from './csr-table.ts';
import { BOOTSTRAPPER_BINDING, SERVING_KUBELET } from './documents.ts';
import { once } from './once.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { makeBootstrapKubeconfigs, nodeJoined } from './runbook-steps.ts';

/** 002, lines 370-372, in the order that the listing has them. */
const NODES = ['m7-autocv-gpu01', 'm7-autocv-gpu02', 'm7-autocv-gpu03'];

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver();
  await Promise.all([
    cluster.startControllerManager(),
    makeBootstrapKubeconfigs(cluster, [...NODES, 'node1']),
    cluster.sh(BOOTSTRAPPER_BINDING),
    cluster.sh(`${CSR_CRB_LINES}\nkubectl apply -f csr-crb.yaml`),
  ]);
});
const sh: typeof runbook.current.sh = (script, options) => runbook.current.sh(script, options);
const rows = async () => readCsrTable(await sh('kubectl get csr'));
const servingRowsOf = async (node: string) =>
  (await rows()).filter(({ signer, requestor }) => signer === SERVING_SIGNER && requestor === `system:node:${node}`);
const certificateFiles = async (node: string) =>
  (await sh('ls /etc/kubernetes/cert', { host: runbook.current.host(node) })).trimEnd().split('\n');
const isServing = async (node: string) => (await certificateFiles(node)).includes('kubelet-server-current.pem');

/** Every node has joined, and has asked for its serving certificate. */
const joined = once(async () => {
  const kubelets = NODES.map((name) => runbook.current.startKubelet(name, { document: SERVING_KUBELET }));
  await Promise.all(NODES.map((name) => nodeJoined(runbook.current, name)));
  const listing = await until('every node has asked for its serving certificate', async () => {
    const printed = await sh('kubectl get csr');
    return readCsrTable(printed).length === 2 * NODES.length && printed;
  });
  const files = await Promise.all(NODES.map(certificateFiles));
  return { kubelets, files, listing, rows: readCsrTable(listing), nodes: await sh('kubectl get nodes') };
});

/** The administrator approves the request of the first node; the others stay as they are. */
const firstApproved = once(async () => {
  const { kubelets } = await joined();
  const [row] = await servingRowsOf(NODES[0]!);
  await sh(`kubectl certificate approve ${row!.name}`);
  await until('the certificate is there', () => isServing(NODES[0]!));
  return { row: row!, kubelet: kubelets[0]! };
});

test('CHK-04 client and serving requests stand side by side, sorted by name', async () => {
  const { rows: all } = await joined();
  const [serving, client] = [all.slice(0, 3), all.slice(3)];
  for (const { name, signer, condition } of serving) {
    assert.match(name, SERVING_CSR_NAME);
    assert.deepEqual([signer, condition], [SERVING_SIGNER, 'Pending']);
  }
  for (const { name, signer, requestor, condition } of client) {
    assert.match(name, CLIENT_CSR_NAME);
    assert.match(requestor, /^system:bootstrap:[a-z0-9]{6}$/);
    assert.deepEqual([signer, condition], [CLIENT_SIGNER, 'Approved,Issued']);
  }
  const names = all.map(({ name }) => name);
  assert.deepEqual(names, [...names].sort());
});

test('CHK-08 three nodes are listed as Ready while their serving requests are Pending', async () => {
  const [header, ...lines] = (await joined()).nodes.trimEnd().split('\n');
  assert.match(header!, /^NAME +STATUS +ROLES +AGE +VERSION$/);
  assert.equal(lines.length, NODES.length);
  for (const [index, line] of lines.entries())
    assert.match(line, new RegExp(`^${NODES[index]} +Ready +<none> +(?:\\d+[hms])+ +v\\d+\\.\\d+\\.\\d+$`));
});

test('APPR-13 serving requests are named csr- and five characters, and asked for by the node itself', async () => {
  const serving = (await joined()).rows.filter(({ signer }) => signer === SERVING_SIGNER);
  for (const { name } of serving) assert.match(name, SERVING_CSR_NAME);
  assert.deepEqual(
    serving.map(({ requestor }) => requestor).sort(),
    NODES.map((name) => `system:node:${name}`),
  );
});

test('APPR-12 with all bindings in place, client requests are approved and serving requests stay Pending', async () => {
  const serving = (await joined()).rows.filter(({ signer }) => signer === SERVING_SIGNER);
  // A restart makes the controllers look at every request anew.
  const manager = await runbook.current.controllerManager.restart();
  await manager.waitFor(/Started controller controller="certificatesigningrequest-approving-controller"/);
  runbook.current.startKubelet('node1', { document: SERVING_KUBELET });
  await nodeJoined(runbook.current, 'node1');
  const now = await rows();
  for (const { name } of serving) assert.equal(now.find((row) => row.name === name)?.condition, 'Pending');
});

test('ROT-12 serving requests are treated as from 1.11 on: what let 1.10 renew them by itself is granted and changes nothing', async () => {
  await joined();
  const user = `--as=system:node:${NODES[1]} --as-group=system:nodes`;
  const allowed = await sh(
    `kubectl auth can-i create certificatesigningrequests.certificates.k8s.io --subresource=selfnodeserver ${user}`,
  );
  assert.equal(allowed, 'yes\n');
  const [row] = await servingRowsOf(NODES[1]!);
  const csr = await runbook.current.kubectl135.json<V1CertificateSigningRequest>(['get', 'csr', row!.name]);
  assert.equal(csr.status?.conditions, undefined);
});

test('ROT-10 there is no serving certificate file until the request is approved; then there is, without a restart', async () => {
  const { files, kubelets } = await joined();
  for (const names of files) assert.ok(!names.some((name) => name.startsWith('kubelet-server')), names.join(' '));
  const { pid } = kubelets[0]!;
  const { kubelet } = await firstApproved();
  assert.equal(kubelet.pid, pid);
  assert.equal(kubelet.process.exitStatus, undefined);
  const host = runbook.current.host(NODES[0]!);
  const served = await sh(
    `openssl s_client -connect ${host.address}:10250 -CAfile /etc/kubernetes/cert/ca.pem </dev/null 2>/dev/null | openssl x509 -noout -fingerprint`,
    { host },
  );
  assert.equal(
    served,
    await sh('openssl x509 -noout -fingerprint -in /etc/kubernetes/cert/kubelet-server-current.pem', { host }),
  );
});

test('SIGN-06 the kubelet logs that its request is approved and waits, then that it is issued, and the file is there', async () => {
  const { row, kubelet } = await firstApproved();
  const { journal } = kubelet;
  const approved = journal.indexOf(`certificate signing request ${row.name} is approved, waiting to be issued`);
  const issued = journal.indexOf(`certificate signing request ${row.name} is issued`);
  assert.ok(approved >= 0 && issued > approved, journal);
});

test('CHK-13 after the approval there are client and server files with their links', async () => {
  await firstApproved();
  const host = runbook.current.host(NODES[0]!);
  const owner = (await sh('echo "$(id -un) $(id -gn)"')).trim();
  const directory = host.path('/etc/kubernetes/cert');
  const lines = (await sh('ls -l /etc/kubernetes/cert/kubelet-*', { host })).trimEnd().split('\n');
  assert.equal(lines.length, 4);
  for (const [index, kind] of ['client', 'server'].entries()) {
    const [file, link] = lines.slice(2 * index) as [string, string];
    const path = `${directory}/kubelet-${kind}-\\d{4}(?:-\\d\\d){5}\\.pem`;
    assert.match(file, new RegExp(`^-rw-------\\.? 1 ${owner} +\\d+ .* ${path}$`));
    const target = file.split(' ').at(-1)!;
    assert.match(
      link,
      new RegExp(`^lrwxrwxrwx\\.? 1 ${owner} +${target.length} .* ${directory}/kubelet-${kind}-current\\.pem -> ${target}$`),
    );
  }
});
