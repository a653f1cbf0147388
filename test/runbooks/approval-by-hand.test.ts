/** Sections 5, 6, 11 and 25 of ACCEPTANCE: client requests that an administrator approves, and the nodes that then join. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { CLIENT_CSR_NAME, CLIENT_SIGNER, readCsrTable } from './csr-table.ts';
import { BOOTSTRAPPER_BINDING } from './documents.ts';
import { once } from './once.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { makeBootstrapKubeconfigs } from './runbook-steps.ts';

/** Masters and workers of 000, lines 324-329. */
const NODES = ['k8s-m01', 'k8s-m02', 'k8s-m03', 'k8s-n01', 'k8s-n02'];

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver();
  await Promise.all([
    cluster.startControllerManager(),
    makeBootstrapKubeconfigs(cluster, NODES),
    cluster.sh(BOOTSTRAPPER_BINDING),
  ]);
});
const sh = (script: string) => runbook.current.sh(script);

/** All kubelets run, and nobody has approved anything. */
const pending = once(async () => {
  const kubelets = NODES.map((name) => runbook.current.startKubelet(name));
  const listing = await until('every kubelet has asked for a certificate', async () => {
    const printed = await sh('kubectl get csr');
    return readCsrTable(printed).length === NODES.length && printed;
  });
  const nodes = await runbook.current.trySh('kubectl get nodes');
  return { kubelets, listing, nodes, names: readCsrTable(listing).map(({ name }) => name) };
});

/** The first request is approved, by its name. */
const oneApproved = once(async () => {
  const { names } = await pending();
  return { name: names[0]!, printed: await sh(`kubectl certificate approve ${names[0]}`) };
});

/** The others are, in one call. Every node joins. */
const allApproved = once(async () => {
  const { kubelets, names } = await pending();
  await oneApproved();
  const others = names.slice(1);
  const printed = await sh(`kubectl certificate approve ${others.join(' ')}`);
  const nodes = await until('every node is Ready', async () => {
    const table = await sh('kubectl get node');
    return table.split('\n').filter((line) => / Ready /.test(line)).length === NODES.length && table;
  });
  return { kubelets, names, others, printed, nodes, listing: await sh('kubectl get csr') };
});

const nodeObjects = async () => (await runbook.current.kubectl135.json<{ items: V1Node[] }>('get nodes')).items;

test('CHK-02 the requests of kubelets that have just started are Pending, each from its own token', async () => {
  const rows = readCsrTable((await pending()).listing);
  for (const { name, signer, requestor, condition } of rows) {
    assert.match(name, CLIENT_CSR_NAME);
    assert.equal(signer, CLIENT_SIGNER);
    assert.match(requestor, /^system:bootstrap:[a-z0-9]{6}$/);
    assert.equal(condition, 'Pending');
  }
  assert.equal(new Set(rows.map(({ requestor }) => requestor)).size, NODES.length);
  const names = rows.map(({ name }) => name);
  assert.deepEqual(names, [...names].sort(), 'sorted by name');
});

test('CHK-06 there is no node while the requests are Pending', async () => {
  const { nodes } = await pending();
  assert.equal(nodes.status, 0);
  assert.equal(nodes.stdout, '');
  assert.match(nodes.stderr, /^No resources found\.?$/m);
});

test('APPR-01 an administrator approves a client request by the name that the kubelet gave it', async () => {
  const { name } = await oneApproved();
  const row = await until('it is issued', async () => {
    const found = readCsrTable(await sh(`kubectl get csr ${name}`))[0]!;
    return found.condition === 'Approved,Issued' && found;
  });
  assert.equal(row.name, name);
  const issued = await sh(
    `kubectl get csr ${name} -o jsonpath='{.status.certificate}' | base64 -d | openssl x509 -noout -subject`,
  );
  assert.match(issued, /O ?= ?system:nodes, ?CN ?= ?system:node:k8s-[mn]0\d/);
});

test('APPR-02 one call approves several requests', async () => {
  const { others, printed } = await allApproved();
  assert.equal(others.length, 4);
  assert.deepEqual(
    printed.trimEnd().split('\n'),
    others.map((name) => `certificatesigningrequest.certificates.k8s.io/${name} approved`),
  );
});

test('APPR-03 an approval is confirmed in the documents’ words, by old and new kubectls', async () => {
  const { name, printed } = await oneApproved();
  const line = `certificatesigningrequest.certificates.k8s.io/${name} approved\n`;
  assert.equal(printed, line);
  assert.equal(await runbook.current.kubectl135.run(['certificate', 'approve', name]), line);
});

test('CHK-03 after approval the same requests are Approved,Issued', async () => {
  const { listing, names } = await allApproved();
  const rows = readCsrTable(listing);
  assert.deepEqual(
    rows.map(({ name }) => name),
    names,
  );
  for (const { condition, requestor } of rows) {
    assert.equal(condition, 'Approved,Issued');
    assert.match(requestor, /^system:bootstrap:[a-z0-9]{6}$/);
  }
});

