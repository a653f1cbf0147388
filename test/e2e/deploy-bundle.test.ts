import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PROGRAM } from '../harness/component-process.ts';
import { builtExecutable } from '../harness/executable.ts';
import { kubectl } from '../harness/kubectl.ts';
import { runCommand } from '../harness/run-command.ts';
import { type SystemdHost, type SystemdHosts, startSystemdHosts } from '../harness/systemd-hosts.ts';
import { until } from '../harness/until.ts';

// A host that lacks a package, made a cluster out of one file, with a balancer of its own. The tests follow each other.

const DEPLOY_MS = 280_000;
const SSL = '/etc/kubernetes/ssl';
let hosts: SystemdHosts;
const host = (): SystemdHost => hosts.hosts[0]!;
const file = (name: string) => join(hosts.directory, name);
const admin = () => kubectl('1.35', file('kubernetes.assets/admin.kubeconfig'), hosts.directory);
const deploy = (...words: string[]) => runCommand(process.execPath, [PROGRAM, 'deploy', ...words], { timeoutMs: DEPLOY_MS });
const onInventory = (command: string, ...more: string[]) => deploy(...command.split(' '), '-f', file('cluster.yaml'), ...more);

async function succeeds(ended: ReturnType<typeof deploy>): Promise<string> {
  const { status, stdout, stderr } = await ended;
  assert.equal(status, 0, `${stdout}${stderr}`);
  return stdout;
}

/** Makes a package again of what it has put on the host, and takes it away there. */
const TAKE_PACKAGE = `set -e
mkdir -p /tmp/again/DEBIAN
dpkg-query -s conntrack | sed '/^Status:/d;/^Conffiles:/,/^[^ ]/{/^Conffiles:/d;/^ /d}' > /tmp/again/DEBIAN/control
dpkg -L conntrack | while read -r path; do if [ -f "$path" ]; then install -D "$path" "/tmp/again$path"; fi; done
dpkg-deb --root-owner-group --build /tmp/again /tmp/conntrack_1_$(dpkg --print-architecture).deb >/dev/null
dpkg --purge conntrack >/dev/null
base64 -w 0 /tmp/conntrack_1_*.deb`;

/** @param provider by which Secrets are kept */
function writeInventory(provider: string): Promise<void> {
  const { name, address } = host();
  const inventory = {
    ...{ apiVersion: 'config.muster.dev/v1', kind: 'Inventory', ssh: { configFile: hosts.sshConfig } },
    endpoint: { loadBalancer: 'muster' },
    encryption: { provider },
    hosts: [{ name, address, roles: ['master', 'worker'] }],
  };
  return writeFile(file('cluster.yaml'), JSON.stringify(inventory));
}

before(async () => {
  await builtExecutable();
  hosts = await startSystemdHosts(['alone']);
  await writeInventory('aescbc');
  const architecture = (await host().shell('dpkg --print-architecture')).trim();
  await writeFile(file(`conntrack_1_${architecture}.deb`), Buffer.from(await host().shell(TAKE_PACKAGE), 'base64'));
});
after(() => hosts?.[Symbol.asyncDispose]());

test('what a host lacks is told, with and without a bundle that has it not', async () => {
  const { status, stderr } = await onInventory('plan');
  assert.equal(status, 1);
  assert.match(stderr, /alone: has no conntrack: install the package conntrack/);
  await succeeds(deploy('bundle', '-o', file('small.tar')));
  const bundled = await onInventory('plan', '--bundle', file('small.tar'));
  assert.match(bundled.stderr, /alone: has no conntrack, and the bundle has no package conntrack/);
});

test('the threads of the executable find their code in it', async () => {
  const { executable } = await builtExecutable();
  const { status, stdout, stderr } = await runCommand(executable, 'rehearse --nodes 2 --for 1d --control-planes 2'.split(' '));
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^joined +2$/m);
});

test('a bundle that is cut or changed is refused before any host is looked at', async () => {
  assert.match(await succeeds(deploy('bundle', '-o', file('bundle.tar'), '--package', hosts.directory)), /and 1 packages, /);
  const bytes = await readFile(file('bundle.tar'));
  await writeFile(file('cut.tar'), bytes.subarray(0, bytes.length / 2));
  assert.match((await onInventory('plan', '--bundle', file('cut.tar'))).stderr, /cut\.tar: .*damaged/);
  await copyFile(file('bundle.tar'), file('changed.tar'));
  bytes[bytes.length / 2] = bytes[bytes.length / 2]! ^ 1;
  await writeFile(file('changed.tar'), bytes);
  assert.match((await onInventory('plan', '--bundle', file('changed.tar'))).stderr, /changed\.tar: muster is damaged/);
  assert.match((await onInventory('plan', '--bundle', file('none.tar'))).stderr, /none\.tar: no such file/);
});

