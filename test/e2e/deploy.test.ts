import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PROGRAM } from '../harness/component-process.ts';
import { builtExecutable } from '../harness/executable.ts';
import { BUSYBOX } from '../harness/images.ts';
import { kubectl } from '../harness/kubectl.ts';
import { type CommandResult, runCommand } from '../harness/run-command.ts';
import { type SystemdHosts, startSystemdHosts } from '../harness/systemd-hosts.ts';
import { until } from '../harness/until.ts';

// One story on three hosts: the tests follow each other.

const NAMES = ['k8s-m01', 'k8s-m02', 'k8s-m03'];
const DEPLOY_MS = 280_000;

let hosts: SystemdHosts;
const inventoryFile = () => join(hosts.directory, 'cluster.yaml');
const admin = () => kubectl('1.35', join(hosts.directory, 'runbook.assets', 'admin.kubeconfig'), hosts.directory);
const words = (command: string, more: readonly string[]) => [PROGRAM, 'deploy', command, '-f', inventoryFile(), ...more];
const deploy = (command: string, ...more: string[]): Promise<CommandResult> =>
  runCommand(process.execPath, words(command, more), { timeoutMs: DEPLOY_MS });

async function deployed(command: string, ...more: string[]): Promise<string> {
  const { status, stdout, stderr } = await deploy(command, ...more);
  assert.equal(status, 0, `${stdout}${stderr}`);
  return stdout;
}

async function writeInventory(more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const inventory = {
    apiVersion: 'config.muster.dev/v1',
    kind: 'Inventory',
    name: 'runbook',
    ssh: { configFile: hosts.sshConfig },
    endpoint: { address: hosts.freeAddress, port: 8443, loadBalancer: 'haproxy' },
    hosts: hosts.hosts.map(({ name, address }) => ({ name, address, roles: ['etcd', 'master', 'worker'] })),
    ...more,
  };
  await writeFile(inventoryFile(), JSON.stringify(inventory));
}

before(async () => {
  await builtExecutable();
  hosts = await startSystemdHosts(NAMES);
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

test('apply is killed in the middle; the same command goes on, until all nodes are Ready', { timeout: DEPLOY_MS }, async () => {
  const child = spawn(process.execPath, words('apply', []), { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    // Programs are on their way to the other hosts.
    if (/: install: /.test(said)) child.kill('SIGKILL');
  });
  await once(child, 'close');
  assert.doesNotMatch(said, /Ready/);
  const output = await deployed('apply');
  for (const name of NAMES) assert.match(output, new RegExp(`^${name}: Ready$`, 'm'));
  const nodes = await admin().run('get nodes');
  for (const name of NAMES) assert.match(nodes, new RegExp(`^${name} +Ready +<none> `, 'm'));
});

test('a second apply changes nothing, and all that the runbooks look at is as they say', async () => {
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
  const bindings = await admin().run('get clusterrolebinding kube-apiserver:kubelet-apis -o wide');
  assert.match(bindings, /kubernetes/);
});

test('pods run on every host, reach each other across hosts, and show their logs', { timeout: DEPLOY_MS }, async () => {
  await Promise.all(hosts.hosts.map((host) => host.importImages()));
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
      hosts.hosts.map((host) => host.shell('journalctl -u kubelet -u containerd -n 15 --no-pager')),
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
  for (const { status } of items)
    await until(
      `k8s-m01 reaches ${status.podIP}`,
      async () => {
        const request = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${status.podIP} 8080`;
        return (await admin().run(['exec', 'on-k8s-m01', '--', 'sh', '-c', request])).includes('k8s-m0');
      },
      { timeoutMs: 60_000, intervalMs: 500 },
    );
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

test('reset leaves nothing of the cluster on the hosts, and what was there before', { timeout: DEPLOY_MS }, async () => {
  assert.equal((await deploy('reset')).status, 2);
  await deployed('reset', '--yes');
  for (const host of hosts.hosts) {
    const left =
      'ls -d /etc/kubernetes /etc/etcd /var/lib/muster /usr/bin/muster /usr/bin/kubelet /usr/lib/muster /etc/haproxy/haproxy.cfg.muster-deploy /etc/keepalived/keepalived.conf /etc/systemd/system/kube* /etc/systemd/system/etcd.service /etc/sysctl.d/99-kubernetes.conf 2>/dev/null';
    assert.equal(await host.shell(`${left} || :`), '');
    assert.equal((await host.tryShell('id kube')).status, 1);
    assert.equal(await host.shell('ls -A /var/lib/kubelet /var/lib/etcd'), '/var/lib/etcd:\n\n/var/lib/kubelet:\n');
    assert.equal((await host.shell('ps -eo comm')).match(/^(kube|etcd|flanneld|muster|httpd)/m), null);
    assert.equal(await host.shell('ctr -n k8s.io containers ls -q'), '');
    assert.doesNotMatch(await host.shell('ip -o link'), /cni|flannel|veth/);
    assert.doesNotMatch(await host.shell('iptables-save; nft list ruleset'), /KUBE-|FLANNEL|flannel/);
  }
  assert.match(await readFile(join(hosts.directory, 'runbook.assets', 'pki', 'ca.pem'), 'utf8'), /CERTIFICATE/);
  await deployed('reset', '--yes');
});
