import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { podKind } from '../../src/api/core/v1/pod.ts';
import type { V1Node, V1Pod } from '../../src/api/gen/types.ts';
import { startCluster } from '../../src/cluster/start-cluster.ts';
import { mountsBelow, parseMountInfo } from '../../src/host/mount-info.ts';
import { type Containerd, startContainerd } from '../harness/containerd.ts';
import { BUSYBOX } from '../harness/images.ts';
import { type Kubectl, kubectl } from '../harness/kubectl.ts';
import { clusterDirectory, type MusterHome, musterHome, type UpResult } from '../harness/muster.ts';
import { runCommand } from '../harness/run-command.ts';
import { until } from '../harness/until.ts';

let home: MusterHome;
let containerd: Containerd;
let up: UpResult & { realNode?: string };
let client: Kubectl;

before(async () => {
  // As on a fresh machine: no network for pods is there yet.
  [home, containerd] = await Promise.all([musterHome(), startContainerd({ network: false })]);
});
after(async () => {
  await home?.[Symbol.asyncDispose]();
  await containerd?.[Symbol.asyncDispose]();
});

const upArguments = () => ['--runtime', 'containerd', '--container-runtime-endpoint', containerd.endpoint] as const;
const json = <T>(arguments_: string) => client.json<T>(arguments_);

test('up makes this machine a Ready node, alone unless hollow nodes are asked for', async () => {
  up = await home.up(...upArguments());
  client = kubectl('1.35', up.kubeconfig, home.path);
  assert.equal(up.nodes.length, 1);
  assert.equal(up.realNode, up.nodes[0]);
  const node = await json<V1Node>(`get node ${up.realNode}`);
  assert.match(node.status!.nodeInfo!.containerRuntimeVersion, /^containerd:\/\/\d+\./);
  assert.equal(node.status!.conditions!.find(({ type }) => type === 'Ready')!.message, 'kubelet is posting ready status');
  assert.ok(node.status!.images!.some(({ names }) => names!.includes(BUSYBOX)));
  const [file, ...others] = await readdir(containerd.cniConfDir);
  assert.match(file!, /^90-muster-muster-[0-9a-f]{8}\.conflist$/);
  assert.deepEqual(others, []);
});

test('pods run there, have addresses of the node’s range and reach each other', async () => {
  const serve = 'mkdir /tmp/w; echo hello > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w';
  await client.run(['run', 'web', `--image=${BUSYBOX}`, '--port=8080', '--', 'sh', '-c', serve]);
  await client.run('wait --for=condition=Ready pod/web --timeout=60s');
  const { status } = await json<V1Pod>('get pod web');
  const node = await json<V1Node>(`get node ${up.realNode}`);
  const [network] = node.spec!.podCIDR!.split('.0/');
  assert.ok(status!.podIP!.startsWith(`${network}.`), `${status!.podIP} is of ${node.spec!.podCIDR}`);
  const ask = `run asker --image=${BUSYBOX} --restart=Never -- wget -qO- http://${status!.podIP}:8080/`;
  await client.run(ask);
  await client.run('wait --for=jsonpath={.status.phase}=Succeeded pod/asker --timeout=60s');
  assert.equal(await client.run('logs asker'), 'hello\n');
  assert.equal(await client.run('exec web -- cat /tmp/w/index.html'), 'hello\n');
});

test('a network policy blocks pods on the same bridge, not the node, and allows those that it names', async () => {
  const web = (await json<V1Pod>('get pod web')).status!.podIP!;
  const policy = (from: object[]) =>
    client.run(['apply', '-f', '-'], {
      input: JSON.stringify({
        ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'web' } },
        spec: {
          podSelector: { matchLabels: { run: 'web' } },
          policyTypes: ['Ingress'],
          ingress: [{ from }].slice(0, from.length),
        },
      }),
    });
  await client.run(['run', 'friend', `--image=${BUSYBOX}`, '--', 'sleep', '1000']);
  await client.run('wait --for=condition=Ready pod/friend --timeout=60s');
  const request = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${web} 8080`;
  const ask = async () => (await client.try(['exec', 'friend', '--', 'sh', '-c', request])).stdout.endsWith('hello\n');
  const patient = { timeoutMs: 60_000 };
  await until('the pod answers', ask, patient);
  await policy([]);
  await until('nobody reaches the pod', async () => !(await ask()), patient);
  assert.equal((await runCommand('curl', ['-sm', '5', `http://${web}:8080/`])).stdout, 'hello\n');
  await policy([{ podSelector: { matchLabels: { run: 'friend' } } }]);
  await until('the friend reaches it', ask, patient);
  await client.run('delete networkpolicy web');
  await client.run('delete pod friend --force --grace-period=0');
});

