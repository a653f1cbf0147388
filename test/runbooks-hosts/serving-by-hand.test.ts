/** The runbook "Kubelet" (003) on one host, from bare to certificates that renew themselves. The tests follow each other. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DoctorReport } from '../../src/doctor/report.ts';
import { expired } from '../harness/expired-certificate.ts';
import { CLIENT_CSR_NAME, readCsrTable, SERVING_CSR_NAME } from '../runbooks/csr-table.ts';
import { bridgeLines, startControlPlane } from './control-plane.ts';
import { documentLines } from './document-lines.ts';
import { clientFiles, readyNodes, servingFiles } from './listings.ts';
import { useRunbookHosts } from './runbook-hosts.ts';
import { approveServingRequests } from './serving-requests.ts';

const PROGRAMS = '/usr/local/bin';
const TEST = { timeout: 600_000 };
const SCRIPT = join(import.meta.dirname, '../../bin/generate-kubelet-bootstrap-kubeconfig.sh');
const lines = documentLines('serving-by-hand.sh');

/** A master on the same host, which signs for an hour, and a pod network. */
const runbook = useRunbookHosts({ names: ['node1'], numbers: [10], programs: PROGRAMS }, async (hosts) => {
  await startControlPlane(hosts, {
    ...{ masters: [hosts.first], server: hosts.translate('https://192.168.133.10:6443'), layout: 'ssl', programs: PROGRAMS },
    serviceCidr: '10.254.0.0/16',
    controllerManagerFlags: ['--cluster-signing-duration=1h0m0s'],
  });
  await hosts.sh(bridgeLines(0));
  await hosts.first.shell(
    `cat > /opt/muster/generate-kubelet-bootstrap-kubeconfig.sh <<'END'\n${readFileSync(SCRIPT, 'utf8')}END`,
  );
});

test('TOK-03, TLSB-05: the node joins by itself, and its request for a serving certificate stays Pending', TEST, async () => {
  const hosts = runbook.current;
  for (const step of ['bootstrap-kubeconfig', 'configuration', 'bindings', 'start']) await hosts.sh(lines(step));
  await hosts.shows('kubectl get nodes', readyNodes(1));
  const rows = readCsrTable(await hosts.shows(lines('requests'), /system:node:node1/));
  const [client, serving] = [/^system:bootstrap:\w{6}$/, /^system:node:node1$/].map((who) =>
    rows.find(({ requestor }) => who.test(requestor)),
  );
  assert.match(client!.name, CLIENT_CSR_NAME);
  assert.match(serving!.name, SERVING_CSR_NAME);
  assert.deepEqual([client!.condition, serving!.condition], ['Approved,Issued', 'Pending']);
  const listing = await hosts.sh(lines('certificate-files'));
  clientFiles(listing, '/etc/kubernetes/ssl');
  assert.doesNotMatch(listing, /kubelet-server/);
});

test('ROT-04, CHK-05, CHK-13: once it is approved by hand, the certificate and its link are there', TEST, async () => {
  const hosts = runbook.current;
  const pending = readCsrTable(await hosts.sh(lines('requests'))).filter(({ condition }) => condition === 'Pending');
  const variable = `CSR_NAME=${pending.at(-1)?.name}\n`; // the newest
  assert.equal(
    await hosts.sh(variable + lines('approve')),
    `certificatesigningrequest.certificates.k8s.io/${pending.at(-1)?.name} approved\n`,
  );
  const described = await hosts.shows(variable + lines('describe'), /^Status: +Approved,Issued$/m);
  assert.match(described, /^Requesting User: +system:node:node1$/m);
  const listing = await hosts.shows(lines('certificate-files'), /kubelet-server-current\.pem -> /);
  clientFiles(listing, '/etc/kubernetes/ssl');
  servingFiles(listing, '/etc/kubernetes/ssl');
});

async function showsDeadlines(): Promise<void> {
  const printed = await runbook.current.shows(
    lines('journal'),
    (text) => (text.match(/rotation deadline is/g)?.length ?? 0) >= 2,
  );
  const told = [...printed.matchAll(/Certificate expiration is (.{19}) \+0000 UTC, rotation deadline is (.{19})\S* \+0000 UTC/g)];
  assert.ok(told.length >= 2, printed);
  // A certificate begins five minutes before it is issued.
  for (const [, expires, deadline] of told) {
    const left = (Date.parse(`${expires}Z`) - Date.parse(`${deadline}Z`)) / 60_000;
    assert.ok(left >= 6 && left <= 20, `${expires} and ${deadline}`);
  }
}

test('ROT-02, ROT-05: of the hour that a certificate lives, 70 to 90 % pass before the kubelet renews it', TEST, showsDeadlines);

