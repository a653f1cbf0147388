import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { type ComponentProcess, PROGRAM, startProgram } from '../harness/component-process.ts';
import { inNamespace } from '../harness/containerd-leftovers.ts';
import { type Kubectl, kubectl } from '../harness/kubectl.ts';
import { type NodeLink, type NodeLinks, openNodeLinks } from '../harness/node-links.ts';
import { expectMatrix, openPolicyPods, type PolicyPod, type PolicyPods, type Wanted } from '../harness/policy-pods.ts';
import { runOrFail } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

/*
 * Upstream's conformance suite checks network policies so (test/e2e/network/netpol): three namespaces with three pods each, and who of
 * them reaches whom, after each policy. Here they are on one node's bridge, with rules for both ends.
 */
const NAMESPACES = ['x', 'y', 'z'];
const NAMES = ['a', 'b', 'c'];

let links: NodeLinks;
let node: NodeLink;
let outside: NodeLink;
let cluster: Cluster;
let network: PolicyPods;
let admin: Kubectl;
let agent: ComponentProcess;
let agentArgs: string[];
const pods: PolicyPod[] = [];
const stack = new AsyncDisposableStack();

const apply = (...items: object[]) =>
  admin.run(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
const policy = (name: string, spec: object, namespace = 'x') => ({
  ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  metadata: { name, namespace },
  spec,
});
const inNode = (...command: string[]) => runOrFail('ip', ['netns', 'exec', node.namespace, ...command]);
const startAgent = () => {
  const [program = '', ...args] = inNamespace(node.namespace);
  return startProgram(program, [...args, process.execPath, PROGRAM, 'network-policy', ...agentArgs]);
};
const expect = (allowed: Wanted['allowed'], options: Omit<Wanted, 'allowed'> = {}) => expectMatrix(pods, { allowed, ...options });
const isIn = (namespace: string) => (name: string) => name.startsWith(`${namespace}/`);
const [inX, inY, inZ] = NAMESPACES.map(isIn) as [ReturnType<typeof isIn>, ReturnType<typeof isIn>, ReturnType<typeof isIn>];
const podNamed = (name: string) => pods.find((pod) => pod.name === name)!;

async function addPod(namespace: string, name: string): Promise<PolicyPod> {
  const pod = await network.add(`${namespace}/${name}`);
  await apply(podObject(namespace, name));
  await giveAddress(namespace, name, pod);
  return pod;
}

const podObject = (namespace: string, name: string) => ({
  ...{ apiVersion: 'v1', kind: 'Pod' },
  metadata: { namespace, name, labels: { pod: name } },
  spec: {
    nodeName: 'node-a',
    containers: [
      {
        ...{ name: 'server', image: 'server' },
        ports: [
          { containerPort: 80, name: 'serve-80-tcp' },
          { containerPort: 81, name: 'serve-81-tcp' },
        ],
      },
    ],
  },
});

async function giveAddress(namespace: string, name: string, { addresses }: PolicyPod): Promise<void> {
  const status = { phase: 'Running', podIP: addresses[0], podIPs: addresses.map((ip) => ({ ip })) };
  await admin.run([
    '-n',
    namespace,
    'patch',
    'pod',
    name,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  ]);
}

before(async () => {
  links = stack.use(await openNodeLinks());
  [node, outside] = [await links.add(), await links.add()];
  cluster = stack.use(await startCluster({ nodes: 0, bindAddress: links.hostAddress }));
  const directory = stack.use(await temporaryDirectory());
  const kubeconfig = directory.file('kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
  admin = kubectl('1.35', kubeconfig, directory.path);
  network = stack.use(await openPolicyPods(node));
  await runOrFail('ip', ['-n', outside.namespace, 'route', 'add', network.podCidrs[0], 'via', node.address]);
  await apply(
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-a' },
      spec: { podCIDRs: network.podCidrs, podCIDR: network.podCidrs[0] },
    },
    ...NAMESPACES.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { ns: name } } })),
  );
  for (const namespace of NAMESPACES)
    await until('the namespace has its service account', () => admin.run(['-n', namespace, 'get', 'sa', 'default']));
  for (const namespace of NAMESPACES) for (const name of NAMES) pods.push(await addPod(namespace, name));
  agentArgs = ['--kubeconfig', kubeconfig, '--hostname-override', 'node-a', '--metrics-bind-address', '127.0.0.1:10261'];
  agent = startAgent();
  stack.defer(async () => void (await agent.stop()));
  await until('the table is there', () => inNode('nft', 'list', 'table', 'inet', 'muster-network-policy'));
});
after(() => stack.disposeAsync());

const clear = () => admin.run(['delete', 'networkpolicy', '--all', '--all-namespaces']);

