/** The network of an `up` cluster's real pods is chosen by one flag, `--network`: each way on a machine of its own. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, before, type TestContext, test } from 'node:test';
import type { V1Node, V1Pod } from '../../src/api/gen/types.ts';
import { type Containerd, startContainerd } from '../harness/containerd.ts';
import { inNamespace } from '../harness/containerd-leftovers.ts';
import { BUSYBOX } from '../harness/images.ts';
import { type Kubectl, kubectl } from '../harness/kubectl.ts';
import { type MusterHome, musterHome } from '../harness/muster.ts';
import { type NodeLink, type NodeLinks, openNodeLinks } from '../harness/node-links.ts';
import { runCommand, runOrFail } from '../harness/run-command.ts';
import { until } from '../harness/until.ts';

interface Machine {
  readonly link: NodeLink;
  readonly containerd: Containerd;
  readonly home: MusterHome;
  readonly client: Kubectl;
  /** `muster up` with these flags. */
  up(...flags: string[]): Promise<void>;
  /** The output of a program there. */
  run(program: string, ...args: string[]): Promise<string>;
}

let links: NodeLinks;
before(async () => {
  links = await openNodeLinks();
});
after(() => links?.[Symbol.asyncDispose]());

async function openMachine(t: TestContext): Promise<Machine> {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const link = await links.add();
  const prefix = inNamespace(link.namespace);
  const containerd = stack.use(await startContainerd({ network: false, namespace: link.namespace }));
  const home = stack.use(await musterHome(prefix));
  const [program = '', ...before] = prefix;
  return {
    ...{ link, containerd, home, client: kubectl('1.35', home.kubeconfig, home.path, prefix) },
    up: async (...flags) =>
      void (await home.up('--runtime', 'containerd', '--container-runtime-endpoint', containerd.endpoint, ...flags)),
    run: (name, ...args) => runOrFail(program, [...before, name, ...args]),
  };
}

/** What the asker hears under the server's name. Not by wget, which busybox without shared libraries crashes in when names are to be found. */
async function ask({ client }: Machine): Promise<string> {
  const find = "a=$(nslookup web.default.svc.cluster.local | awk '/^Address/ { last = $2 } END { print last }')";
  const get = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 $a 8080";
  return (await client.try(['exec', 'asker', '--', 'sh', '-c', `${find}; ${get}`])).stdout;
}

/** A server, and a client that reaches it by the name of its Service; answers their addresses. */
async function expectService(machine: Machine): Promise<{ readonly web: string; readonly asker: string }> {
  const { client } = machine;
  const serve = 'mkdir /tmp/w; echo hello > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w';
  await client.run(['run', 'web', `--image=${BUSYBOX}`, '--port=8080', '--expose', '--', 'sh', '-c', serve]);
  await client.run(['run', 'asker', `--image=${BUSYBOX}`, '--', 'sleep', '1000']);
  await client.run('wait --for=condition=Ready pod/web pod/asker --timeout=60s');
  await until('the server answers under its name', async () => (await ask(machine)).endsWith('hello\n'), { timeoutMs: 60_000 });
  const address = async (name: string) => (await client.json<V1Pod>(`get pod ${name}`)).status!.podIP!;
  return { web: await address('web'), asker: await address('asker') };
}

async function expectPolicyHolds(machine: Machine): Promise<void> {
  await machine.client.run(['apply', '-f', '-'], {
    input: JSON.stringify({
      ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'nobody' } },
      spec: { podSelector: { matchLabels: { run: 'web' } }, policyTypes: ['Ingress'] },
    }),
  });
  await until('nobody reaches the server', async () => !(await ask(machine)).endsWith('hello\n'), { timeoutMs: 60_000 });
}

async function expectRefusal({ home, containerd }: Machine, network: string, why: RegExp): Promise<void> {
  const endpoint = ['--container-runtime-endpoint', containerd.endpoint];
  const { status, stderr } = await home.try([
    'up',
    '--name',
    'second',
    '--runtime',
    'containerd',
    ...endpoint,
    '--network',
    network,
  ]);
  assert.equal(status, 1, stderr);
  assert.match(stderr, why);
}

