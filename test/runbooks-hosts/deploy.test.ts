import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readKubeconfig, resolveContext } from '../../src/pki/kubeconfig.ts';
import { PROGRAM } from '../harness/component-process.ts';
import { builtExecutable } from '../harness/executable.ts';
import { BUSYBOX } from '../harness/images.ts';
import { kubectl } from '../harness/kubectl.ts';
import { type CommandResult, runCommand } from '../harness/run-command.ts';
import { type SystemdHost, type SystemdHosts, startSystemdHosts } from '../harness/systemd-hosts.ts';
import { until } from '../harness/until.ts';
import { type Api, createApi, WriteLoad } from '../harness/write-load.ts';

// One story on three hosts: the tests follow each other.

const NAMES = ['k8s-m01', 'k8s-m02', 'k8s-m03'];
/** Joins the others later, and goes again. */
const WORKER = 'k8s-w01';
const ROOT = join(import.meta.dirname, '../..');
const DEPLOY_MS = 280_000;

let hosts: SystemdHosts;
/** By host, from before anything was deployed. */
const bare = new Map<string, string>();
const inventoryFile = () => join(hosts.directory, 'cluster.yaml');
const admin = () => kubectl('1.35', join(hosts.directory, 'runbook.assets', 'admin.kubeconfig'), hosts.directory);
const words = (command: string, more: readonly string[]) => [
  PROGRAM,
  'deploy',
  ...command.split(' '),
  '-f',
  inventoryFile(),
  ...more,
];
const deploy = (command: string, ...more: string[]): Promise<CommandResult> =>
  runCommand(process.execPath, words(command, more), { timeoutMs: 2 * DEPLOY_MS });

async function deployed(command: string, ...more: string[]): Promise<string> {
  const { status, stdout, stderr } = await deploy(command, ...more);
  assert.equal(status, 0, `${stdout}${stderr}`);
  return stdout;
}

const masters = () => hosts.hosts.filter(({ name }) => name !== WORKER);
const asMaster = ({ name, address }: SystemdHost) => ({ name, address, roles: ['etcd', 'master', 'worker'] });

/** A client of the virtual address that reads its kubeconfig again when that has changed, and takes its time. */
function reloadingApi(): Api {
  const path = join(hosts.directory, 'runbook.assets', 'admin.kubeconfig');
  let text = '';
  let api: Api | undefined;
  const current = async (): Promise<Api> => {
    await sleep(50);
    const now = await readFile(path, 'utf8');
    if (api && now === text) return api;
    api?.close();
    text = now;
    const { server, caPem, clientCertificatePem, clientKeyPem } = await resolveContext(await readKubeconfig(path));
    api = createApi({ server, caPem: caPem!, certificatePem: clientCertificatePem!, privateKeyPem: clientKeyPem! });
    return api;
  };
  return {
    server: path,
    send: async (...words) => (await current()).send(...words),
    async *lines(...words) {
      yield* (await current()).lines(...words);
    },
    close: () => api?.close(),
  };
}

async function writeInventory(more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const inventory = {
    apiVersion: 'config.muster.dev/v1',
    kind: 'Inventory',
    name: 'runbook',
    ssh: { configFile: hosts.sshConfig },
    endpoint: { address: hosts.freeAddress, port: 8443, loadBalancer: 'haproxy' },
    hosts: masters().map(asMaster),
    ...more,
  };
  await writeFile(inventoryFile(), JSON.stringify(inventory));
}

/** What lies on a host, with owners and modes, and what its settings say. Left out is what the system itself writes at times. */
async function belongings(host: SystemdHost): Promise<string> {
  const own = ['systemd', 'containerd', 'haproxy', 'logrotate', 'apt', 'dpkg', 'man-db'].map((name) => `-path /var/lib/${name}`);
  const tree = `find /etc /usr /opt /srv /root /var/lib -xdev '(' ${own.join(' -o ')} ')' -prune -o -printf '%y %m %u:%g %p %l\\n' | sort`;
  // Whose names end with "-" are what they were before the last change.
  return host.shell(`${tree}; find /etc -type f ! -name '*-' -exec sha256sum {} + | sort -k 2`);
}

/** Stands in for the real one, of which only the name counts. */
const FIREWALL = '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target'.replaceAll('\n', "' '");
const firewall = async () =>
  (await hosts.hosts[0]!.tryShell('systemctl is-active firewalld; systemctl is-enabled firewalld')).stdout;

