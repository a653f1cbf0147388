/** The runbook "2053 kubelet" (004) on three hosts that have only a kubelet, and a master. The tests follow each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SystemdHost } from '../harness/systemd-hosts.ts';
import { CLIENT_CSR_NAME, readCsrTable } from '../runbooks/csr-table.ts';
import { bridgeLines, startControlPlane } from './control-plane.ts';
import { documentLines } from './document-lines.ts';
import { clientFiles, readyNodes } from './listings.ts';
import { useRunbookHosts } from './runbook-hosts.ts';

const NODES = ['py-modelo2o08cn-p005', 'py-modelo2o08cn-p006', 'py-modelo2o08cn-p007'];
const PROGRAMS = '/usr/local/bin';
const TEST = { timeout: 600_000 };
const lines = documentLines('static-token.sh');

/** A master, and a pod network: Docker's own in the document. */
const runbook = useRunbookHosts(
  { names: ['master', ...NODES], numbers: [115, 116, 153, 154], programs: PROGRAMS },
  async (hosts) => {
    await startControlPlane(hosts, {
      ...{ masters: [hosts.first], server: hosts.translate('https://10.40.61.115:6443'), layout: 'ssl', programs: PROGRAMS },
      serviceCidr: '10.254.0.0/16',
    });
    await Promise.all(hosts.all.map((host, i) => hosts.on(host, bridgeLines(i))));
  },
);
const nodes = () => runbook.current.all.slice(1);
const onNode = (host: SystemdHost, step: string) =>
  runbook.current.on(host, `NODE_NAME=${host.name} NODE_IP=${host.address}\n${lines(step)}`);
const pendingOf = (text: string) => readCsrTable(text).filter(({ condition }) => condition === 'Pending');

test(
  'TOK-15, DIST-08, DIST-09: a token of 128 bits goes to the API server and, in a kubeconfig, to all nodes',
  TEST,
  async () => {
    assert.match(await runbook.current.sh(lines('token')), /^[0-9a-f]{32},kubelet-bootstrap,10001,"system:kubelet-bootstrap"\n$/);
    for (const step of ['token-flag', 'kubeconfigs', 'distribute']) await runbook.current.sh(lines(step));
    for (const host of nodes())
      assert.match(
        await host.shell('ls /etc/kubernetes/bootstrap-token.csv /srv/kubernetes/kubeconfig'),
        /^\/etc\/kubernetes\/bootstrap-token\.csv\n.*\nbootstrap\.kubeconfig\nkube-proxy\.kubeconfig\n$/s,
      );
  },
);

test('TLSB-04, QA-02: before its user may, the kubelet cannot ask; its journal says who may not', TEST, async () => {
  await Promise.all(
    nodes().map(async (host) => {
      for (const step of ['configuration', 'unit', 'start']) await onNode(host, step);
      await runbook.current.shows('journalctl -u kubelet -o cat', /User "kubelet-bootstrap" cannot create/, host);
      await onNode(host, 'stop');
    }),
  );
});

test('HOST-19, APPR-17: bound, it asks; an administrator approves the first by hand', TEST, async () => {
  await runbook.current.sh(lines('bootstrapper-binding'));
  await Promise.all(nodes().map((host) => onNode(host, 'start')));
  const printed = await runbook.current.shows(
    lines('requests'),
    (text) => text !== '' && pendingOf(text).length === NODES.length,
  );
  for (const { name, requestor } of pendingOf(printed)) {
    assert.match(name, CLIENT_CSR_NAME);
    assert.equal(requestor, 'kubelet-bootstrap');
  }
  await runbook.current.sh(`kubectl certificate approve ${pendingOf(printed)[0]?.name}`);
  await runbook.current.shows(lines('nodes'), readyNodes(1));
});

test('APPR-18: with bindings for the group of the token file, the others are approved by themselves', TEST, async () => {
  await runbook.current.sh(lines('approval'));
  await runbook.current.shows(lines('nodes'), readyNodes(NODES.length));
  assert.deepEqual(pendingOf(await runbook.current.sh(lines('requests'))), []);
  for (const host of nodes()) {
    await runbook.current.shows(`${lines('kubeconfig-file').trim()} || :`, /^-rw------- 1 root root /, host);
    clientFiles(await onNode(host, 'certificate-files'), '/etc/kubernetes/ssl');
  }
});

async function showsSockets(hosts: readonly SystemdHost[]): Promise<void> {
  for (const host of hosts) {
    assert.match(await onNode(host, 'service'), /Active: active \(running\)/);
    const printed = await runbook.current.shows(lines('sockets'), /:10250 /, host);
    assert.match(printed, /127\.0\.0\.1:10248 /);
    assert.ok(printed.includes(` ${host.address}:10250 `), printed);
    assert.doesNotMatch(printed, /:10255 /);
  }
}

test('CHK-09, CHK-14: the unit runs, and listens for health on the loopback and for its API on the node’s address', TEST, () =>
  showsSockets(nodes()),
);

test('KAPI-26, G-08: the API server may ask kubelets only once the name in its certificate is bound', TEST, async () => {
  const ask = (node: string | undefined) => `kubectl get --raw /api/v1/nodes/${node}/proxy/configz 2>&1 || :`;
  assert.match(await runbook.current.sh(ask(NODES[0])), /Forbidden|forbidden/);
  await runbook.current.sh(lines('kubelet-binding'));
  // The first remembers its answer for half a minute.
  await runbook.current.shows(ask(NODES[1]), /"kubeletconfig"/);
});

test('SIGN-03: a certificate lives for a year where nothing else is said', TEST, async () => {
  const [host] = nodes();
  const days = (number: number) => `-checkend ${number * 86_400}`;
  const certificate = 'openssl x509 -noout -in /etc/kubernetes/ssl/kubelet-client-current.pem';
  await host!.shell(`${certificate} ${days(364)}`);
  assert.equal((await host!.tryShell(`${certificate} ${days(366)}`)).status, 1);
});

test('CHK-14: `muster deploy` makes the same of the bare nodes, which are their own masters', TEST, async (t) => {
  t.diagnostic(`apply took ${await runbook.current.deploy('deploy-three-kubelets.yaml')} s`);
  await runbook.current.shows(lines('nodes'), readyNodes(NODES.length));
  await showsSockets(runbook.current.all);
  for (const host of runbook.current.all) clientFiles(await onNode(host, 'certificate-files'), '/etc/kubernetes/ssl');
});
