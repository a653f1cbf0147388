import assert from 'node:assert/strict';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import { podKind } from '../../src/api/core/v1/pod.ts';
import type { V1Node, V1Pod } from '../../src/api/gen/types.ts';
import { PROGRAM } from '../harness/component-process.ts';
import { flannelNetwork } from '../harness/flannel.ts';
import { BUSYBOX } from '../harness/images.ts';
import { type RealNode, type RealNodes, startRealNodes } from '../harness/real-nodes.ts';
import { until } from '../harness/until.ts';

/** Tests of one cluster, one after the other. */

const WAIT = { timeoutMs: 60_000, intervalMs: 200 };
const flannel = flannelNetwork({ Type: 'vxlan' }, ['--iptables-resync=1']);
let nodes: RealNodes;
before(async () => {
  nodes = await startRealNodes({ nodes: 3, network: flannel.connect });
});
after(() => nodes?.[Symbol.asyncDispose]());

/** Says who asks it, and has a large page. */
const SERVER = `mkdir -p /www/cgi-bin && cd /www && dd if=/dev/urandom of=large bs=65536 count=64 2>/dev/null
printf '#!/bin/sh\\necho\\necho $REMOTE_ADDR\\n' > cgi-bin/who && chmod 755 cgi-bin/who && httpd -f -p 80 -h /www`;

async function startPod(node: RealNode): Promise<string> {
  const pods = nodes.client.resource<V1Pod>(podKind, 'default');
  const name = podOf(node);
  const spec = {
    nodeName: node.name,
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'c', image: BUSYBOX, command: ['sh', '-c', SERVER] }],
  };
  await pods.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec });
  return addressOf(node);
}

const podOf = ({ name }: RealNode) => `on-${name}`;

function addressOf(node: RealNode): Promise<string> {
  const pods = nodes.client.resource<V1Pod>(podKind, 'default');
  const running = async () => {
    const { status } = await pods.get(podOf(node));
    return status?.containerStatuses?.[0]?.state?.running && status.podIP;
  };
  return until(`pod ${podOf(node)} runs`, running, WAIT);
}

const inPod = (node: RealNode, script: string) => nodes.kubectl().try(['exec', podOf(node), '--', 'sh', '-c', script]);

/** What a pod's server says to another pod's request. */
const get = (from: RealNode, address: string, path: string, more = '') =>
  inPod(from, `printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${address} 80 | sed '1,/^\\r*$/d' ${more}`);

/** Every pod reaches every other, and is seen with its own address. */
async function expectAllConnected(): Promise<void> {
  const addresses = await Promise.all(nodes.nodes.map(addressOf));
  for (const [i, from] of nodes.nodes.entries())
    for (const address of addresses) {
      // The server is told of IPv4 as of a part of IPv6.
      const seen = async () => (await get(from, address, '/cgi-bin/who')).stdout.trim().replace(/^\[(?:::ffff:)?|\]$/g, '');
      assert.equal(
        await until(`${podOf(from)} is answered by ${address}`, async () => (await seen()) || false, WAIT),
        addresses[i],
      );
    }
}

const routesOn = (node: RealNode) => node.run('ip', 'route', 'show', 'proto', '96');

async function macOf(node: RealNode): Promise<string> {
  const { metadata } = await nodes.client.resource<V1Node>(nodeKind).get(node.name);
  return JSON.parse(metadata?.annotations?.['flannel.alpha.coreos.com/backend-data'] ?? '{}').VtepMAC;
}

test('NET-03, NET-20 vxlan: pods of all nodes reach each other both ways with their own addresses, with packets as large as the link allows', async () => {
  for (const node of nodes.nodes) await startPod(node);
  await expectAllConnected();
  const [first, second] = nodes.nodes as [RealNode, RealNode];
  assert.match((await inPod(first, 'cat /sys/class/net/eth0/mtu')).stdout, /^1450$/m);
  const address = await addressOf(second);
  const large = await get(first, address, '/large', '| md5sum');
  assert.equal(large.stdout, (await inPod(second, 'md5sum < /www/large')).stdout);
  // Larger than the link: in pieces.
  assert.equal((await inPod(first, `ping -c 1 -W 5 -s 8000 ${address}`)).status, 0);
  assert.match(
    await first.run('bridge', 'fdb', 'show', 'dev', 'flannel.1'),
    new RegExp(`${await macOf(second)} dst ${second.address}`),
  );
});