test('the doctor looks at a host by itself and by ssh, and finds there what the cluster does not show', TEST, async () => {
  const hosts = runbook.current;
  const report = async (flags: string) =>
    JSON.parse(await hosts.sh(`muster doctor -o json --timeout=60s ${flags} || :`)) as DoctorReport;
  const found = ({ findings }: DoctorReport) => findings.map(({ code, subject }) => `${code} ${subject}`);
  await hosts.sh(
    'kubectl create clusterrolebinding kube-apiserver:kubelet-apis --clusterrole=system:kubelet-api-admin --user kubernetes',
  );
  await hosts.shows('kubectl get --raw /api/v1/nodes/node1/proxy/configz', /kubeletconfig/);
  const [own, other] = await Promise.all([report('--host'), report('--ssh root@node1')]);
  assert.deepEqual(own.notSeen, []);
  assert.deepEqual(other.notSeen, []);
  for (const [{ calendar }, prefix] of [
    [own, ''],
    [other, 'root@node1:'],
  ] as const) {
    const where = calendar.map((entry) => entry.where);
    for (const file of ['ca.pem', 'kubelet-client-current.pem', 'kubelet-server-current.pem'])
      assert.ok(where.includes(`${prefix}/etc/kubernetes/ssl/${file}`), `${file} in ${where.join(', ')}`);
  }
  // The link to a current certificate may be read by everybody, and what it leads to may not.
  for (const { findings } of [own, other])
    assert.deepEqual(
      findings.filter(({ code, severity }) => code === 'DOC-802' && severity === 'error'),
      [],
    );
  await hosts.sh('chmod 644 /etc/kubernetes/ssl/ca.key; echo "maxPods: 17" >> /etc/kubernetes/kubelet-config.yaml');
  const sick = await report('--ssh root@node1');
  for (const fault of ['DOC-802 file/root@node1:/etc/kubernetes/ssl/ca.key', 'DOC-521 node/node1'])
    assert.deepEqual([found(other).includes(fault), found(sick).includes(fault)], [false, true], fault);
  await hosts.sh('chmod 640 /etc/kubernetes/ssl/ca.key; sed -i "/maxPods: 17/d" /etc/kubernetes/kubelet-config.yaml');
});

test(
  'a node whose certificate ran out while it was off is brought back by `muster rescue --ssh`, and one that is well is left alone',
  TEST,
  async () => {
    const hosts = runbook.current;
    const rescue = (flags = '') => hosts.first.tryShell(`cd /root && muster rescue --ssh root@node1 ${flags}`);
    const refused = await rescue('node1 --yes');
    assert.equal(refused.status, 1);
    assert.match(
      refused.stdout,
      /^node1: nothing to rescue, its client certificate ends in \d+ minutes, so that it needs no other/,
    );
    await hosts.sh('systemctl stop kubelet');
    const file = '/etc/kubernetes/ssl/kubelet-client-current.pem';
    const [pem, certificatePem, privateKeyPem] = await Promise.all(
      [file, '/etc/kubernetes/ssl/ca.pem', '/etc/kubernetes/ssl/ca.key'].map((path) => hosts.sh(`cat ${path}`)),
    );
    const old = await expired(pem!, { certificatePem: certificatePem!, privateKeyPem: privateKeyPem! });
    await hosts.sh(`cat > ${file} <<'END'\n${old}END\nrm /etc/kubernetes/kubelet-bootstrap.kubeconfig`);
    const plan = await rescue();
    assert.match(
      plan.stdout,
      /^This is a plan: nothing has been done\. It is carried out with --yes\.\n\nnode1: its client certificate ran out 60 days ago$/m,
    );
    const done = await rescue('--yes --timeout=90s');
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stderr, /^node1: has a bootstrap kubeconfig, and its kubelet is restarted\nnode1: Ready\n/);
    clientFiles(await hosts.sh(lines('certificate-files')), '/etc/kubernetes/ssl');
    assert.match((await rescue()).stdout, /^node1: nothing to rescue, its client certificate ends in/);
  },
);

test('ROT-04, CHK-13: `muster deploy` makes the same of the bare host', TEST, async (t) => {
  const hosts = runbook.current;
  t.diagnostic(`apply took ${await hosts.deploy('deploy-short-certificates.yaml')} s`);
  await approveServingRequests(hosts);
  const listing = await hosts.shows(lines('certificate-files'), /kubelet-server-current\.pem -> /);
  clientFiles(listing, '/etc/kubernetes/ssl');
  servingFiles(listing, '/etc/kubernetes/ssl');
  await showsDeadlines();
});
