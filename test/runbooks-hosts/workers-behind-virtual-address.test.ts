/** The runbook "7. kubelet worker nodes" (000) on five hosts, from bare to its last listing. The tests follow each other. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { SystemdHost } from '../harness/systemd-hosts.ts';
import { until } from '../harness/until.ts';
import { type Api, WriteLoad } from '../harness/write-load.ts';
import { CLIENT_CSR_NAME, readCsrTable } from '../runbooks/csr-table.ts';
import { bridgeLines, startControlPlane } from './control-plane.ts';
import { documentLines } from './document-lines.ts';
import { clientFiles, nodeRows, readyNodes } from './listings.ts';
import { loadBalancerLines } from './load-balancer.ts';
import { PATIENCE, useRunbookHosts } from './runbook-hosts.ts';

const NODES = ['k8s-m01', 'k8s-m02', 'k8s-m03', 'k8s-n01', 'k8s-n02'];
const PROGRAMS = '/usr/local/bin';
const DIRECTORY = '/etc/kubernetes/ssl';
const BOOTSTRAP_SIGNER = /^bootstrap-signer-token-\w{5} +kubernetes\.io\/service-account-token +3 +/m;
const TEST = { timeout: 600_000 };
const lines = documentLines('workers-behind-virtual-address.sh');

/** What the document begins with: three masters behind a virtual address, and a pod network. */
const runbook = useRunbookHosts({ names: NODES, numbers: [128, 129, 130, 131, 132], programs: PROGRAMS }, async (hosts) => {
  const masters = hosts.all.slice(0, 3);
  const balancer = { address: hosts.virtualAddress, port: 8443, masters };
  await Promise.all(masters.map(async (master) => hosts.on(master, await loadBalancerLines(balancer, master))));
  await startControlPlane(hosts, {
    ...{ masters, server: hosts.translate('https://192.168.133.200:8443'), layout: 'ssl', programs: PROGRAMS },
    serviceCidr: '10.254.0.0/16',
  });
  await Promise.all(hosts.all.map((host, i) => hosts.on(host, bridgeLines(i))));
});

test('HA-01, TOK-03, DIST-01: each node gets a kubeconfig with a token of its own and the virtual address', TEST, async () => {
  const printed = await runbook.current.sh(lines('bootstrap-kubeconfigs'));
  assert.deepEqual(
    printed.match(/^>>> .*$/gm),
    NODES.map((name) => `>>> ${name}`),
  );
  const tokens = await runbook.current.sh(lines('tokens'));
  assert.match(tokens, /^TOKEN +TTL +EXPIRES +USAGES +DESCRIPTION +EXTRA GROUPS$/m);
  for (const name of NODES)
    assert.match(tokens, new RegExp(`^\\S{23} +23h .* +kubelet-bootstrap-token +system:bootstrappers:${name}$`, 'm'));
  const secrets = await runbook.current.shows(lines('secrets'), BOOTSTRAP_SIGNER);
  assert.equal(secrets.match(/^bootstrap-token-[a-z0-9]{6} +bootstrap\.kubernetes\.io\/token +7 +/gm)?.length, NODES.length);
  await runbook.current.sh(lines('distribute-kubeconfigs'));
});

test(
  'HA-02, DIST-03, DIST-05, HOST-15: configuration and unit of each node are made of templates and copied to it',
  TEST,
  async () => {
    for (const step of ['configuration', 'distribute-configuration', 'unit', 'distribute-unit'])
      await runbook.current.sh(lines(step));
    for (const host of runbook.current.all) {
      const configuration = await host.shell('cat /etc/kubernetes/kubelet.config.json');
      assert.equal((JSON.parse(configuration) as { address: string }).address, host.address);
      assert.match(
        await host.shell('cat /usr/lib/systemd/system/kubelet.service'),
        new RegExp(`--hostname-override=${host.name} `),
      );
      assert.match(await host.shell('cat /etc/kubernetes/kubelet-bootstrap.kubeconfig'), /server: https:\/\/[\d.]+\.200:8443$/m);
    }
  },
);

test('HOST-09, HOST-18, CHK-09: a kubelet that may not ask for a certificate ends, and its journal says why', TEST, async () => {
  await runbook.current.everywhere(lines('start'));
  for (const host of runbook.current.all)
    await runbook.current.shows(
      `{ ${lines('journal').trim()}; } || :`,
      /failed to run Kubelet: cannot create certificate signing request: certificatesigningrequests\.certificates\.k8s\.io is forbidden: User "system:bootstrap:\w{6}" cannot create .*\n.*Main process exited, code=exited, status=255/,
      host,
    );
});

test('TLSB-03, CHK-02, CHK-05: with the remedy they ask, and wait for somebody who approves', TEST, async () => {
  await runbook.current.sh(lines('bootstrapper-binding'));
  const pending = (text: string) => readCsrTable(text).filter(({ condition }) => condition === 'Pending');
  const printed = await runbook.current.shows(lines('requests'), (text) => text !== '' && pending(text).length === NODES.length);
  for (const { name, requestor } of pending(printed)) {
    assert.match(name, CLIENT_CSR_NAME);
    assert.match(requestor, /^system:bootstrap:[a-z0-9]{6}$/);
  }
  const [first] = pending(printed);
  await runbook.current.sh(`kubectl certificate approve ${first?.name}`);
  const described = await runbook.current.shows(`kubectl describe csr ${first?.name}`, /^Status: +Approved,Issued$/m);
  assert.match(described, new RegExp(`^Requesting User: +${first?.requestor}$`, 'm'));
  assert.match(described, /^ +Common Name: +system:node:k8s-[mn]0\d\n +Serial Number: *\n +Organization: +system:nodes$/m);
  assert.match(described, /^Events: +<none>$/m);
});

