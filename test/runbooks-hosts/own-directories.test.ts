/** The runbook "07-2. kubelet" (002) on three hosts, from bare to its last listing. The tests follow each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT_CSR_NAME, readCsrTable } from '../runbooks/csr-table.ts';
import { bridgeLines, startControlPlane } from './control-plane.ts';
import { documentLines } from './document-lines.ts';
import { clientFiles, nodeRows, readyNodes, servingFiles } from './listings.ts';
import { useRunbookHosts } from './runbook-hosts.ts';
import { approveServingRequests } from './serving-requests.ts';

const NODES = ['m7-autocv-gpu01', 'm7-autocv-gpu02', 'm7-autocv-gpu03'];
const PROGRAMS = '/opt/k8s/bin';
const DIRECTORY = '/etc/kubernetes/cert';
const TEST = { timeout: 600_000 };
const lines = documentLines('own-directories.sh');

const ENVIRONMENT = `
mkdir -p /opt/k8s/work
cat > /opt/k8s/bin/environment.sh <<'EOF'
export NODE_NAMES=(${NODES.join(' ')})
export NODE_IPS=(172.27.128.149 172.27.128.150 172.27.129.80)
export KUBE_APISERVER=https://172.27.128.149:6443
export CLUSTER_DNS_DOMAIN=cluster.local CLUSTER_DNS_SVC_IP=10.254.0.2
export POD_CIDR=172.30.0.0/16 K8S_DIR=/data/k8s
EOF`;

/** What the document refers to in others: the masters, the environment script, the administrator's certificate, a pod network (G-11). */
const runbook = useRunbookHosts({ names: NODES, numbers: [149, 150, 80], programs: PROGRAMS }, async (hosts) => {
  await startControlPlane(hosts, {
    ...{ masters: [hosts.first], server: hosts.translate('https://172.27.128.149:6443'), layout: 'cert', programs: PROGRAMS },
    serviceCidr: '10.254.0.0/16',
    apiServerFlags: [`--kubelet-certificate-authority=${DIRECTORY}/ca.pem`],
  });
  await hosts.sh(`
${ENVIRONMENT}
cp ${DIRECTORY}/admin.pem ${DIRECTORY}/admin-key.pem /opt/k8s/work/
kubectl create clusterrolebinding kube-apiserver:kubelet-apis --clusterrole=system:kubelet-api-admin --user kubernetes
`);
  await Promise.all(hosts.all.map((host, i) => hosts.on(host, bridgeLines(i))));
});

test(
  'DIST-02, TOK-03, DIST-01: the environment script feeds a loop that makes a token and a kubeconfig for each node',
  TEST,
  async () => {
    const printed = await runbook.current.sh(lines('bootstrap-kubeconfigs'));
    assert.deepEqual(
      printed.match(/^>>> .*$/gm),
      NODES.map((name) => `>>> ${name}`),
    );
    const tokens = await runbook.current.sh(lines('tokens'));
    for (const name of NODES)
      assert.match(
        tokens,
        new RegExp(
          `^[a-z0-9]{6}\\.[a-z0-9]{16} +23h +\\S+ +authentication,signing +kubelet-bootstrap-token +system:bootstrappers:${name}$`,
          'm',
        ),
      );
    const secrets = await runbook.current.sh(lines('secrets'));
    assert.equal(secrets.match(/^bootstrap-token-[a-z0-9]{6} +bootstrap\.kubernetes\.io\/token +7 +/gm)?.length, NODES.length);
    await runbook.current.sh(lines('distribute-kubeconfigs'));
  },
);

test('DIST-04, DIST-06, HOST-16: configuration and unit of each node are made of templates and copied to it', TEST, async () => {
  for (const step of ['configuration', 'distribute-configuration', 'unit', 'distribute-unit'])
    await runbook.current.sh(lines(step));
  for (const host of runbook.current.all) {
    assert.match(await host.shell('cat /etc/kubernetes/kubelet-config.yaml'), new RegExp(`^address: "${host.address}"$`, 'm'));
    assert.match(await host.shell('cat /etc/systemd/system/kubelet.service'), new RegExp(`--hostname-override=${host.name} `));
  }
});

test('DIST-07, CHK-02, CHK-06: once started, kubelets wait for approval, and there are no nodes yet', TEST, async () => {
  await runbook.current.sh(lines('bootstrapper-binding'));
  await runbook.current.sh(lines('start'));
  const printed = await runbook.current.shows(lines('requests'), (text) => text.split('\n').length > NODES.length + 1);
  for (const { name, requestor, condition } of readCsrTable(printed)) {
    assert.match(name, CLIENT_CSR_NAME);
    assert.match(requestor, /^system:bootstrap:[a-z0-9]{6}$/);
    assert.equal(condition, 'Pending');
  }
  assert.equal(await runbook.current.sh(`${lines('nodes')} 2>&1`), '');
});