before(async () => {
  await builtExecutable();
  hosts = await startSystemdHosts([...NAMES, WORKER]);
  // Named, and not there: nothing that deploy turns off, or reset could turn on.
  await hosts.hosts[0]!.shell('echo "/dev/none none swap sw 0 0" >> /etc/fstab');
  await hosts.hosts[0]!.shell(
    `printf '%s\\n' '${FIREWALL}' > /etc/systemd/system/firewalld.service; systemctl enable --now firewalld`,
  );
  await Promise.all(hosts.hosts.map(async (host) => bare.set(host.name, await belongings(host))));
  await writeInventory();
});
after(() => hosts?.[Symbol.asyncDispose]());

test('a plan changes nothing, neither on hosts nor here', async () => {
  const plan = await deployed('plan');
  for (const name of NAMES) assert.match(plan, new RegExp(`^${name}:$`, 'm'));
  assert.match(plan, /create file \/etc\/systemd\/system\/etcd\.service\n(.*\n)*? {4}\+ Type=notify/);
  assert.doesNotMatch(plan, /PRIVATE KEY/);
  assert.equal(existsSync(join(hosts.directory, 'runbook.assets')), false);
  assert.equal(await hosts.hosts[0]!.shell('ls -d /etc/kubernetes /var/lib/muster 2>/dev/null || :'), '');
});

test('apply is killed in the middle, again and again; the same command goes on, until all nodes are Ready', {
  timeout: DEPLOY_MS,
}, async () => {
  // Programs are on their way to the other hosts; nodes are yet to be let in; kubelets wait for their certificates.
  for (const at of [/: install: /, /^cluster: created /m, /: node: /]) {
    const child = spawn(process.execPath, words('apply', []), { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (at.test(said)) child.kill('SIGKILL');
    });
    const [, signal] = await once(child, 'close');
    assert.equal(signal, 'SIGKILL', said);
    assert.doesNotMatch(said, /Ready/);
  }
  const output = await deployed('apply');
  for (const name of NAMES) assert.match(output, new RegExp(`^${name}: Ready$`, 'm'));
  const nodes = await admin().run('get nodes');
  for (const name of NAMES) assert.match(nodes, new RegExp(`^${name} +Ready +<none> `, 'm'));
});

test('a second apply changes nothing, and all that the runbooks look at is as they say; HOST-02: no firewalld', async () => {
  assert.equal(await firewall(), 'inactive\ndisabled\n');
  assert.match(await deployed('plan'), /3 hosts, nothing to do/);
  assert.match(await deployed('apply'), /3 hosts, nothing to do in/);
  const verified = await deployed('verify');
  assert.match(verified, /^ok {4}component etcd-2 is healthy$/m);
  assert.match(verified, /^all \d+ checks hold$/m);
});

