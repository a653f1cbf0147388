/** `muster approver` beside a cluster of component processes: real kubelets ask, kubectl shows what came of it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { type ComponentProcess, PROGRAM, startProgram } from '../harness/component-process.ts';
import { until } from '../harness/until.ts';
import { CSR_CRB_LINES } from '../runbooks/csr-crb-manifest.ts';
import { readCsrTable, SERVING_SIGNER } from '../runbooks/csr-table.ts';
import { BOOTSTRAPPER_BINDING, SERVING_KUBELET } from '../runbooks/documents.ts';
import { once } from '../runbooks/once.ts';
import { requestAsNode } from '../runbooks/request-as-node.ts';
import { useRunbookCluster } from '../runbooks/runbook-cluster.ts';
import { makeBootstrapKubeconfigs, nodeJoined } from '../runbooks/runbook-steps.ts';

const AUDIT_POLICY = `
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: RequestResponse
  resources: [{ group: certificates.k8s.io, resources: [certificatesigningrequests, certificatesigningrequests/*] }]
- level: None
`;
const NODES = ['node-a', 'node-b'];
const runbook = useRunbookCluster(async (cluster) => {
  writeFileSync(cluster.path('/etc/kubernetes/audit-policy.yaml'), AUDIT_POLICY);
  await cluster.startApiserver({
    flags: ['--audit-policy-file=/etc/kubernetes/audit-policy.yaml', '--audit-log-path=/etc/kubernetes/audit.log'],
  });
  await Promise.all([
    cluster.startControllerManager(),
    makeBootstrapKubeconfigs(cluster, NODES),
    cluster.sh(BOOTSTRAPPER_BINDING),
    cluster.sh(`${CSR_CRB_LINES}\nkubectl apply -f csr-crb.yaml`),
  ]);
});
const sh: typeof runbook.current.sh = (script, options) => runbook.current.sh(script, options);
const started: ComponentProcess[] = [];
after(() => Promise.all(started.map((process) => process.stop())));

const conditionOf = async (name: string) => readCsrTable(await sh('kubectl get csr')).find((row) => row.name === name)?.condition;
const servingRows = async (node: string) =>
  readCsrTable(await sh('kubectl get csr')).filter(
    ({ signer, requestor }) => signer === SERVING_SIGNER && requestor === `system:node:${node}`,
  );
const inventoryPath = () => runbook.current.path('/etc/kubernetes/nodes.yaml');

function startApprover(...flags: string[]): ComponentProcess {
  const kubeconfig = `${runbook.current.master.home}/.kube/config`;
  const process = startProgram(PROGRAM, [
    ...['approver', `--kubeconfig=${kubeconfig}`, '--secure-port=0', '--allow-loopback', '--leader-elect=false'],
    ...flags,
  ]);
  started.push(process);
  return process;
}

/** Both nodes have joined and wait for their serving certificates; the inventory knows the address of the first one alone. */
const waiting = once(async () => {
  const kubelets = NODES.map((name) => runbook.current.startKubelet(name, { document: SERVING_KUBELET }));
  await Promise.all(NODES.map((name) => nodeJoined(runbook.current, name)));
  await until('both ask for a serving certificate', async () =>
    (await Promise.all(NODES.map(servingRows))).every((rows) => rows.length > 0),
  );
  writeFileSync(inventoryPath(), `node-a: ${runbook.current.host('node-a').address}\n`);
  return kubelets;
});

test('a report says what would become of the requests that are there, and changes nothing', async () => {
  await waiting();
  const process = startApprover('--report', `--names-file=${inventoryPath()}`);
  assert.equal(await process.exited, 0, process.output);
  assert.match(process.output, /^NAME +NODE +PURPOSE +IS +WOULD +BECAUSE$/m);
  assert.match(process.output, /^csr-\w+ +node-a +serving +Pending +approve +all rules hold$/m);
  assert.match(process.output, /^csr-\w+ +node-b +serving +Pending +wait +APV-308 NamesProven$/m);
  assert.equal((await servingRows('node-a'))[0]!.condition, 'Pending');
});

test('a node whose address the inventory knows gets its certificate; another one waits and is told why', async () => {
  await waiting();
  const process = startApprover(`--names-file=${inventoryPath()}`);
  const [rowA] = await servingRows('node-a');
  await until('the first is issued', async () => (await conditionOf(rowA!.name)) === 'Approved,Issued');
  const files = await sh('ls /etc/kubernetes/cert', { host: runbook.current.host('node-a') });
  await until('its file is there', async () =>
    (await sh('ls /etc/kubernetes/cert', { host: runbook.current.host('node-a') })).includes('kubelet-server-current.pem'),
  );
  assert.ok(files);
  const [rowB] = await servingRows('node-b');
  await process.waitForOutput(new RegExp(`request waits.*${rowB!.name}.*APV-308`));
  assert.equal(await conditionOf(rowB!.name), 'Pending');
  await until('an Event says why', async () =>
    /Warning +NamesProven +CertificateSigningRequest\/csr-\w+ +APV-308/i.test(
      (await sh('kubectl get events --all-namespaces')).replaceAll('certificatesigningrequest', 'CertificateSigningRequest'),
    ),
  );
  // What an operator writes into the inventory counts without a restart.
  writeFileSync(
    inventoryPath(),
    `node-a: ${runbook.current.host('node-a').address}\nnode-b: [${runbook.current.host('node-b').address}]\n`,
  );
  await sh(`kubectl label node node-b looked-at=again`);
  await until('the second is issued', async () => (await conditionOf(rowB!.name)) === 'Approved,Issued');
  const approved = JSON.parse(await sh(`kubectl get csr ${rowB!.name} -o json`));
  assert.deepEqual(
    approved.status.conditions.map(({ type, reason }: { type: string; reason: string }) => [type, reason]),
    [['Approved', 'AllRulesHold']],
  );
});

