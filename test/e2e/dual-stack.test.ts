import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import { podKind } from '../../src/api/core/v1/pod.ts';
import { serviceKind } from '../../src/api/core/v1/service.ts';
import type { V1NetworkPolicy, V1Node, V1Pod, V1Service } from '../../src/api/gen/types.ts';
import { networkPolicyKind } from '../../src/api/networking/v1/network-policy.ts';
import { CLUSTER_CIDR } from '../../src/cluster/options.ts';
import { PROGRAM } from '../harness/component-process.ts';
import { flannelNetwork } from '../harness/flannel.ts';
import { BUSYBOX } from '../harness/images.ts';
import { startNodeServices } from '../harness/node-services.ts';
import { type RealNode, type RealNodes, startRealNodes } from '../harness/real-nodes.ts';
import { serviceAccountKubeconfig } from '../harness/service-account-kubeconfig.ts';
import { until } from '../harness/until.ts';

/** Tests of one cluster with pods, Services and nodes of both families, one after the other. */

const WAIT = { timeoutMs: 60_000, intervalMs: 200 };
const PODS6 = 'fd00:10:128::/48';
const SERVICES6 = 'fd00:10:96::/112';
const flannel = flannelNetwork({ Type: 'vxlan' }, ['--iptables-resync=1'], PODS6);
let nodes: RealNodes;
before(async () => {
  const ranges = { pods: PODS6, services: SERVICES6 };
  nodes = await startRealNodes({ nodes: 2, ipv6: true, network: flannel.connect, cluster: { ipv6Ranges: ranges } });
});
after(() => nodes?.[Symbol.asyncDispose]());

const SERVER = `mkdir -p /www && cd /www && dd if=/dev/urandom of=large bs=65536 count=16 2>/dev/null && cp /etc/hostname name
httpd -f -p 80 -h /www`;

async function startPod(node: RealNode): Promise<string[]> {
  const pods = nodes.client.resource<V1Pod>(podKind, 'default');
  const name = `on-${node.name}`;
  const container = { name: 'c', image: BUSYBOX, command: ['sh', '-c', SERVER] };
  await pods.create({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app: 'web' } } },
    spec: { nodeName: node.name, terminationGracePeriodSeconds: 0, containers: [container] },
  });
  const running = async () => {
    const { status } = await pods.get(name);
    return status?.containerStatuses?.[0]?.state?.running && status.podIPs?.map(({ ip }) => ip ?? '');
  };
  return until(`pod ${name} runs`, running, WAIT);
}

const inPod = (node: RealNode, script: string) => nodes.kubectl().try(['exec', `on-${node.name}`, '--', 'sh', '-c', script]);

/** What a pod's page says, once it is answered. */
const page = (from: RealNode, address: string, path: string, more = '') =>
  until(
    `${address} answers on-${from.name}`,
    async () => {
      const asked = `printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${address} 80 | sed '1,/^\\r*$/d'`;
      const { status, stdout, stderr } = await inPod(from, `${asked} ${more}`);
      if (status === 0 && stdout.trim() !== '') return stdout.trim();
      throw new Error(`ended with ${status}: ${stderr}${stdout}`);
    },
    WAIT,
  );

let addresses: string[][] = [];

test('pods have an address of each family, and reach those of other nodes by both, with packets as large as the link allows', async () => {
  const [first, second] = nodes.nodes as [RealNode, RealNode];
  addresses = await Promise.all([startPod(first), startPod(second)]);
  for (const [four = '', six = ''] of addresses) {
    assert.match(four, /^10\.1(2[89]|[3-9]\d)\./);
    assert.match(six, /^fd00:10:128:/);
  }
  for (const address of addresses[1]!) {
    assert.equal(await page(first, address, '/name'), 'on-node-2');
    const expected = (await inPod(second, 'md5sum < /www/large')).stdout.trim();
    assert.equal(await page(first, address, '/large', '| md5sum'), expected);
  }
  assert.match((await inPod(first, 'cat /sys/class/net/eth0/mtu')).stdout, /^1430$/m);
  const { metadata } = await nodes.client.resource<V1Node>(nodeKind).get(second.name);
  const told = metadata?.annotations ?? {};
  assert.equal(told['flannel.alpha.coreos.com/public-ipv6'], second.address6);
  const { VtepMAC: mac } = JSON.parse(told['flannel.alpha.coreos.com/backend-v6-data'] ?? '{}');
  assert.match(await first.run('bridge', 'fdb', 'show', 'dev', 'flannel-v6.1'), new RegExp(`${mac} dst ${second.address6}`));
});