test('components run as the runbooks say: etcd has three members, the control plane is user kube, programs have their own names', async () => {
  const [host] = hosts.hosts;
  const etcdctl = `ETCDCTL_API=3 etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/etcd/ssl/ca.pem --cert=/etc/etcd/ssl/etcd.pem --key=/etc/etcd/ssl/etcd.key`;
  assert.equal((await host!.shell(`${etcdctl} member list`)).trim().split('\n').length, 3);
  assert.match(await host!.shell(`${etcdctl} get /registry/ --prefix --keys-only --limit=1`), /^\/registry\//);
  const processes = await host!.shell('ps -eo user:20,comm');
  for (const name of ['kube-apiserver', 'kube-controller', 'kube-scheduler'])
    assert.match(processes, new RegExp(`^kube +${name}`, 'm'));
  assert.match(processes, /^root +kubelet$/m);
  assert.match(await host!.shell('id kube'), /uid=200\(kube\) gid=200\(kube\)/);
  assert.match(
    await host!.shell('stat -c "%a %U:%G" /etc/kubernetes/ssl/ca.key /etc/kubernetes/admin.kubeconfig'),
    /640 root:kube\n600 root:root/,
  );
  // HOST-06
  for (const name of ['kube-controller-manager', 'kube-scheduler'])
    assert.match(await host!.shell(`getfacl -cp /etc/kubernetes/${name}.kubeconfig`), /^user:kube:r--\ngroup::---\nmask::r--$/m);
  const bindings = await admin().run('get clusterrolebinding kube-apiserver:kubelet-apis -o wide');
  assert.match(bindings, /kubernetes/);
});

test('how the cluster is shows in one table; its databases are defragmented one after the other; tokens tell whose they are', async () => {
  const status = await deployed('status');
  assert.match(status, /^all components are healthy$/m);
  for (const name of NAMES)
    assert.match(status, new RegExp(`^${name} +etcd,master,worker +(\\d+)/\\1 +current +0 .*Ready$`, 'm'));
  const defragmented = await deploy('etcd defrag');
  assert.equal(defragmented.status, 0, defragmented.stderr);
  assert.deepEqual([...defragmented.stderr.matchAll(/^(\S+): \d+ bytes, now \d+$/gm)].map(([, name]) => name).sort(), NAMES);
  const tokens = await deployed('token list');
  for (const name of NAMES) assert.match(tokens, new RegExp(`^${name} +[a-z0-9]{6} +in \\d+h +yes$`, 'm'));
});

test('pods run on every host, reach each other across hosts, and show their logs', { timeout: DEPLOY_MS }, async () => {
  await Promise.all(masters().map((host) => host.importImages()));
  const pod = (nodeName: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `on-${nodeName}`, labels: { app: 'web' } },
    spec: {
      nodeName,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'web',
          image: BUSYBOX,
          imagePullPolicy: 'Never',
          command: [
            'sh',
            '-c',
            `echo served by ${nodeName}; mkdir /www; echo ${nodeName} > /www/index.html; httpd -f -p 8080 -h /www`,
          ],
        },
      ],
    },
  });
  await admin().run('apply -f -', { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: NAMES.map(pod) }) });
  const waited = await admin().try('wait --for=condition=Ready pod -l app=web --timeout=180s', { timeoutMs: 190_000 });
  if (waited.status !== 0) {
    const journals = await Promise.all(
      masters().map((host) => host.shell('journalctl -u kubelet -u containerd -n 15 --no-pager')),
    );
    assert.fail(`${waited.stderr}\n${await admin().run('describe pods')}\n${journals.join('\n')}`);
  }
  assert.match(await admin().run('logs on-k8s-m03'), /served by k8s-m03/);
  for (const name of NAMES)
    await until(
      `a pod on ${name} finds a Service by its name`,
      () => admin().run(`exec on-${name} -- nslookup kubernetes.default.svc.cluster.local`),
      { timeoutMs: 60_000, intervalMs: 500 },
    );
  const { items } = await admin().json<{ items: { status: { podIP: string } }[] }>('get pods -l app=web');
  const answerOf = (address: string) => {
    const request = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${address} 8080 || true`;
    return admin().run(['exec', 'on-k8s-m01', '--', 'sh', '-c', request]);
  };
  const patience = { timeoutMs: 60_000, intervalMs: 500 };
  const addresses = items.map(({ status }) => status.podIP);
  for (const address of addresses)
    await until(`k8s-m01 reaches ${address}`, async () => (await answerOf(address)).includes('k8s-m0'), patience);
  const metadata = { name: 'closed' };
  const spec = { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'] };
  const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec };
  await admin().run('apply -f -', { input: JSON.stringify(policy) });
  await until('a policy keeps the others out', async () => (await answerOf(addresses.at(-1)!)) === '', patience);
  await admin().run('delete networkpolicy closed');
});

test('another flag shows as a diff, and restarts what it is for, one host after the other, while the API answers', {
  timeout: DEPLOY_MS,
}, async () => {
  await writeInventory({ flags: { 'kube-apiserver': { 'max-requests-inflight': '1234' } } });
  const plan = await deployed('plan');
  assert.match(
    plan,
    /change file \/etc\/kubernetes\/apiserver\n {4}- +--max-requests-inflight=3000 \\\n {4}\+ +--max-requests-inflight=1234 \\\n/,
  );
  assert.match(plan, /6 changes on 3 of 3 hosts/);
  const output = await deployed('apply');
  const restarted = [...output.matchAll(/^(\S+): api-server: /gm)].map(([, name]) => name);
  assert.deepEqual(restarted, NAMES);
  assert.doesNotMatch(output, /: etcd: |: node: /);
  assert.match(await deployed('verify'), /^all \d+ checks hold$/m);
});

test('all that the authority signed is replaced under a watch and writes, of which none is lost', {
  timeout: 2 * DEPLOY_MS,
}, async () => {
  const authority = join(hosts.directory, 'runbook.assets', 'pki', 'ca.pem');
  const before = await readFile(authority, 'utf8');
  const kubelet = 'openssl x509 -in /etc/kubernetes/ssl/kubelet-client-current.pem -noout -serial';
  const [host] = hosts.hosts;
  const serial = await host!.shell(kubelet);
  const api = reloadingApi();
  const load = new WriteLoad([api], 'rotation');
  try {
    await load.start(1);
    const rotated = await deploy('rotate ca', '--settle=0s');
    assert.equal(rotated.status, 0, rotated.stderr);
    await load.goesOn();
    assert.ok((await load.finish({ restarted: true })).acknowledged > 20);
  } finally {
    await load.stop();
    api.close();
  }
  const now = await readFile(authority, 'utf8');
  assert.notEqual(now, before);
  assert.equal(await host!.shell('cat /etc/kubernetes/ssl/ca.pem'), now);
  assert.notEqual(await host!.shell(kubelet), serial);
  assert.equal(await host!.shell('ls /etc/kubernetes/ssl | grep signing || :'), '');
  assert.match(await deployed('verify'), /^all \d+ checks hold$/m);
});

test('a member of etcd goes and joins again, and one whose disk was wiped is replaced, under writes of which none is lost', {
  timeout: 3 * DEPLOY_MS,
}, async () => {
  const [host, other, wiped] = masters();
  const members = async () => {
    const ssl = '--cacert=/etc/etcd/ssl/ca.pem --cert=/etc/etcd/ssl/etcd.pem --key=/etc/etcd/ssl/etcd.key';
    const list = await host!.shell(`ETCDCTL_API=3 etcdctl --endpoints=https://127.0.0.1:2379 ${ssl} member list`);
    return list
      .trim()
      .split('\n')
      .map((line) => line.split(', '))
      .map(([, state, name, , , isLearner]) => `${name} ${state} ${isLearner}`)
      .sort();
  };
  const api = reloadingApi();
  const load = new WriteLoad([api], 'members');
  try {
    await load.start(1);
    await deployed('etcd remove', other!.name);
    assert.deepEqual(await members(), ['k8s-m01 started false', 'k8s-m03 started false']);
    assert.match((await deploy('apply')).stderr, /k8s-m02: was taken out of etcd: "muster deploy etcd add k8s-m02"/);
    await deployed('etcd remove', wiped!.name);
    // One of those that are out comes without the other.
    const added = await deploy('etcd add', other!.name);
    assert.equal(added.status, 0, added.stderr);
    assert.match(added.stderr, /^API servers use the others until k8s-m03 is added, too$/m);
    await deployed('etcd add', wiped!.name);
    await wiped!.shell('systemctl kill -s KILL etcd; systemctl stop etcd; rm -rf /var/lib/etcd/muster/member');
    // By itself it does not come back as who it was.
    assert.notEqual((await wiped!.tryShell('systemctl start etcd')).status, 0);
    assert.match((await deploy('plan')).stderr, /k8s-m03: has lost the data of its member of etcd/);
    const replaced = await deploy('etcd add', wiped!.name);
    assert.equal(replaced.status, 0, replaced.stderr);
    assert.match(replaced.stderr, /^k8s-m03: the member that it was is out of etcd$/m);
    await load.goesOn();
    assert.ok((await load.finish({ restarted: true })).acknowledged > 20);
  } finally {
    await load.stop();
    api.close();
  }
  assert.deepEqual(
    await members(),
    NAMES.map((name) => `${name} started false`),
  );
  assert.match(await deployed('plan'), /3 hosts, nothing to do/);
});