test('a request is explained rule by rule, with what mends it', async () => {
  await waiting();
  const [row] = await servingRows('node-a');
  const kubeconfig = `${runbook.current.master.home}/.kube/config`;
  const explain = async (...flags: string[]) => {
    const process = startProgram(PROGRAM, ['explain', 'csr', row!.name, `--kubeconfig=${kubeconfig}`, ...flags]);
    return { status: await process.exited, printed: process.output };
  };
  const bare = await explain();
  assert.equal(bare.status, 1);
  assert.match(bare.printed, /^✓ APV-104 The common name .*\(system:node:node-a\)$/m);
  assert.match(
    bare.printed,
    /^✗ APV-305 Each address can be a host’s.*\n +seen: +"127\.\S+" \(loopback\)\n +wanted: addresses of hosts\n +mend: +set --node-ip/m,
  );
  const whole = await explain('--allow-loopback', `--names-file=${inventoryPath()}`, '-o', 'json');
  assert.equal(whole.status, 0, whole.printed);
  assert.equal(JSON.parse(whole.printed).outcome, 'approve');
});

test('a node that asks for another’s name is denied, with the rule that says so', async () => {
  await waiting();
  const made = await requestAsNode(runbook.current, 'node-a', { name: 'theft', signer: SERVING_SIGNER, usage: 'server auth' });
  assert.equal(made.status, 0, made.stderr);
  await until('its own is approved', async () => (await conditionOf('theft')) === 'Approved,Issued');
  const stolen = { signer: SERVING_SIGNER, usage: 'server auth' } as const;
  const thefts = [
    ['the-other-node', 'DNS:node-a,DNS:node-b', /APV-306 .*node-b.*: it is the name of another node/],
    ['the-api-server', 'DNS:kubernetes.default.svc', /APV-306/],
    ['a-service', 'IP:10.0.0.1', /APV-306 .*(range of Services|address of a Service)/],
    ['a-wildcard', 'DNS:*.example.com', /APV-304/],
  ] as const;
  for (const [name, alternativeNames, why] of thefts) {
    const made = await requestAsNode(runbook.current, 'node-a', { name, alternativeNames, ...stolen });
    assert.equal(made.status, 0, made.stderr);
    await until(`${name} is denied`, async () => (await conditionOf(name)) === 'Denied');
    assert.match(await sh(`kubectl get csr ${name} -o json`), why);
  }
});

test('of several requests of a node the newest counts, and the others are marked', async () => {
  await waiting();
  await Promise.all(started.map((process) => process.stop()));
  for (const name of ['older', 'newer']) {
    const made = await requestAsNode(runbook.current, 'node-b', {
      ...{ name, signer: SERVING_SIGNER, usage: 'server auth' },
      alternativeNames: 'DNS:node-b,DNS:node-b.example.com',
    });
    assert.equal(made.status, 0, made.stderr);
    // Creation times have whole seconds: the second one is to be the later.
    const second = Math.floor(Date.now() / 1000);
    await until('the next second has begun', () => Math.floor(Date.now() / 1000) > second);
  }
  const process = startApprover(`--names-file=${inventoryPath()}`);
  await process.waitForOutput(/waits.*older/);
  await until('the older one is marked', async () => /"Superseded"/.test(await sh('kubectl get csr older -o json')));
  assert.equal(await conditionOf('newer'), 'Pending');
  assert.match(await sh('kubectl get csr older -o json'), /APV-501 newer is a newer request/);
});

test('requests that the cluster has forgotten are judged out of the audit log', async () => {
  await waiting();
  await sh('kubectl delete csr --all');
  const log = runbook.current.path('/etc/kubernetes/audit.log');
  const process = startApprover('--report', `--names-file=${inventoryPath()}`, `--audit-log=${log}`);
  assert.equal(await process.exited, 0, process.output);
  assert.match(process.output, /^csr-\w{5} +node-a +serving +Issued +approve +all rules hold$/m);
  assert.match(process.output, /^theft +node-a +serving +Issued +approve/m);
  assert.match(process.output, /^a-wildcard +node-a +serving +Denied +deny +APV-304 /m);
  assert.match(process.output, /^\S+ +node-a +client +Issued +\w+ /m);
});