test('a node tells what it is, as flannel does', async () => {
  const [node] = nodes.nodes as [RealNode];
  const { metadata, status } = await nodes.client.resource<V1Node>(nodeKind).get(node.name);
  const told = metadata?.annotations ?? {};
  assert.equal(told['flannel.alpha.coreos.com/public-ip'], node.address);
  assert.equal(told['flannel.alpha.coreos.com/backend-type'], 'vxlan');
  assert.equal(told['flannel.alpha.coreos.com/kube-subnet-manager'], 'true');
  const condition = status?.conditions?.find(({ type }) => type === 'NetworkUnavailable');
  assert.deepEqual([condition?.status, condition?.reason], ['False', 'FlannelIsUp']);
});

test('what pods send out of the network comes from their node', async () => {
  const server = createServer((socket) => socket.end(`${socket.remoteAddress}\n`));
  server.listen(0, nodes.cluster.server.replace(/^https:\/\/|:\d+$/g, ''));
  await once(server, 'listening');
  try {
    const { address, port } = server.address() as AddressInfo;
    for (const node of nodes.nodes) assert.equal((await inPod(node, `nc -w 5 ${address} ${port}`)).stdout.trim(), node.address);
  } finally {
    server.close();
  }
});

test('pods are let through where the node forwards nothing by itself', async () => {
  for (const node of nodes.nodes) await node.run('iptables', '-P', 'FORWARD', 'DROP');
  await expectAllConnected();
});

test('NET-27 with its agent killed the network goes on; a new one mends what was broken meanwhile, and a running one what others break', async () => {
  const [first, second] = nodes.nodes as [RealNode, RealNode];
  const agent = flannel.agentOf(first);
  agent.signal('SIGKILL');
  await agent.exited;
  const address = await addressOf(second);
  const asked = async () => (await get(first, address, '/cgi-bin/who')).stdout.trim() !== '';
  assert.ok(await asked());
  await first.run('ip', 'route', 'delete', second.podCidr);
  await first.run('bridge', 'fdb', 'delete', await macOf(second), 'dev', 'flannel.1', 'dst', second.address);
  await first.run('ip', 'route', 'add', '10.200.0.0/24', 'via', second.address, 'proto', '96');
  assert.equal(await asked(), false);
  flannel.start(first);
  await until('a new agent has mended it', asked, WAIT);
  assert.doesNotMatch(await routesOn(first), /10\.200/);
  await first.run('ip', 'link', 'delete', 'flannel.1');
  await first.run('nft', 'delete', 'table', 'ip', 'flannel-ipv4');
  await first.run('iptables', '-F', 'FORWARD');
  await until('the device is back', asked, WAIT);
  await until(
    'the rules are back',
    async () => (await first.try('nft', ['list', 'table', 'ip', 'flannel-ipv4'])).status === 0,
    WAIT,
  );
  await until('the jump is back', async () => /FLANNEL-FWD/.test(await first.run('iptables', '-S', 'FORWARD')), WAIT);
  await expectAllConnected();
});