test('without a policy all reach all, in both families', async () => {
  await expect(() => true);
  await expect(() => true, { family: 1, protocol: 'UDP' });
});

test('a policy without rules denies all ingress of its namespace, and nothing else', async () => {
  await apply(policy('default-deny-ingress', { podSelector: {}, policyTypes: ['Ingress'] }));
  await expect((from, to) => !inX(to) || from === to);
  await expect((from, to) => !inX(to) || from === to, { family: 1 });
  await expect((from, to) => !inX(to) || from === to, { protocol: 'UDP' });
  await until('probes of the node pass', () =>
    network.node.probe({ address: podNamed('x/a').addresses[0], port: 80, protocol: 'TCP' }),
  );
  await clear();
});

test('deny of both directions holds for what comes and what goes', async () => {
  await apply(policy('default-deny-all', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }));
  await expect((from, to) => (!inX(to) && !inX(from)) || from === to);
  await expect((from, to) => (!inX(to) && !inX(from)) || from === to, { family: 1, protocol: 'UDP' });
  await clear();
});

test('peers are chosen by pods, by namespaces, and by both together', async () => {
  const select = { podSelector: { matchLabels: { pod: 'a' } } };
  await apply(policy('pods', { ...select, ingress: [{ from: [{ podSelector: { matchLabels: { pod: 'b' } } }] }] }));
  await expect((from, to) => to !== 'x/a' || from === 'x/a' || from === 'x/b');
  await apply(
    policy('pods', {
      ...select,
      ingress: [{ from: [{ namespaceSelector: { matchExpressions: [{ key: 'ns', operator: 'NotIn', values: ['x'] }] } }] }],
    }),
  );
  await expect((from, to) => to !== 'x/a' || from === 'x/a' || !inX(from));
  await apply(
    policy('pods', {
      ...select,
      ingress: [
        {
          from: [
            { namespaceSelector: { matchLabels: { ns: 'y' } }, podSelector: { matchLabels: { pod: 'c' } } },
            { podSelector: { matchLabels: { pod: 'c' } } },
          ],
        },
      ],
    }),
  );
  await expect((from, to) => to !== 'x/a' || from === 'x/a' || from === 'y/c' || from === 'x/c');
  await clear();
});

test('ports are allowed by number, by range, by name and by protocol', async () => {
  const allow = (...ports: object[]) => policy('ports', { podSelector: {}, ingress: [{ ports }] });
  const some = (from: string, to: string) => !inX(to) || from === to;
  await apply(allow({ port: 81 }));
  await expect(() => true, { port: 81 });
  await expect(some);
  await apply(allow({ port: 'serve-80-tcp' }));
  await expect(() => true);
  await expect(some, { port: 81 });
  await apply(allow({ port: 75, endPort: 80, protocol: 'UDP' }));
  await expect(() => true, { protocol: 'UDP' });
  await expect(some, { protocol: 'UDP', port: 81 });
  await expect(some);
  await apply(allow({ protocol: 'SCTP', port: 80 }));
  await expect(some);
  await clear();
});

test('egress is allowed to named ports of pods and to nothing else', async () => {
  await apply(
    policy('egress', {
      podSelector: { matchLabels: { pod: 'a' } },
      policyTypes: ['Egress'],
      egress: [{ to: [{ namespaceSelector: { matchLabels: { ns: 'y' } } }], ports: [{ port: 'serve-80-tcp' }] }],
    }),
  );
  await expect((from, to) => from !== 'x/a' || to === 'x/a' || inY(to));
  await expect((from, to) => from !== 'x/a' || to === 'x/a', { port: 81 });
  await expect((from, to) => from !== 'x/a' || to === 'x/a' || inY(to), { family: 1 });
  await clear();
});

test('policies of a pod add up, and what changes in them and in labels holds soon', async () => {
  const allowFrom = (name: string, ns: string) =>
    policy(name, {
      podSelector: { matchLabels: { pod: 'a' } },
      ingress: [{ from: [{ namespaceSelector: { matchLabels: { ns } } }] }],
    });
  await apply(allowFrom('one', 'y'), allowFrom('two', 'z'));
  await expect((from, to) => to !== 'x/a' || from === to || inY(from) || inZ(from));
  await apply(allowFrom('one', 'none'));
  await expect((from, to) => to !== 'x/a' || from === to || inZ(from));
  await admin.run(['label', 'namespace', 'y', 'ns=none', '--overwrite']);
  await expect((from, to) => to !== 'x/a' || from === to || inY(from) || inZ(from));
  await admin.run(['label', 'namespace', 'y', 'ns=y', '--overwrite']);
  await admin.run(['-n', 'x', 'label', 'pod', 'a', 'pod=other', '--overwrite']);
  await expect(() => true);
  await admin.run(['-n', 'x', 'label', 'pod', 'a', 'pod=a', '--overwrite']);
  await expect((from, to) => to !== 'x/a' || from === to || inZ(from));
  await clear();
  await expect(() => true);
});