test('NET-01 NET-20: --network flannel leads pods by vxlan, and nothing of it is left by down', async (t) => {
  const machine = await openMachine(t);
  const { home, client, containerd, link, run } = machine;
  await machine.up('--network', 'flannel');
  assert.deepEqual(await readdir(containerd.cniConfDir), ['10-flannel.conflist']);
  const { items } = await client.json<{ items: V1Node[] }>('get nodes');
  const [node] = items;
  assert.equal(node!.metadata!.annotations!['flannel.alpha.coreos.com/public-ip'], link.address);
  assert.equal(node!.metadata!.annotations!['flannel.alpha.coreos.com/backend-type'], 'vxlan');
  assert.equal(node!.status!.conditions!.find(({ type }) => type === 'NetworkUnavailable')!.reason, 'FlannelIsUp');
  assert.match(await run('ip', '-d', 'link', 'show', 'flannel.1'), /vxlan id 1 .*dstport 8472/);
  const { web } = await expectService(machine);
  assert.ok(web.startsWith(node!.spec!.podCIDR!.replace(/0\/24$/, '')), `${web} is of ${node!.spec!.podCIDR}`);
  await expectPolicyHolds(machine);
  const otherwise = await home.try(['up', '--runtime', 'containerd', '--network', 'calico']);
  assert.match(otherwise.stderr, /is running with network flannel/);
  await home.run(['down', '--keep-data']);
  assert.match((await home.try(['up', '--runtime', 'containerd', '--network', 'bridge'])).stderr, /is flannel, not bridge/);
  await machine.up();
  assert.equal(await client.run(['exec', 'web', '--', 'cat', '/tmp/w/index.html']), 'hello\n');
  await home.run(['down']);
  assert.deepEqual(await readdir(containerd.cniConfDir), []);
  assert.doesNotMatch(await run('ip', 'link'), /flannel|mstr-/);
  assert.doesNotMatch(await run('nft', 'list', 'tables'), /flannel|muster/);
  assert.doesNotMatch(await run('iptables', '-S'), /FLANNEL/);
});

test('NET-01 NET-04: --network calico leads pods by BIRD, and nothing of it is left by down', async (t) => {
  const machine = await openMachine(t);
  const { home, client, containerd, link, run } = machine;
  await machine.up('--network', 'calico');
  assert.deepEqual(await readdir(containerd.cniConfDir), ['10-calico.conflist']);
  const { items } = await client.json<{ items: V1Node[] }>('get nodes');
  const [node] = items;
  assert.equal(node!.metadata!.annotations!['projectcalico.org/IPv4Address'], `${link.address}/24`);
  assert.equal(node!.status!.conditions!.find(({ type }) => type === 'NetworkUnavailable')!.reason, 'CalicoIsUp');
  const { web, asker } = await expectService(machine);
  const block = /^blackhole (\S+)\.(\d+)\/26 /.exec(await run('ip', 'route', 'show', 'proto', 'bird'));
  assert.ok(block, 'the own block is a blackhole');
  for (const address of [web, asker]) {
    const last = Number(address.split('.')[3]);
    assert.ok(
      address.startsWith(`${block[1]}.`) && last > Number(block[2]) && last < Number(block[2]) + 64,
      `${address} is of it`,
    );
  }
  await expectPolicyHolds(machine);
  await home.run(['down', '--keep-data']);
  await machine.up('--network', 'calico');
  assert.equal(await client.run(['exec', 'web', '--', 'cat', '/tmp/w/index.html']), 'hello\n');
  await home.run(['down']);
  assert.deepEqual(await readdir(containerd.cniConfDir), []);
  assert.equal(await run('ip', 'route', 'show', 'proto', 'bird'), '');
  assert.doesNotMatch(await run('nft', 'list', 'tables'), /muster|kube-proxy/);
  assert.doesNotMatch(await run('iptables', '-S'), /CALICO/);
  const { stdout } = await runCommand('ip', ['netns', 'pids', link.namespace]);
  const programs = await Promise.all(
    stdout
      .split('\n')
      .filter(Boolean)
      .map(async (pid) => (await runCommand('ps', ['-o', 'comm=', '-p', pid])).stdout.trim()),
  );
  assert.ok(!programs.includes('bird'), programs.join(' '));
});

test('NET-01: there is one network for pods: a second one is refused by the name of the first, and none waits for one', async (t) => {
  const machine = await openMachine(t);
  const { home, client, containerd, link, run } = machine;
  await run('ip', 'link', 'add', 'flannel.1', 'type', 'vxlan', 'id', '1', 'dev', link.device, 'dstport', '8472');
  await expectRefusal(machine, 'flannel', /network flannel cannot be made: .*flannel's way already \(device flannel\.1\)/);
  await run('ip', 'link', 'delete', 'flannel.1');
  await run('ip', 'route', 'add', 'blackhole', '10.99.0.0/26', 'proto', 'bird');
  await expectRefusal(machine, 'calico', /network calico cannot be made: a BIRD leads .*blackhole 10\.99\.0\.0\/26/);
  const hollow = await home.try(['up', '--name', 'second', '--runtime', 'hollow', '--network', 'flannel']);
  assert.match(hollow.stderr, /network flannel is for pods that run: hollow nodes send no packets/);
  assert.match((await home.try(['up', '--network', 'weave'])).stderr, /must be one of bridge, flannel, calico, none/);
  await machine.up('--network', 'none');
  assert.deepEqual(await readdir(containerd.cniConfDir), []);
  await until(
    'the node says that its network is missing',
    async () => {
      const { items } = await client.json<{ items: V1Node[] }>('get nodes');
      const ready = items[0]!.status!.conditions!.find(({ type }) => type === 'Ready')!;
      return ready.status === 'False' && /cni|network/i.test(ready.message!);
    },
    { timeoutMs: 60_000 },
  );
});