test('a node that lost power comes back with the address of its device', async () => {
  const [, second] = nodes.nodes as [RealNode, RealNode];
  const mac = await macOf(second);
  await second.reboot();
  await second.waitReady();
  const again = async () => {
    const { status } = await nodes.client.resource<V1Pod>(podKind, 'default').get(podOf(second));
    return (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
  };
  await until('its pod was started again', again, WAIT);
  await expectAllConnected();
  assert.equal(await macOf(second), mac);
});

test('a node that joins is reached, and nothing is left on the others of one that was removed', async () => {
  const added = await nodes.addNode();
  await startPod(added);
  await expectAllConnected();
  const mac = await macOf(added);
  await nodes.client.resource<V1Pod>(podKind, 'default').delete(podOf(added), { gracePeriodSeconds: 0 });
  await nodes.removeNode(added);
  for (const node of nodes.nodes) {
    await until(`no route to it is left on ${node.name}`, async () => !(await routesOn(node)).includes(added.podCidr), WAIT);
    assert.doesNotMatch(await node.run('bridge', 'fdb', 'show', 'dev', 'flannel.1'), new RegExp(mac));
    assert.doesNotMatch(await node.run('ip', 'neighbour', 'show', 'dev', 'flannel.1'), new RegExp(mac));
  }
  await expectAllConnected();
});

test('a node whose object was deleted has another range when it registers again, and its pods are reached there', async () => {
  const [, second] = nodes.nodes as [RealNode, RealNode];
  const before = second.podCidr;
  const pods = nodes.client.resource<V1Pod>(podKind, 'default');
  await pods.delete(podOf(second), { gracePeriodSeconds: 0 });
  await nodes.client.resource<V1Node>(nodeKind).delete(second.name);
  await second.killKubelet('SIGTERM');
  await second.startKubelet();
  await second.waitReady();
  assert.notEqual(second.podCidr, before);
  await until(
    'flanneld tells it',
    async () =>
      (await second.run('cat', join(second.directory, 'subnet.env'))).includes(second.podCidr.replace('.0/24', '.1/24')),
    WAIT,
  );
  const address = await startPod(second);
  assert.ok(address.startsWith(second.podCidr.replace('.0/24', '.')));
  await expectAllConnected();
  for (const node of nodes.nodes) assert.ok(!(await routesOn(node)).includes(before));
});

test('NET-21 another backend is taken up when the agents start again: host-gw, and vxlan with direct routes', async () => {
  const changeTo = async (backend: object) => {
    await flannel.changeBackend(nodes, backend);
    for (const node of nodes.nodes) {
      await flannel.agentOf(node).stop();
      flannel.start(node);
    }
    for (const node of nodes.nodes)
      for (const other of nodes.nodes)
        if (other !== node) {
          const route = new RegExp(`${other.podCidr.replaceAll('.', '\\.')} via ${other.address} dev ${node.device}`);
          await until(`${node.name} leads straight to ${other.name}`, async () => route.test(await routesOn(node)), WAIT);
        }
    await expectAllConnected();
  };
  await changeTo({ Type: 'host-gw' });
  const [first] = nodes.nodes as [RealNode];
  assert.match(await first.run('cat', join(first.directory, 'subnet.env')), /^FLANNEL_MTU=1500$/m);
  await changeTo({ Type: 'vxlan', DirectRouting: true });
});

test('NET-22 to NET-26 a backend that this kernel or Muster has not is refused with a word on what to take', async () => {
  const [first] = nodes.nodes as [RealNode];
  await flannel.agentOf(first).stop();
  await flannel.changeBackend(nodes, { Type: 'aws-vpc' });
  const agent = flannel.start(first);
  assert.equal(await agent.exited, 1);
  assert.match(agent.output, /the backend aws-vpc is not supported: .*use vxlan/);
});

test('cleanup takes away all that is flannel’s and nothing else', async () => {
  const [first] = nodes.nodes as [RealNode];
  await first.run('nft', 'add', 'table', 'ip', 'of-others');
  await first.run(process.execPath, PROGRAM, 'flanneld', '--cleanup', ...flannel.paths(first));
  assert.equal(await routesOn(first), '');
  assert.doesNotMatch(await first.run('ip', 'link'), /flannel/);
  assert.doesNotMatch(await first.run('iptables', '-S'), /FLANNEL/);
  const tables = await first.run('nft', 'list', 'tables');
  assert.doesNotMatch(tables, /flannel/);
  assert.match(tables, /of-others/);
  await assert.rejects(access(join(first.containerd.cniConfDir, '10-flannel.conflist')), { code: 'ENOENT' });
  await first.run(process.execPath, PROGRAM, 'flanneld', '--cleanup', ...flannel.paths(first));
});