test('apply takes the package out of the bundle, and the host gets Ready', { timeout: DEPLOY_MS }, async () => {
  assert.match(
    await succeeds(onInventory('plan', '--bundle', file('bundle.tar'))),
    /create packages conntrack\n {4}\+ conntrack/,
  );
  assert.match(await succeeds(onInventory('apply', '--bundle', file('bundle.tar'))), /^alone: Ready$/m);
  assert.match(await host().shell('dpkg-query -W conntrack && conntrack --version'), /^conntrack\t.*\nconntrack v/);
  assert.equal(await host().shell('ls /var/lib/muster/deploy | grep packages || :'), '');
  assert.match(await succeeds(onInventory('apply', '--bundle', file('bundle.tar'))), /1 hosts, nothing to do/);
});

test('all on the host goes by its own balancer, which finds the API server again after that was away', {
  timeout: DEPLOY_MS,
}, async () => {
  assert.match(await host().shell('cat /etc/kubernetes/kubelet.kubeconfig'), /server: https:\/\/127\.0\.0\.1:8443/);
  assert.match(await host().shell('netstat -lnt'), / 127\.0\.0\.1:8443 /);
  assert.match(await succeeds(onInventory('verify')), /^all \d+ checks hold$/m);
  await host().shell('systemctl stop kube-apiserver');
  await until(
    'the balancer has noticed',
    async () => /Server is down/.test(await host().shell('journalctl -u muster-lb -o cat')),
    { timeoutMs: 60_000, intervalMs: 500 },
  );
  await host().shell('systemctl start kube-apiserver');
  await until(
    'the way is open again',
    () =>
      host().shell(
        `curl -sf --cacert ${SSL}/ca.pem --cert ${SSL}/apiserver.pem --key ${SSL}/apiserver.key https://127.0.0.1:8443/readyz`,
      ),
    {
      timeoutMs: 60_000,
      intervalMs: 500,
    },
  );
  await until('the node is Ready', async () => / Ready /.test(await admin().run('get nodes')), {
    timeoutMs: 60_000,
    intervalMs: 500,
  });
});

test('tokens of a host are given and taken back', { timeout: DEPLOY_MS }, async () => {
  const token = (await succeeds(onInventory('token create', 'alone'))).trim();
  assert.match(token, /^[a-z0-9]{6}\.[a-z0-9]{16}$/);
  const id = token.slice(0, 6);
  const isListed = async () => new RegExp(`^alone +${id} +in 23h +yes$`, 'm').test(await succeeds(onInventory('token list')));
  assert.equal(await isListed(), true);
  await succeeds(onInventory('token delete', id));
  assert.equal(await isListed(), false);
});

test('Secrets are written with another key, though the command is killed in between, and the old key is nowhere on the host', {
  timeout: 2 * DEPLOY_MS,
}, async () => {
  const keys = `${SSL}/encryption.yaml`;
  const bundled = ['--bundle', file('bundle.tar')];
  const inStore = (form: string) => host().shell(`grep -aqr ${form} /var/lib/muster/store && echo found || echo none`);
  await admin().run('create secret generic s --from-literal=word=hunter2');
  assert.match(await host().shell(`stat -c '%a %G' ${keys} && grep -c aescbc ${keys}`), /^640 kube\n1\n$/);
  assert.match(await inStore('k8s:enc:aescbc:v1:key1:'), /found/);
  assert.match(await inStore('aHVudGVyMg'), /none/, 'as the API has it');

  await writeInventory('secretbox');
  assert.match(
    (await onInventory('apply', ...bundled)).stderr,
    /encryption\.provider is "secretbox", and the cluster keeps its Secrets by "aescbc"/,
  );
  const words = ['deploy', 'rotate', 'encryption-key', '-f', file('cluster.yaml'), ...bundled];
  const child = spawn(process.execPath, [PROGRAM, ...words], { stdio: ['ignore', 'inherit', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.includes('2 of 4')) child.kill('SIGKILL');
  });
  await once(child, 'close');
  assert.equal(child.signalCode, 'SIGKILL', said);
  const { status, stderr } = await onInventory('rotate encryption-key', ...bundled);
  assert.equal(status, 0, stderr);
  assert.match(
    stderr,
    /that was ended goes on\n(?:.*\n)*.*\d+ Secrets are written anew\n(?:.*\n)*Secrets are kept by secretbox, key2\n/,
  );
  assert.match(await host().shell(`grep -c . ${keys} && ! grep -E 'aescbc:|name: key1$' ${keys}`), /^\d+\n$/);
  assert.match(await inStore('k8s:enc:secretbox:v1:key2:'), /found/);
  assert.match(await admin().run('get secret s -o yaml'), /word: aHVudGVyMg==/);
  assert.match(await succeeds(onInventory('apply', '--bundle', file('bundle.tar'))), /1 hosts, nothing to do/);
});

test('reset takes the package away again, which the host did not have', { timeout: DEPLOY_MS }, async () => {
  await succeeds(onInventory('reset', '--yes'));
  assert.equal((await host().tryShell('dpkg-query -s conntrack')).status, 1);
  assert.equal(await host().shell('ls -d /var/lib/muster /etc/systemd/system/muster-lb.service 2>/dev/null || :'), '');
});