test('blocks of addresses allow all but their exceptions, also for clients of elsewhere', async () => {
  const fromOutside = () =>
    runOrFail('ip', [
      'netns',
      'exec',
      outside.namespace,
      'socat',
      '-T2',
      '-u',
      `TCP:${podNamed('x/a').addresses[0]}:80,connect-timeout=2`,
      '-',
    ]);
  assert.equal(await fromOutside(), 'x/a');
  const b = `${podNamed('x/b').addresses[0]}/32`;
  const allow = (...from: object[]) => policy('blocks', { podSelector: { matchLabels: { pod: 'a' } }, ingress: [{ from }] });
  await apply(allow({ ipBlock: { cidr: network.podCidrs[0], except: [b] } }));
  await expect((from, to) => to !== 'x/a' || from !== 'x/b');
  await assert.rejects(fromOutside);
  await apply(
    allow({ ipBlock: { cidr: network.podCidrs[0], except: [b] } }, { ipBlock: { cidr: b } }, { ipBlock: { cidr: links.cidr } }),
  );
  await expect(() => true);
  assert.equal(await fromOutside(), 'x/a');
  await expect((from, to) => to !== 'x/a' || from === to, { family: 1 });
  await clear();
});

test('a pod that starts is isolated before it is known where it is', async () => {
  await apply(policy('isolate-late', { podSelector: { matchLabels: { pod: 'late' } }, policyTypes: ['Ingress', 'Egress'] }, 'z'));
  await apply(podObject('z', 'late'));
  await until('the guard is there', async () =>
    /known-ip drop/.test(await inNode('nft', 'list', 'chain', 'inet', 'muster-network-policy', 'ingress')),
  );
  const late = await network.add('z/late');
  const a = podNamed('x/a');
  assert.equal(await a.probe({ address: late.addresses[0], port: 80, protocol: 'TCP' }), false);
  assert.equal(await late.probe({ address: a.addresses[0], port: 80, protocol: 'UDP' }), false);
  await until('the node reaches it', () => network.node.probe({ address: late.addresses[0], port: 80, protocol: 'TCP' }));
  await giveAddress('z', 'late', late);
  await until(
    'the guard is gone',
    async () => !/known-ip drop/.test(await inNode('nft', 'list', 'chain', 'inet', 'muster-network-policy', 'ingress')),
  );
  assert.equal(await a.probe({ address: late.addresses[0], port: 80, protocol: 'TCP' }), false);
  await admin.run(['-n', 'z', 'delete', 'pod', 'late', '--force', '--grace-period=0']);
  await clear();
});

test('the addresses of a link are no way around policies', async () => {
  await apply(policy('deny', { podSelector: {}, policyTypes: ['Ingress'] }));
  await expect((from, to) => !inX(to) || from === to);
  assert.match(
    await inNode('nft', 'list', 'chain', 'inet', 'muster-network-policy', 'ingress'),
    /iifname "mstr-\*" oifname "mstr-\*" ip6 daddr fe80::\/10 drop/,
  );
  await clear();
});

test('rules outlive the agent, and no moment is open when it starts again', async () => {
  await apply(policy('deny', { podSelector: {}, policyTypes: ['Ingress'] }));
  await expect((from, to) => !inX(to) || from === to);
  agent.signal('SIGKILL');
  await agent.exited;
  const [from, to] = [podNamed('y/a'), podNamed('x/a')];
  const probe = { address: to.addresses[0], port: 80, protocol: 'TCP' } as const;
  assert.equal(await from.probe(probe), false);
  agent = startAgent();
  let watching = true;
  const open: boolean[] = [];
  const watcher = (async () => {
    while (watching) open.push(await from.probe(probe));
  })();
  await until('it is healthy', async () => (await inNode('curl', '-sf', 'http://127.0.0.1:10261/healthz')) === 'ok');
  watching = false;
  await watcher;
  assert.ok(!open.includes(true), 'a connection passed while the agent started');
  assert.match(
    await inNode('curl', '-s', 'http://127.0.0.1:10261/metrics'),
    /muster_network_policy_isolated_addresses\{direction="ingress"\} 6/,
  );
  await clear();
  await expect(() => true);
});

test('clean-up removes our table and leaves those of others', async () => {
  await agent.stop();
  await inNode('nft', 'add', 'table', 'inet', 'others');
  await inNode(process.execPath, PROGRAM, 'network-policy', '--cleanup');
  assert.equal((await inNode('nft', 'list', 'tables')).trim(), 'table inet others');
});