test(
  'APPR-04, CHK-03, CHK-08: with the manifest, client requests are approved by the controller manager, and all nodes get Ready',
  TEST,
  async () => {
    await runbook.current.sh(lines('approval-manifest'));
    assert.equal((await runbook.current.sh(`cd /opt/k8s/work\n${lines('approval')}`)).match(/ created$/gm)?.length, 4);
    const printed = await runbook.current.shows(lines('nodes'), readyNodes(NODES.length));
    assert.deepEqual(
      nodeRows(printed).map(({ name, roles }) => [name, roles]),
      NODES.map((name) => [name, '<none>']),
    );
    const rows = readCsrTable(await runbook.current.sh(lines('requests')));
    const clients = rows.filter(({ name }) => CLIENT_CSR_NAME.test(name));
    assert.deepEqual(
      clients.map(({ condition }) => condition),
      ['Approved,Issued', 'Approved,Issued', 'Approved,Issued'],
    );
  },
);

test('CHK-10, CHK-11: each node has its kubeconfig and its client certificate, and no serving one', TEST, async () => {
  for (const host of runbook.current.all) {
    await runbook.current.shows(
      lines('kubeconfig-file'),
      /^-rw------- 1 root root \d+ .* \/etc\/kubernetes\/kubelet\.kubeconfig\n$/,
      host,
    );
    clientFiles(await runbook.current.on(host, lines('certificate-files')), DIRECTORY);
  }
});

test(
  'CHK-04, CHK-13: serving requests stay Pending until somebody approves them by hand; then the files are there',
  TEST,
  async () => {
    await approveServingRequests(runbook.current);
    await showsServingFiles();
  },
);

async function showsServingFiles(): Promise<void> {
  for (const host of runbook.current.all) {
    const files = await runbook.current.shows(
      `${lines('all-certificate-files').trim()} || :`,
      /kubelet-server-current\.pem -> /,
      host,
    );
    clientFiles(files, DIRECTORY);
    servingFiles(files, DIRECTORY);
  }
}

test('CHK-14: the kubelet listens for its health on the loopback and for its API on the node’s address', TEST, async () => {
  for (const host of runbook.current.all) {
    const printed = await runbook.current.shows(lines('sockets'), /:10250 /, host);
    const sockets = [...printed.matchAll(/^tcp +0 +0 (\S+) +0\.0\.0\.0:\* +LISTEN +\d+\/kubelet *$/gm)].map(
      ([, socket]) => socket,
    );
    assert.deepEqual(sockets.sort(), ['127.0.0.1:10248', `${host.address}:10250`].sort());
  }
});

test('KAPI-28, KAPI-30: the kubelet answers who may and refuses who may not, by certificate and by token', TEST, async () => {
  assert.match(await runbook.current.sh(lines('kubelet-role')), /^ +nodes\/metrics +\[\] +\[\] +\[\*\]$/m);
  assert.equal(await runbook.current.sh(lines('nobody')), 'Unauthorized');
  assert.equal(await runbook.current.sh(lines('wrong-token')), 'Unauthorized');
  assert.match(
    await runbook.current.sh(lines('controller-manager-certificate')),
    /^Forbidden \(user=system:kube-controller-manager, verb=get, resource=nodes, subresource=metrics\)/,
  );
  assert.match(await runbook.current.sh(lines('administrator-certificate')), /^# HELP /);
  await runbook.current.sh(lines('service-account'));
  await runbook.current.shows('kubectl get secrets', /^kubelet-api-test-token-/m);
  assert.match(await runbook.current.sh(lines('service-account-token')), /^\S+\n# HELP /);
});

async function showsLastListing(): Promise<void> {
  const { first } = runbook.current;
  const configuration = JSON.parse(await runbook.current.shows(lines('configz'), /"address"/)) as Record<string, unknown>;
  assert.equal(configuration['kind'], 'KubeletConfiguration');
  assert.equal(configuration['address'], first.address);
  assert.deepEqual([configuration['maxPods'], configuration['runtimeRequestTimeout']], [220, '15m0s']); // C-05: file and flags, flags winning
  assert.deepEqual([configuration['kubeAPIQPS'], configuration['kubeAPIBurst']], [1000, 2000]);
}

test('the last listing: the API server shows the configuration that a kubelet runs with', TEST, showsLastListing);

test('DIST-06, CHK-13: `muster deploy` makes the same of the bare hosts, serving requests by hand among it', TEST, async (t) => {
  t.diagnostic(`apply took ${await runbook.current.deploy('deploy-own-directories.yaml')} s`);
  await runbook.current.shows(lines('nodes'), readyNodes(NODES.length));
  await approveServingRequests(runbook.current);
  await showsServingFiles();
  await runbook.current.sh(`
${ENVIRONMENT}
field() { kubectl config view --raw -o jsonpath="{.users[0].user.$1}" | base64 -d; }
field client-certificate-data > /opt/k8s/work/admin.pem
field client-key-data > /opt/k8s/work/admin-key.pem`);
  await showsLastListing();
});