test('SIGN-02 the condition column reads Approved,Issued once a request is approved and signed, to old and new kubectls', async () => {
  const { names } = await allApproved();
  for (const { run } of [runbook.current.kubectl120, runbook.current.kubectl135]) {
    const rows = (await run('get csr --no-headers')).trimEnd().split('\n');
    assert.equal(rows.length, names.length);
    for (const row of rows) assert.match(row, / Approved,Issued$/);
  }
});

test('CHK-05 a request is described with its user, its subject and no events', async () => {
  const { names } = await allApproved();
  const printed = await sh(`kubectl describe  csr ${names[0]}`);
  const expected = [
    `Name:               ${names[0]}`,
    'Labels:             <none>',
    'Annotations:        <none>',
    /^CreationTimestamp: {2}\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}$/,
    /^Requesting User: {4}system:bootstrap:[a-z0-9]{6}$/,
    // Of servers since 1.18.
    `Signer:             ${CLIENT_SIGNER}`,
    'Status:             Approved,Issued',
    'Subject:',
    /^ +Common Name: {4}system:node:k8s-[mn]0\d$/,
    /^ +Serial Number: *$/,
    /^ +Organization: {3}system:nodes$/,
    'Events:  <none>',
  ];
  const lines = printed.trimEnd().split('\n');
  assert.equal(lines.length, expected.length, printed);
  for (const [index, line] of lines.entries()) {
    const wanted = expected[index]!;
    if (typeof wanted === 'string') assert.equal(line.trimEnd(), wanted);
    else assert.match(line, wanted);
  }
});

test('CHK-07 five nodes are listed, by the singular too', async () => {
  const [header, ...rows] = (await allApproved()).nodes.trimEnd().split('\n');
  assert.match(header!, /^NAME +STATUS +ROLES +AGE +VERSION$/);
  assert.deepEqual(
    rows.map((row) => row.split(/\s+/)[0]),
    NODES,
  );
  for (const row of rows) assert.match(row, /^k8s-[mn]0\d +Ready +<none> +(?:\d+[hms])+ +v\d+\.\d+\.\d+$/);
});

test('NODE-01 each kubelet has registered its node by itself; one that is told not to has not', async () => {
  const { kubelets } = await allApproved();
  for (const { journal } of kubelets) assert.match(journal, /Successfully registered node/);
  const bootstrapKubeconfig = `${runbook.current.master.home}/kubelet-bootstrap-k8s-n02.kubeconfig`;
  const flags = ['--register-node=false'];
  const silent = runbook.current.startKubelet('k8s-n03', { flags, bootstrapKubeconfig });
  const mine = await until('it has asked for a certificate', async () =>
    readCsrTable(await sh('kubectl get csr')).find(({ condition }) => condition === 'Pending'),
  );
  await sh(`kubectl certificate approve ${mine.name}`);
  await until('it serves its API', () =>
    sh(`curl -sk -o /dev/null https://${runbook.current.host('k8s-n03').address}:10250/healthz && echo yes`),
  );
  await silent.ready();
  const { status, stderr } = await runbook.current.trySh('kubectl get node k8s-n03');
  assert.equal(status, 1);
  assert.match(stderr, /nodes "k8s-n03" not found/);
  assert.doesNotMatch(silent.journal, /Attempting to register node/);
  await silent.stop();
});

test('NODE-02 a node has the name of --hostname-override, as different on every host as the hosts’ addresses', async () => {
  await allApproved();
  const nodes = await nodeObjects();
  assert.deepEqual(
    nodes.map(({ metadata }) => metadata?.name),
    NODES,
  );
  for (const { metadata, status } of nodes) {
    const name = metadata!.name!;
    assert.equal(metadata?.labels?.['kubernetes.io/hostname'], name);
    assert.deepEqual(status?.addresses, [
      { type: 'InternalIP', address: runbook.current.host(name).address },
      { type: 'Hostname', address: name },
    ]);
  }
});

test('NODE-03 masters are nodes like the others: no role, no taint', async () => {
  const { nodes } = await allApproved();
  for (const row of nodes.trimEnd().split('\n').slice(1)) assert.equal(row.split(/\s+/)[2], '<none>');
  for (const { metadata, spec } of await nodeObjects()) {
    assert.deepEqual(
      Object.keys(metadata?.labels ?? {}).filter((label) => label.includes('role')),
      [],
    );
    assert.equal(spec?.taints, undefined);
  }
});

test('NODE-04 VERSION is the version that the kubelet logs at start', async () => {
  const { kubelets, nodes } = await allApproved();
  for (const [index, row] of nodes.trimEnd().split('\n').slice(1).entries()) {
    const logged = /\] Version: (v\S+)/.exec(kubelets[index]!.journal)?.[1];
    assert.ok(logged, 'the kubelet logs its version');
    assert.equal(row.split(/\s+/)[4], logged);
  }
});

test('NODE-05 every node is Ready after the approval, without anybody touching it', async () => {
  const { kubelets } = await allApproved();
  for (const { status } of await nodeObjects()) {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    assert.equal(ready?.status, 'True');
    assert.equal(ready.reason, 'KubeletReady');
  }
  // The same processes that had asked.
  for (const { process } of kubelets) assert.equal(process.exitStatus, undefined);
});