test('OPS-07: another program is taken up host by host; apply leaves that to upgrade', { timeout: 3 * DEPLOY_MS }, async () => {
  const executable = join(hosts.directory, 'newer', 'muster');
  await cp(join(ROOT, 'dist', 'muster'), executable);
  await cp(join(ROOT, 'dist', 'libatomic.so.1'), join(hosts.directory, 'newer', 'libatomic.so.1'));
  await appendFile(executable, 'another build\n');
  await writeInventory({ distribution: { executable } });
  const refused = await deploy('apply');
  assert.match(refused.stderr, /nothing was done: k8s-m01, k8s-m02, k8s-m03 run another program/);
  const kept = await deploy('upgrade');
  assert.match(kept.stderr, /nothing was done: k8s-m01: cannot delete Pods not managed by .*default\/on-k8s-m01/);
  const upgraded = await deploy('upgrade', '--force');
  assert.equal(upgraded.status, 0, upgraded.stderr);
  assert.deepEqual(
    [...upgraded.stderr.matchAll(/^(\S+): upgraded$/gm)].map(([, name]) => name),
    NAMES,
  );
  assert.match(await deployed('plan'), /3 hosts, nothing to do/);
  assert.doesNotMatch(await admin().run('get nodes'), /SchedulingDisabled|NotReady/);
});

