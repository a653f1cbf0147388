/** The runbook "Kubernetes" (001) on three hosts that are each everything, from bare to its last listing. The tests follow each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flannelObjects } from '../../src/network/flannel/flannel-objects.ts';
import type { SystemdHost } from '../harness/systemd-hosts.ts';
import { CLIENT_CSR_NAME, readCsrTable } from '../runbooks/csr-table.ts';
import { etcdLines, unitLines } from './control-plane.ts';
import { documentLines } from './document-lines.ts';
import { clientFiles, readyNodes, servingFiles } from './listings.ts';
import { useRunbookHosts } from './runbook-hosts.ts';
import { approveServingRequests } from './serving-requests.ts';

const NAMES = ['k8s-master-1', 'k8s-master-2', 'k8s-master-3'];
const DIRECTORY = '/etc/kubernetes/ssl';
const TEST = { timeout: 600_000 };
const lines = documentLines('three-mixed-hosts.sh');

/** Programs, unpacked, where the document downloads them; and its certificates, which it leaves to another document (G-11). */
const runbook = useRunbookHosts(
  { names: NAMES, numbers: [31, 32, 33], programs: 'kubernetes/server/bin', copied: true },
  async (hosts) => {
    const addresses = [...hosts.all.map(({ address }) => address), '127.0.0.1'];
    await hosts.sh(`
muster certs init --layout=ssl --service-cluster-ip-range=10.0.0.0/12 \\
  ${addresses.map((address) => `--apiserver-ip=${address} --etcd-ip=${address}`).join(' ')}
for name in ${NAMES.join(' ')}; do
  ssh $name mkdir -p ${DIRECTORY}
  scp -q ${DIRECTORY}/* $name:${DIRECTORY}/
done`);
  },
);

/** A step's lines with what differs from host to host. */
const ownLines = (host: SystemdHost, step: string) =>
  lines(step)
    .replaceAll('192.168.20.31:6443', `${host.address}:6443`)
    .replaceAll('--bind-address=192.168.20.31', `--bind-address=${host.address}`)
    .replaceAll('k8s-node-1', host.name);
/** Runs steps on all hosts at once, each with what is its own. */
async function everywhere(...steps: readonly string[]): Promise<string[]> {
  let printed: string[] = [];
  for (const step of steps) printed = await runbook.current.everywhere((host) => ownLines(host, step));
  return printed;
}

test('HOST-03, HOST-04, HOST-05: hosts are prepared; a kernel parameter that is not there stops nobody', TEST, async () => {
  const printed = await everywhere('sysctl');
  assert.match(printed[0]!, /^net\.ipv4\.ip_forward = 1$/m);
  assert.match(printed[0]!, /tcp_tw_recycle: No such file or directory/);
  await everywhere('swap', 'programs', 'account');
  for (const host of runbook.current.all) {
    assert.equal(await host.shell('id kube'), 'uid=200(kube) gid=200(kube) groups=200(kube)\n');
    assert.match(await host.shell('getent passwd kube'), /:\/:\/sbin\/nologin$/m);
    assert.match(await host.shell('/usr/bin/kubelet --version'), /^Kubernetes v\d/);
  }
});

test('ETCD-01, ETCD-02, ETCD-04: three members of etcd know each other, over TLS with client certificates', TEST, async () => {
  const { all } = runbook.current;
  await runbook.current.everywhere(
    (host) => `${etcdLines(all, host, DIRECTORY, '.key')}\nsystemctl daemon-reload\nsystemctl enable --now etcd 2>&1`,
  );
  const endpoints = all.map(({ address }) => `https://${address}:2379`).join(',');
  const etcdctl = `ETCDCTL_API=3 etcdctl --endpoints=${endpoints} --cacert=${DIRECTORY}/ca.pem`;
  const pair = `--cert=${DIRECTORY}/etcd.pem --key=${DIRECTORY}/etcd.key`;
  assert.equal((await runbook.current.sh(`${etcdctl} ${pair} member list`)).match(/, started, /g)?.length, 3);
  const refused = await all[0]!.tryShell(`${etcdctl} --command-timeout=3s member list`);
  assert.notEqual(refused.status, 0);
});

test(
  'ETCD-06, HOST-10, HOST-17, API-18: three API servers run as kube, and systemd waits until they are ready',
  TEST,
  async () => {
    await everywhere('kubectl', 'key-access', 'api-server-owner', 'api-server-configuration', 'api-server-unit');
    for (const printed of await everywhere('start-kube-apiserver')) assert.match(printed, /Active: active \(running\)/);
    assert.equal(await runbook.current.sh('ps -o user= -C kube-apiserver'), 'kube\n');
    const addresses = runbook.current.all.map(({ address }) => address);
    await runbook.current.shows("kubectl get endpoints kubernetes -o jsonpath='{.subsets[*].addresses[*].ip}'", (printed) =>
      addresses.every((address) => printed.split(' ').includes(address)),
    );
    await runbook.current.sh(lines('kubelet-apis'));
  },
);

async function showsHealthyComponents(): Promise<void> {
  const printed = await runbook.current.shows(lines('component-status'), (text) => (text.match(/ Healthy /g)?.length ?? 0) === 5);
  assert.match(printed, /^NAME +STATUS +MESSAGE +ERROR *$/m);
  for (const name of ['scheduler', 'controller-manager']) assert.match(printed, new RegExp(`^${name} +Healthy +ok *$`, 'm'));
  for (const name of ['etcd-0', 'etcd-1', 'etcd-2']) assert.match(printed, new RegExp(`^${name} +Healthy +\\{"health":`, 'm'));
}