test('APPR-04, CHK-03, CHK-07: with the manifest the others are approved too, and all five nodes get Ready', TEST, async () => {
  await runbook.current.sh(lines('approval-manifest'));
  await runbook.current.sh(lines('approval'));
  const nodes = await runbook.current.shows(lines('nodes'), readyNodes(NODES.length));
  assert.deepEqual(
    nodeRows(nodes).map(({ name, roles }) => [name, roles]),
    NODES.map((name) => [name, '<none>']),
  );
  const rows = readCsrTable(await runbook.current.sh(lines('requests')));
  assert.deepEqual(new Set(rows.map(({ condition }) => condition)), new Set(['Approved,Issued']));
});

async function showsLastListing(): Promise<void> {
  for (const host of runbook.current.all) {
    await runbook.current.shows(
      lines('kubeconfig-file'),
      /^-rw------- 1 root root \d+ .* \/etc\/kubernetes\/kubelet\.kubeconfig\n$/,
      host,
    );
    const listing = await runbook.current.shows(lines('certificate-files'), / kubelet\.key$/m, host);
    clientFiles(listing, DIRECTORY);
    assert.match(listing, /^-rw-r--r-- 1 root root +\d+ .* kubelet\.crt$/m);
    assert.match(listing, /^-rw------- 1 root root +\d+ .* kubelet\.key$/m);
    assert.doesNotMatch(listing, /kubelet-server/);
  }
}

test(
  'CHK-10, CHK-11, CHK-12: the last listing: kubeconfig, client certificate, and a serving pair of its own making',
  TEST,
  showsLastListing,
);

test('HA-01, HOST-15: `muster deploy` makes the same of the bare hosts', TEST, async (t) => {
  t.diagnostic(`apply took ${await runbook.current.deploy('deploy-masters-and-workers.yaml')} s`);
  await runbook.current.shows(lines('nodes'), readyNodes(NODES.length));
  await showsLastListing();
});

const masters = () => runbook.current.all.slice(0, 3);

/**
 * Lets something happen under a load of writes, by the virtual address and by each master, and accounts for each of them.
 *
 * @param options whether API servers are restarted by it
 */
async function underLoad(
  t: TestContext,
  label: string,
  fault: (load: WriteLoad, balanced: Api) => Promise<void>,
  options: { readonly restarted: boolean },
): Promise<void> {
  const apis = await runbook.current.apis(
    `https://${runbook.current.virtualAddress}:8443`,
    ...masters().map(({ address }) => `https://${address}:6443`),
  );
  const load = new WriteLoad(apis, label);
  t.after(async () => {
    await load.stop();
    for (const api of apis) api.close();
  });
  await load.start();
  await fault(load, apis[0]!);
  await load.goesOn();
  const { acknowledged, unknown, longestGapMs } = await load.finish(options);
  t.diagnostic(
    `${acknowledged} writes acknowledged, ${unknown} of unknown end, none acknowledged for at most ${longestGapMs} ms`,
  );
}

const serves = (api: Api) =>
  until(`${api.server} is ready`, async () => (await api.send('GET', '/readyz', undefined, 5_000)).status === 200, PATIENCE);

async function hasAddress(host: SystemdHost): Promise<boolean> {
  return (await host.shell('ip -o address')).includes(` ${runbook.current.virtualAddress}/`);
}

test(
  'HA-04: the virtual address moves to another master and back; no write is lost, and watches miss nothing',
  TEST,
  async (t) => {
    await underLoad(
      t,
      'address',
      async (load, balanced) => {
        const [first, ...others] = masters() as [SystemdHost, ...SystemdHost[]];
        await until('the first master has the address', () => hasAddress(first), PATIENCE);
        await first.shell('systemctl stop haproxy');
        await until('another has it', async () => (await Promise.all(others.map(hasAddress))).includes(true), PATIENCE);
        await serves(balanced);
        await load.goesOn();
        await first.shell('systemctl start haproxy');
        await until('the first has it again', () => hasAddress(first), PATIENCE);
        await serves(balanced);
      },
      { restarted: false },
    );
  },
);

test('HA-04: the master with the virtual address loses its power under writes, of which none is lost', TEST, async (t) => {
  const hosts = runbook.current;
  await underLoad(
    t,
    'master',
    async (load, balanced) => {
      const holder = await until(
        'a master has the virtual address',
        async () => {
          for (const host of masters()) if (await hasAddress(host)) return host;
          return undefined;
        },
        PATIENCE,
      );
      const cutMs = performance.now();
      await holder.powerOff();
      await serves(balanced);
      t.diagnostic(`the virtual address answers again after ${Math.round(performance.now() - cutMs)} ms`);
      await load.goesOn();
      const [other] = masters().filter((host) => host !== holder);
      await hosts.giveKubectl(other!);
      const show = (isExpected: (printed: string) => boolean) => hosts.shows(lines('nodes'), isExpected, other);
      await show((printed) => nodeRows(printed).find(({ name }) => name === holder.name)?.status === 'NotReady');
      await holder.powerOn();
      await show(readyNodes(NODES.length));
    },
    { restarted: true },
  );
});

test('OPS-04: all hosts lose their power at once; on again, they are the cluster that they were', TEST, async (t) => {
  const hosts = runbook.current;
  await underLoad(
    t,
    'all',
    async (_load, balanced) => {
      await Promise.all(hosts.all.map((host) => host.powerOff()));
      const onMs = performance.now();
      await Promise.all(hosts.all.map((host) => host.powerOn()));
      await serves(balanced);
      t.diagnostic(`the virtual address answers again ${Math.round(performance.now() - onMs)} ms after the power`);
      await hosts.shows(lines('nodes'), readyNodes(NODES.length));
    },
    { restarted: true },
  );
  await hosts.verify();
});