test('one more host joins without the others being touched, and goes again with all that the cluster had of it', {
  timeout: DEPLOY_MS,
}, async () => {
  const worker = hosts.hosts.find(({ name }) => name === WORKER)!;
  const distribution = { executable: join(hosts.directory, 'newer', 'muster') };
  await writeInventory({ distribution, hosts: [...masters().map(asMaster), { name: WORKER, address: worker.address }] });
  const added = await deploy('node add', WORKER);
  assert.equal(added.status, 0, added.stderr);
  assert.match(added.stderr, /^k8s-w01: Ready$/m);
  assert.doesNotMatch(added.stderr, /^k8s-m/m);
  assert.match(await deployed('plan'), /4 hosts, nothing to do/);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'alone' },
    spec: { nodeName: WORKER, containers: [{ name: 'a', image: 'none:1' }] },
  };
  await admin().run('apply -f -', { input: JSON.stringify(pod) });
  const refused = await deploy('node remove', WORKER);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /nothing was done: cannot delete Pods not managed by .*default\/alone/);
  const plan = await deployed('node remove', WORKER, '--force', '--dry-run');
  assert.match(plan, /^ {2}change node k8s-w01\n {4}- takes pods\n {4}\+ cordoned\n {2}remove pod default\/alone$/m);
  assert.match(plan, /^ {2}remove host k8s-w01$/m);
  await deployed('node remove', WORKER, '--force');
  assert.doesNotMatch(await admin().run('get nodes,certificatesigningrequests'), /k8s-w01/);
  assert.equal(await worker.shell('ls -d /etc/kubernetes /var/lib/muster /usr/bin/kubelet 2>/dev/null || :'), '');
  assert.match(await deployed('node remove', WORKER, '--dry-run'), /nothing to do/);
  await writeInventory({ distribution });
});

test('reset leaves nothing of the cluster on the hosts, and what was there before', { timeout: DEPLOY_MS }, async () => {
  assert.equal((await deploy('reset')).status, 2);
  // What is in the way on one host is told, and gone the same command ends what it began.
  const busy = hosts.hosts.find(({ name }) => name === 'k8s-m03')!;
  await busy.shell('mkdir /etc/kubernetes/busy; mount -t tmpfs busy /etc/kubernetes/busy');
  const refused = await deploy('reset', '--yes');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^muster deploy reset: 1 of 3 hosts are not reset: k8s-m03: .*\/etc\/kubernetes stays/ms);
  assert.doesNotMatch(refused.stderr, /not loaded|may be left/);
  await busy.shell('umount /etc/kubernetes/busy');
  await deployed('reset', '--yes');
  for (const host of masters()) {
    const left =
      'ls -d /etc/kubernetes /etc/etcd /var/lib/muster /usr/bin/muster /usr/bin/kubelet /usr/lib/muster /etc/haproxy/haproxy.cfg.muster-deploy /etc/keepalived/keepalived.conf /etc/systemd/system/kube* /etc/systemd/system/etcd.service /etc/sysctl.d/99-kubernetes.conf /var/log/pods /run/flannel 2>/dev/null';
    assert.equal(await host.shell(`${left} || :`), '');
    assert.equal((await host.tryShell('id kube')).status, 1);
    assert.equal(await host.shell('ls -A /var/lib/kubelet /var/lib/etcd'), '/var/lib/etcd:\n\n/var/lib/kubelet:\n');
    assert.equal((await host.shell('ps -eo comm')).match(/^(kube|etcd|flanneld|muster|httpd)/m), null);
    assert.equal(await host.shell('ctr -n k8s.io containers ls -q'), '');
    assert.doesNotMatch(await host.shell('ip -o link'), /cni|flannel|veth/);
    assert.doesNotMatch(await host.shell('iptables-save; nft list ruleset'), /KUBE-|FLANNEL|flannel/);
  }
  for (const host of hosts.hosts) {
    const lines = new Set(bare.get(host.name)!.split('\n'));
    const now = (await belongings(host)).split('\n');
    assert.deepEqual(
      { host: host.name, more: now.filter((line) => !lines.delete(line)), less: [...lines] },
      { host: host.name, more: [], less: [] },
    );
  }
  assert.equal(await firewall(), 'active\nenabled\n');
  assert.match(await readFile(join(hosts.directory, 'runbook.assets', 'pki', 'ca.pem'), 'utf8'), /CERTIFICATE/);
  await deployed('reset', '--yes');
});