test('a Service of both families is reached by each of its addresses', async () => {
  await startNodeServices(nodes, ({ name }) => (name === 'node-1' ? 'nftables' : 'iptables'), `${CLUSTER_CIDR},${PODS6}`);
  const services = nodes.client.resource<V1Service>(serviceKind, 'default');
  const { spec } = (await services.create({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' } },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ipFamilyPolicy: 'RequireDualStack', type: 'NodePort' },
  })) as V1Service;
  assert.deepEqual(spec?.ipFamilies, ['IPv4', 'IPv6']);
  assert.match(spec?.clusterIPs?.[1] ?? '', /^fd00:10:96:/);
  for (const node of nodes.nodes) {
    for (const address of spec?.clusterIPs ?? []) assert.match(await page(node, address, '/name'), /^on-node-[12]$/);
    const port = spec?.ports?.[0]?.nodePort;
    const asked = async () =>
      (await nodes.nodes[0]!.try('curl', ['-sgm', '5', `http://[${node.address6}]:${port}/name`])).stdout.trim();
    assert.match(await until(`the port of ${node.name} answers`, async () => (await asked()) || false, WAIT), /^on-node-/);
  }
});

test('a NetworkPolicy blocks and allows by both families', async () => {
  const kubectl = nodes.kubectl();
  await kubectl.run('create serviceaccount policies -n kube-system');
  await kubectl.run('create clusterrolebinding policies --clusterrole=view --serviceaccount=kube-system:policies');
  await kubectl.run('create clusterrole policies-nodes --verb=get,list,watch --resource=nodes,namespaces');
  await kubectl.run(
    'create clusterrolebinding policies-nodes --clusterrole=policies-nodes --serviceaccount=kube-system:policies',
  );
  const kubeconfig = await serviceAccountKubeconfig(nodes, 'policies');
  const [first, second] = nodes.nodes as [RealNode, RealNode];
  second.startMuster('network-policy', `--kubeconfig=${kubeconfig}`, `--hostname-override=${second.name}`);
  const policies = nodes.client.resource<V1NetworkPolicy>(networkPolicyKind, 'default');
  const policy = await policies.create({
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'web', namespace: 'default' } },
    spec: { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'] },
  });
  const isAnswered = async (address: string) =>
    (await inPod(first, `printf 'GET /name HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${address} 80`)).stdout.includes('on-node-2');
  for (const address of addresses[1]!) await until(`${address} is shut`, async () => !(await isAnswered(address)), WAIT);
  const from = addresses[0]!.map((ip) => ({ ipBlock: { cidr: `${ip}/${ip.includes(':') ? 128 : 32}` } }));
  await policies.update({ ...policy, spec: { ...policy.spec, ingress: [{ from }] } } as V1NetworkPolicy);
  for (const address of addresses[1]!) assert.equal(await page(first, address, '/name'), 'on-node-2');
});

test('what is broken of IPv6 is mended, and `--cleanup` leaves nothing of either family', async () => {
  const [first, second] = nodes.nodes as [RealNode, RealNode];
  await first.run('ip', 'link', 'delete', 'flannel-v6.1');
  assert.equal(await page(first, addresses[1]![1]!, '/name'), 'on-node-2');
  flannel.agentOf(second).signal('SIGTERM');
  await flannel.agentOf(second).exited;
  const { stdout } = await second.try(process.execPath, [PROGRAM, 'flanneld', '--cleanup', ...flannel.paths(second)]);
  assert.equal(stdout, '');
  assert.equal(await second.run('ip', '-6', 'route', 'show', 'proto', '96'), '');
  assert.doesNotMatch(await second.run('ip', 'link', 'show'), /flannel/);
  assert.doesNotMatch(await second.run('nft', 'list', 'tables'), /flannel/);
  assert.doesNotMatch(await second.run('ip6tables', '-S'), /FLANNEL/);
});