test(
  'HOST-06, HOST-11, HOST-12, CHK-01: controllers and scheduler run as kube, and all components are healthy',
  TEST,
  async () => {
    for (const name of ['kube-controller-manager', 'kube-scheduler']) {
      await everywhere(`${name}-kubeconfig`, `${name}-configuration`, `${name}-unit`, `${name}-acl`);
      for (const printed of await everywhere(`start-${name}`)) assert.match(printed, /Active: active \(running\)/);
      assert.match(await runbook.current.sh(`getfacl -p /etc/kubernetes/${name}.kubeconfig`), /^user:kube:r--$/m);
    }
    await showsHealthyComponents();
    const holders =
      "kubectl -n kube-system get lease kube-scheduler kube-controller-manager -o jsonpath='{.items[*].spec.holderIdentity}'";
    await runbook.current.shows(holders, /^k8s-master-\d\S* k8s-master-\d\S*$/);
  },
);

test('HOST-07, HOST-08, HOST-14, TOK-10, CHK-02: kubelets join by a token that was made by hand', TEST, async () => {
  const { first, all } = runbook.current;
  await runbook.current.sh(lines('token'));
  for (const host of all.slice(1)) {
    await runbook.current.sh(`scp -q /etc/kubernetes/bootstrap.kubeconfig ${host.name}:/etc/kubernetes/`);
    await host.shell(`sed -i 's#server: .*#server: https://${host.address}:6443#' /etc/kubernetes/bootstrap.kubeconfig`);
  }
  await everywhere('kubelet-configuration', 'kubelet-directories', 'kubelet-unit');
  await runbook.current.sh(lines('bindings'));
  for (const printed of await everywhere('start-kubelet')) assert.match(printed, /Loaded: loaded/);
  const issued = (text: string) =>
    readCsrTable(text).filter(({ name, condition }) => CLIENT_CSR_NAME.test(name) && condition === 'Approved,Issued');
  await runbook.current.shows(lines('requests'), (text) => text !== '' && issued(text).length === 3);
  assert.match(
    await runbook.current.sh(lines('role-bindings')),
    /^node-server-cert-renewal +ClusterRole\/approve-node-server-renewal-csr /m,
  );
  assert.equal(await first.shell('stat -c "%a %U" /data/kubelet'), '700 root\n');
});

test('CHK-04, CHK-11, CHK-13: serving requests are approved by hand, all at once, and the files are there', TEST, async () => {
  await approveServingRequests(runbook.current);
  for (const host of runbook.current.all) {
    const files = await runbook.current.shows('ls -l /etc/kubernetes/pki', /kubelet-server-current\.pem -> /, host);
    clientFiles(files, '/etc/kubernetes/pki');
    servingFiles(files, '/etc/kubernetes/pki');
  }
});

test('HOST-13, NET-28: kube-proxy leads the address of Service kubernetes to the API servers on every host', TEST, async () => {
  await everywhere('kube-proxy-kubeconfig', 'kube-proxy-configuration', 'kube-proxy-unit');
  for (const printed of await everywhere('start-kube-proxy')) assert.match(printed, /Active: active \(running\)/);
  for (const host of runbook.current.all)
    await runbook.current.shows(
      `curl -s -m 5 --cacert ${DIRECTORY}/ca.pem --cert ${DIRECTORY}/admin.pem --key ${DIRECTORY}/admin.key https://10.0.0.1/version || :`,
      /"gitVersion"/,
      host,
    );
});

test('NET-19, HA-03, CHK-08: with flannel’s network, the last listing: three nodes, all Ready', TEST, async () => {
  await runbook.current.shows(lines('nodes'), / NotReady /); // --network-plugin=cni, and none yet (C-23)
  const objects = flannelObjects({ network: '10.64.0.0/10', backend: { Type: 'vxlan' }, subject: FLANNELD });
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  await runbook.current.sh(`kubectl apply -f - <<'EOF'\n${list}\nEOF`);
  await runbook.current.everywhere(flanneldLines);
  await runbook.current.shows(lines('nodes'), readyNodes(3));
  await runbook.current.shows('ip route', /^10\.\d+\.\d+\.0\/24 via \S+ dev flannel\.1 /m);
});

test('HOST-10 to HOST-14, NET-16: `muster deploy` makes the same of the bare hosts, with Calico’s network', TEST, async (t) => {
  t.diagnostic(`apply took ${await runbook.current.deploy('deploy-three-mixed-hosts.yaml')} s`);
  await showsHealthyComponents();
  await runbook.current.shows(lines('nodes'), readyNodes(3));
  for (const host of runbook.current.all) {
    const files = await host.shell('ls -l /etc/kubernetes/ssl');
    clientFiles(files, DIRECTORY);
    servingFiles(files, DIRECTORY);
  }
});

const FLANNELD = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'flanneld' } as const;

/** The image of the document's manifest cannot be had: the same daemon as a unit. */
const flanneldLines = (host: SystemdHost) => `
cd /etc/kubernetes
kubectl config set-cluster kubernetes --certificate-authority=${DIRECTORY}/ca.pem --server=https://${host.address}:6443 --kubeconfig=flanneld.kubeconfig
kubectl config set-credentials flanneld --client-certificate=${DIRECTORY}/flanneld.pem --client-key=${DIRECTORY}/flanneld.key --kubeconfig=flanneld.kubeconfig
kubectl config set-context default --cluster=kubernetes --user=flanneld --kubeconfig=flanneld.kubeconfig
kubectl config use-context default --kubeconfig=flanneld.kubeconfig
${unitLines('flanneld', [`/usr/local/bin/muster flanneld --kubeconfig-file=/etc/kubernetes/flanneld.kubeconfig --ip-masq --kube-subnet-mgr --hostname-override=${host.name} --iface=${host.address}`])}
systemctl daemon-reload
systemctl enable --now flanneld 2>&1
`;