test('status shows the node, and a second up finds everything running', async () => {
  assert.match(await home.run(['status']), new RegExp(`${up.realNode} +Ready +\\S+ +containerd://\\d+\\.`));
  assert.equal((await home.up(...upArguments())).pid, up.pid);
  const other = await home.try(['up', '--runtime', 'hollow']);
  assert.equal(other.status, 1);
  assert.match(other.stderr, /is running with the real node/);
});

test('another cluster does not take the runtime that has this one’s pods', async () => {
  const { status, stderr } = await home.try(['up', '--name', 'second', ...upArguments()]);
  assert.equal(status, 1);
  assert.match(stderr, /has \d+ pods already, of another cluster or kubelet/);
});

test('a cluster that was stopped comes back to its pods, none of them restarted', async () => {
  const before = await json<V1Pod>('get pod web');
  await home.run(['down', '--keep-data']);
  up = await home.up(...upArguments());
  await client.run('wait --for=condition=Ready pod/web --timeout=60s');
  const { status } = await json<V1Pod>('get pod web');
  assert.equal(status!.containerStatuses![0]!.containerID, before.status!.containerStatuses![0]!.containerID);
  assert.equal(status!.containerStatuses![0]!.restartCount, 0);
});

test('down leaves nothing of the pods: no sandbox, mount, cgroup, bridge, network or file', async () => {
  const directory = clusterDirectory(home);
  const record = JSON.parse(await readFile(join(directory, 'cluster.json'), 'utf8')) as {
    nodes: { real?: { cgroupRoot: string; network: { bridge: string } } }[];
  };
  const { cgroupRoot, network } = record.nodes[0]!.real!;
  const mountInfo = async () => parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8'));
  const hierarchies = (await mountInfo()).filter(({ fsType }) => fsType === 'cgroup' || fsType === 'cgroup2');
  assert.ok(hierarchies.length > 0);
  await home.run(['down']);
  assert.equal((await containerd.ctr('containers', 'ls', '-q')).trim(), '');
  assert.equal((await containerd.ctr('tasks', 'ls', '-q')).trim(), '');
  assert.deepEqual(mountsBelow(await mountInfo(), directory), []);
  for (const { mountPoint } of hierarchies)
    assert.ok(!(await readdir(mountPoint)).includes(cgroupRoot.slice(1)), `${mountPoint}${cgroupRoot}`);
  assert.notEqual((await runCommand('ip', ['link', 'show', network.bridge])).status, 0);
  const { stdout: tables } = await runCommand('nft', ['list', 'tables']);
  assert.ok(!tables.includes(network.bridge.slice('mstr-'.length)), tables);
  assert.deepEqual(await readdir(containerd.cniConfDir), []);
  await assert.rejects(readdir(directory), { code: 'ENOENT' });
});

test('a cluster in this process that keeps nothing takes its pods along when it is closed', async () => {
  const cluster = await startCluster({ runtime: 'auto', containerRuntimeEndpoint: containerd.endpoint });
  try {
    const pods = cluster.client().resource<V1Pod>(podKind, 'default');
    const containers = [{ name: 'main', image: BUSYBOX, command: ['sleep', '1000'] }];
    await pods.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'short' }, spec: { containers } });
    await until('the pod runs', async () => (await pods.get('short')).status?.phase === 'Running');
    assert.notEqual((await containerd.ctr('containers', 'ls', '-q')).trim(), '');
  } finally {
    await cluster.close();
  }
  assert.equal((await containerd.ctr('containers', 'ls', '-q')).trim(), '');
  assert.deepEqual(await readdir(containerd.cniConfDir), []);
});

test('a cluster whose process was killed is taken down as well', async () => {
  up = await home.up('--nodes', '1', ...upArguments());
  assert.equal(up.nodes.length, 2);
  await client.run(`run last --image=${BUSYBOX} -- sleep 1000`);
  await client.run('wait --for=condition=Ready pod/last --timeout=60s');
  process.kill(up.pid, 'SIGKILL');
  await until('the process is gone', async () => (await home.try(['status'])).status !== 0);
  await home.run(['down']);
  assert.equal((await containerd.ctr('containers', 'ls', '-q')).trim(), '');
});
