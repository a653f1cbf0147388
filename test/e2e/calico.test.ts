import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { podKind } from '../../src/api/core/v1/pod.ts';
import type { V1Pod } from '../../src/api/gen/types.ts';
import { blocksByNode, type CalicoNodes, expectRoutes, startCalicoNodes } from '../harness/calico-nodes.ts';
import { BUSYBOX } from '../harness/images.ts';
import type { RealNode } from '../harness/real-nodes.ts';
import { until } from '../harness/until.ts';

const PATIENT = { timeoutMs: 60_000 };

let calico: CalicoNodes;
let nodes: readonly [RealNode, RealNode, RealNode];
before(async () => {
  calico = await startCalicoNodes(3);
  nodes = calico.cluster.nodes as unknown as typeof nodes;
});
after(() => calico?.[Symbol.asyncDispose]());

const apply = (...items: object[]) =>
  calico.cluster.kubectl().run(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });

/** A web server that answers with its client's address; answers its own. */
async function startPod(name: string, node: RealNode): Promise<string> {
  const pods = calico.cluster.client.resource<V1Pod>(podKind, 'default');
  const script = "printf '#!/bin/sh\\necho; echo $REMOTE_ADDR\\n' > /tmp/cgi-bin/who; chmod 755 /tmp/cgi-bin/who";
  const spec = {
    nodeName: node.name,
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'c', image: BUSYBOX, command: ['sh', '-c', `mkdir /tmp/cgi-bin; ${script}; httpd -f -p 80 -h /tmp`] }],
  };
  await pods.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { name } }, spec });
  return until(
    `pod ${name} runs`,
    async () => {
      const { status } = await pods.get(name);
      return status?.phase === 'Running' && status.podIP;
    },
    PATIENT,
  );
}

const podAddresses = async (name: string) =>
  (await calico.cluster.client.resource<V1Pod>(podKind, 'default').get(name)).status?.podIPs?.map(({ ip }) => ip ?? '') ?? [];

const podAddress = async (name: string) =>
  (await calico.cluster.client.resource<V1Pod>(podKind, 'default').get(name)).status?.podIP ?? '';

/** What a pod's server answers to another; undefined when it does not. */
async function ask(from: string, address: string): Promise<string | undefined> {
  const request = `printf 'GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${address} 80`;
  const { stdout } = await calico.cluster.kubectl().try(['exec', from, '--', 'sh', '-c', request]);
  // As a socket of both families tells of an IPv4 address.
  return /^\[?(?:::ffff:)?([\d.]+|[\da-f:]+)\]?$/.exec(stdout.trim().split('\n').at(-1) ?? '')?.[1];
}

/** As in a network without tunnel: others' blocks by their addresses, the own one a blackhole. */
async function directRoutes(
  node: RealNode,
  blocks?: ReadonlyMap<string, readonly string[]>,
  family: 4 | 6 = 4,
): Promise<string[]> {
  const known = blocks ?? (await blocksByNode(calico, family));
  return calico.cluster.nodes.flatMap((other) =>
    (known.get(other.name) ?? []).map((block) => {
      const gateway = family === 4 ? other.address : other.address6;
      return other.name === node.name ? `blackhole ${block}` : `${block} via ${gateway} dev ${other.device}`;
    }),
  );
}

test('NET-02, NET-04, NET-05, NET-17 each node has a block of 64 addresses of the pool, and BIRD leads to the others’ without a tunnel', async () => {
  const blocks = await blocksByNode(calico);
  assert.equal(blocks.size, 3);
  assert.equal(new Set([...blocks.values()].flat()).size, 3);
  for (const block of [...blocks.values()].flat()) assert.match(block, /^10\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.\d+\/26$/);
  for (const node of nodes) {
    await expectRoutes(node, await directRoutes(node, blocks));
    const protocols = await calico.birdc(node, 'show', 'protocols');
    assert.equal(protocols.match(/^Mesh_\d+_\d+_\d+_\d+\s+BGP\s+---\s+up\s+\S+\s+Established/gm)?.length, 2, protocols);
    assert.equal((await node.try('ip', ['link', 'show', 'tunl0'])).status, 1, 'no tunnel');
  }
  assert.match(
    await calico.birdc(nodes[0], 'show', 'route'),
    new RegExp(`${blocks.get('node-2')![0]!.replaceAll('.', '\\.')} +unicast`),
  );
  for (const node of nodes)
    assert.doesNotMatch(await node.run('ip', 'route'), / 10\.96\./, 'nobody is led to Services by a route');
  assert.doesNotMatch(await calico.birdc(nodes[0], 'show', 'route'), /10\.96\./, 'and BIRD tells nobody of them');
  const pool = await calico.cluster
    .kubectl()
    .run(['get', 'ippools', 'default-ipv4-ippool', '-o', 'jsonpath={.spec.cidr} {.spec.ipipMode}']);
  assert.equal(pool, '10.64.0.0/10 Never');
});

test('likewise of IPv6: a block of 64 addresses, held by a blackhole, and sessions between addresses of IPv6', async () => {
  const blocks = await blocksByNode(calico, 6);
  assert.equal(new Set([...blocks.values()].flat()).size, 3);
  for (const block of [...blocks.values()].flat()) assert.match(block, /^fd00:10:64:.*\/122$/);
  for (const node of nodes) {
    await expectRoutes(node, await directRoutes(node, blocks, 6), 6);
    const protocols = await calico.birdc(node, 'show', 'protocols');
    assert.equal(protocols.match(/^Mesh_fd4d_\S+\s+BGP\s+---\s+up\s+\S+\s+Established/gm)?.length, 2, protocols);
  }
  const { stdout } = await calico.cluster
    .kubectl()
    .try(['get', 'node', 'node-2', '-o', 'jsonpath={.metadata.annotations.projectcalico\\.org/IPv6Address}']);
  assert.equal(stdout, `${nodes[1].address6}/64`);
});

test('pods of different nodes reach each other with their own addresses, those of one node too, and the node its pods', async () => {
  // As Docker leaves it.
  for (const node of nodes) for (const program of ['iptables', 'ip6tables']) await node.run(program, '-P', 'FORWARD', 'DROP');
  const [a, b, c] = [await startPod('a', nodes[0]), await startPod('b', nodes[1]), await startPod('c', nodes[0])];
  const blocks = await blocksByNode(calico);
  assert.equal(blocks.get('node-1')![0]!.split('.').slice(0, 3).join('.'), a.split('.').slice(0, 3).join('.'));
  assert.equal(await until('b answers a', () => ask('a', b), PATIENT), a);
  assert.equal(await until('c answers a', () => ask('a', c), PATIENT), a);
  assert.equal(await until('a answers b', () => ask('b', a), PATIENT), b);
  const [a6 = '', b6 = ''] = [(await podAddresses('a'))[1], (await podAddresses('b'))[1]];
  assert.match(a6, /^fd00:10:64:/);
  assert.equal(await until('b answers a by IPv6', () => ask('a', b6), PATIENT), a6);
  assert.equal(await until('a answers c of its node by IPv6', () => ask('c', a6), PATIENT), (await podAddresses('c'))[1]);
  assert.match(await nodes[0].run('curl', '-sgfm', '5', `http://[${a6}]/cgi-bin/who`), /\d/);
  assert.match(await nodes[0].run('curl', '-sfm', '5', `http://${a}/cgi-bin/who`), /\d/);
});

test('what pods send beyond the pools has the node’s address', async () => {
  const seen: (string | undefined)[] = [];
  const server = createServer((socket) => {
    seen.push(socket.remoteAddress);
    socket.end('outside\n');
  });
  const host = new URL(calico.cluster.server).hostname;
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const request = `nc -w 5 ${host} ${port} < /dev/null`;
    const { stdout } = await calico.cluster.kubectl().try(['exec', 'b', '--', 'sh', '-c', request]);
    assert.equal(stdout, 'outside\n');
    assert.deepEqual(seen, [nodes[1].address]);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test('a policy blocks pods of the same node and of others, and allows those that it names', async () => {
  const pods = calico.cluster.client.resource<V1Pod>(podKind, 'default');
  const a = (await pods.get('a')).status!.podIP!;
  const policy = (from: object[]) => ({
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'a', namespace: 'default' } },
    spec: { podSelector: { matchLabels: { name: 'a' } }, policyTypes: ['Ingress'], ingress: from.length > 0 ? [{ from }] : [] },
  });
  await apply(policy([]));
  await until('a is out of reach', async () => (await ask('b', a)) === undefined && (await ask('c', a)) === undefined, PATIENT);
  const [, a6 = ''] = await podAddresses('a');
  assert.deepEqual([await ask('b', a6), await ask('c', a6)], [undefined, undefined], 'by IPv6 likewise');
  assert.match(await nodes[0].run('curl', '-sfm', '5', `http://${a}/cgi-bin/who`), /\d/, 'the node reaches it for probes');
  await apply(policy([{ podSelector: { matchLabels: { name: 'b' } } }]));
  await until('b reaches a', () => ask('b', a), PATIENT);
  assert.equal(await ask('c', a), undefined);
  assert.deepEqual([await ask('b', a6), await ask('c', a6)], [(await podAddresses('b'))[1], undefined]);
  await calico.cluster.kubectl().run(['delete', 'networkpolicy', 'a']);
  await until('c reaches a', () => ask('c', a), PATIENT);
});

test('a pod that may send nothing sends nothing from its first packet on', async () => {
  const kubectl = calico.cluster.kubectl();
  const b = (await calico.cluster.client.resource<V1Pod>(podKind, 'default').get('b')).status!.podIP!;
  await apply({
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'mute', namespace: 'default' } },
    spec: { podSelector: { matchLabels: { run: 'mute' } }, policyTypes: ['Egress'] },
  });
  const script = `nc -w 3 ${b} 80 < /dev/null && echo reached || echo blocked`;
  await kubectl.run(['run', 'mute', `--image=${BUSYBOX}`, '--restart=Never', '--', 'sh', '-c', script]);
  await kubectl.run('wait --for=jsonpath={.status.phase}=Succeeded pod/mute --timeout=60s');
  assert.match(await kubectl.run('logs mute'), /blocked/);
  await kubectl.run('delete networkpolicy mute');
});

test('a pod cannot send with the address of another', async () => {
  const [node] = nodes;
  const pods = calico.cluster.client.resource<V1Pod>(podKind, 'default');
  const addressOf = async (name: string) => (await pods.get(name)).status!.podIP!;
  const [a, b] = [await addressOf('a'), await addressOf('b')];
  const container = (await pods.get('c')).status!.containerStatuses![0]!.containerID!.replace('containerd://', '');
  const [, pid] = new RegExp(`^${container}\\s+(\\d+)`, 'm').exec(await node.containerd.ctr('tasks', 'ls'))!;
  const inPod = (...command: string[]) => node.run('nsenter', '-t', pid!, '-n', ...command);
  const dropped = async () =>
    Number(
      /oif missing counter packets (\d+)/.exec(await node.run('nft', 'list', 'chain', 'ip', 'muster-calico', 'prerouting'))![1],
    );
  await inPod('socat', '-u', 'OPEN:/dev/zero,readbytes=8', `UDP:${b}:9`);
  assert.equal(await dropped(), 0, 'with its own address it can');
  await inPod('ip', 'address', 'add', `${a}/32`, 'dev', 'eth0');
  await inPod('socat', '-u', 'OPEN:/dev/zero,readbytes=8', `UDP:${b}:9,bind=${a}`);
  assert.equal(await dropped(), 1);
  await inPod('ip', 'address', 'delete', `${a}/32`, 'dev', 'eth0');
  const [[, a6 = ''], [, b6 = '']] = [await podAddresses('a'), await podAddresses('b')];
  await inPod('ip', 'address', 'add', `${a6}/128`, 'dev', 'eth0', 'nodad');
  await inPod('socat', '-u', 'OPEN:/dev/zero,readbytes=8', `UDP6:[${b6}]:9,bind=[${a6}]`);
  assert.match(await node.run('nft', 'list', 'chain', 'ip6', 'muster-calico', 'prerouting'), /oif missing counter packets 1 /);
  await inPod('ip', 'address', 'delete', `${a6}/128`, 'dev', 'eth0');
});

test('an agent that was killed comes back to the same block and the same BIRD, and packets go on meanwhile', async () => {
  const [node] = nodes;
  const pods = calico.cluster.client.resource<V1Pod>(podKind, 'default');
  const b = (await pods.get('b')).status!.podIP!;
  const before = await blocksByNode(calico);
  const pidFile = join(node.directory, 'calico', 'bird.pid');
  const pid = await readFile(pidFile, 'utf8');
  calico.agent(node).signal('SIGKILL');
  await calico.agent(node).exited;
  await until('b answers a as before', () => ask('a', b), PATIENT);
  await calico.startAgent(node);
  assert.equal(await readFile(pidFile, 'utf8'), pid);
  assert.deepEqual(await blocksByNode(calico), before);
  await expectRoutes(node, await directRoutes(node, before));
});

test('a BIRD that was killed is started again, and its routes stand in between', async () => {
  const [node, other] = nodes;
  const pidFile = join(node.directory, 'calico', 'bird.pid');
  const pid = Number(await readFile(pidFile, 'utf8'));
  process.kill(pid, 'SIGKILL');
  await expectRoutes(node, await directRoutes(node));
  await until('another BIRD runs', async () => Number(await readFile(pidFile, 'utf8')) !== pid, PATIENT);
  const established = async () => /Mesh_.*Established/.test(await calico.birdc(node, 'show', 'protocols'));
  await until('it has its sessions', established, PATIENT);
  await expectRoutes(node, await directRoutes(node));
  await expectRoutes(other, await directRoutes(other));
});

test('a node whose block is nearly full takes another, which pods get addresses of and others learn', async () => {
  const [node, other] = nodes;
  const [block] = (await blocksByNode(calico)).get(node.name)!;
  const directory = calico.addressDirectory(node);
  await mkdir(directory, { recursive: true });
  const [prefix, last] = [block!.split('.').slice(0, 3).join('.'), Number(block!.split('/')[0]!.split('.')[3])];
  const made: string[] = [];
  for (let i = 2; i < 63; i++) {
    const file = join(directory, `${prefix}.${last + i}`);
    // What pods have is not touched.
    await writeFile(file, 'test\neth0', { flag: 'wx' }).then(
      () => made.push(file),
      () => undefined,
    );
  }
  const both = await until(
    'there are two blocks',
    async () => {
      const blocks = (await blocksByNode(calico)).get(node.name)!;
      return blocks.length === 2 && blocks;
    },
    PATIENT,
  );
  const second = both.find((one) => one !== block)!;
  await expectRoutes(other, await directRoutes(other));
  const address = await startPod('late', node);
  assert.equal(address.split('.').slice(0, 3).join('.'), second.split('.').slice(0, 3).join('.'));
  assert.equal(await until('it answers itself', () => ask('late', address), PATIENT), address);
  await until('a pod of another node reaches it', () => ask('b', address), PATIENT);
  for (const file of made) await rm(file);
});

test('with a route reflector nodes speak only to it, and know each other’s routes all the same', async () => {
  const [reflector, one, two] = nodes;
  const kubectl = calico.cluster.kubectl();
  await kubectl.run(['label', 'node', reflector.name, 'route-reflector=true']);
  await kubectl.run(['annotate', 'node', reflector.name, 'projectcalico.org/RouteReflectorClusterID=244.0.0.1']);
  await apply(
    {
      apiVersion: 'crd.projectcalico.org/v1',
      kind: 'BGPConfiguration',
      metadata: { name: 'default' },
      spec: { nodeToNodeMeshEnabled: false },
    },
    {
      apiVersion: 'crd.projectcalico.org/v1',
      kind: 'BGPPeer',
      metadata: { name: 'peer-with-route-reflectors' },
      spec: { nodeSelector: 'all()', peerSelector: "route-reflector == 'true'" },
    },
  );
  const sessions = async (node: RealNode, kind = '') =>
    [...(await calico.birdc(node, 'show', 'protocols')).matchAll(/^(\S+)\s+BGP\s.*Established/gm)]
      .map(([, name]) => name!)
      .filter((name) => name.startsWith(kind))
      .sort();
  const to = (...those: RealNode[]) =>
    those.flatMap((node) => [node.address, node.address6!].map((address) => `Node_${address.replace(/[.:]/g, '_')}`)).sort();
  await until(
    'all speak to it alone',
    async () => {
      assert.deepEqual(await sessions(one), to(reflector));
      assert.deepEqual(await sessions(two), to(reflector));
      assert.deepEqual(await sessions(reflector), to(one, two));
      return true;
    },
    PATIENT,
  );
  for (const node of nodes) {
    await expectRoutes(node, await directRoutes(node));
    await expectRoutes(node, await directRoutes(node, undefined, 6), 6);
  }
  await kubectl.run(['delete', 'bgppeers,bgpconfigurations', '--all']);
  await kubectl.run(['annotate', 'node', reflector.name, 'projectcalico.org/RouteReflectorClusterID-']);
  await until('the mesh is back', async () => (await sessions(one, 'Mesh')).length === 4, PATIENT);
});

const setMode = (ipipMode: string) =>
  calico.cluster
    .kubectl()
    .run(['patch', 'ippool', 'default-ipv4-ippool', '--type=merge', '-p', JSON.stringify({ spec: { ipipMode } })]);

test('NET-14 IPIP needs the kernel’s: where it has none the agent says so and ends', async () => {
  const [, , node] = nodes;
  if ((await node.try('ip', ['link', 'add', 'tunl0', 'type', 'ipip'])).status === 0) {
    await node.run('ip', 'link', 'delete', 'tunl0');
    await calico.agent(node).stop();
    await setMode('Always');
    await calico.startAgent(node, { CALICO_IPV4POOL_IPIP: 'Always' });
    await until('the tunnel is there', async () => /ipip/.test(await node.run('ip', '-d', 'link', 'show', 'tunl0')), PATIENT);
    await calico.agent(node).stop();
    await setMode('Never');
    await calico.startAgent(node);
    return;
  }
  await calico.agent(node).stop();
  await setMode('Always');
  await assert.rejects(
    calico.startAgent(node, { CALICO_IPV4POOL_IPIP: 'Always' }),
    /ended with 1 before .*IPIP is switched on .* this kernel has none/s,
  );
  await setMode('Never');
  await calico.startAgent(node);
});

test('NET-14, NET-16 with IPIP, routes lead through tunl0, and back to the wire without', async () => {
  // Where the kernel has no IPIP a bridge stands in for the device: the routes are the same.
  for (const node of nodes) await node.try('ip', ['link', 'add', 'tunl0', 'type', 'bridge']);
  await setMode('Always');
  const blocks = await blocksByNode(calico);
  for (const node of nodes) {
    const tunneled = (await directRoutes(node, blocks)).map((line) => line.replace(/dev \S+$/, 'dev tunl0 onlink'));
    await expectRoutes(node, tunneled);
    assert.match(await node.run('ip', 'route'), /10\.\S+\/26 via \S+ dev tunl0 proto bird onlink/);
    assert.match(await node.run('ip', 'address', 'show', 'tunl0'), /mtu 1480 .*inet 10\.\d+\.\d+\.\d+\/32/s);
  }
  await setMode('Never');
  for (const node of nodes) {
    await expectRoutes(node, await directRoutes(node, blocks));
    await until('the tunnel is gone', async () => (await node.try('ip', ['link', 'show', 'tunl0'])).status !== 0, PATIENT);
  }
});

test('with VXLAN blocks of other nodes are behind a device of the kernel, and back on the wire without', async () => {
  const setVxlan = (vxlanMode: string) =>
    calico.cluster
      .kubectl()
      .run([
        ...['patch', 'ippool', 'default-ipv4-ippool', 'default-ipv6-ippool', '--type=merge'],
        ...['-p', JSON.stringify({ spec: { vxlanMode } })],
      ]);
  const [node] = nodes;
  await setVxlan('Always');
  const blocks = await blocksByNode(calico);
  for (const one of nodes)
    await expectRoutes(
      one,
      (blocks.get(one.name) ?? []).map((block) => `blackhole ${block}`),
    );
  const routes = async () => (await node.run('ip', 'route', 'show', 'dev', 'vxlan.calico')).trim().split('\n').sort();
  const wanted = nodes.filter((one) => one !== node).flatMap((one) => blocks.get(one.name) ?? []);
  await until(
    'there is a route for each block of the others',
    async () => (await routes()).map((line) => line.split(' ')[0]).join() === wanted.sort().join(),
    PATIENT,
  );
  assert.match((await routes())[0]!, /^10\.\S+\/26 via 10\.\S+ proto \S+ onlink/);
  assert.match(await node.run('ip', '-d', 'link', 'show', 'vxlan.calico'), /mtu 1450 .*vxlan id 4096 .*dstport 4789/s);
  const address = await podAddress('b');
  await until(
    'a pod of another node is reached with its own address',
    async () => (await ask('a', address)) === (await podAddress('a')),
    PATIENT,
  );
  const [, six = ''] = await podAddresses('b');
  await until('by IPv6, too', async () => (await ask('a', six)) === (await podAddresses('a'))[1], PATIENT);
  assert.match(await node.run('ip', '-6', 'route', 'get', six), / dev vxlan-v6\.calico /);
  assert.match(await node.run('ip', '-d', 'link', 'show', 'vxlan-v6.calico'), /mtu 1430 .*vxlan id 4096 .*dstport 4789/s);
  await setVxlan('CrossSubnet');
  await until('nodes of one network need no device', async () => (await routes()).join('') === '', PATIENT);
  await until('and reach each other', async () => (await ask('a', address)) === (await podAddress('a')), PATIENT);
  await setVxlan('Never');
  for (const one of nodes) {
    await expectRoutes(one, await directRoutes(one, blocks));
    for (const device of ['vxlan.calico', 'vxlan-v6.calico'])
      await until('the device is gone', async () => (await one.try('ip', ['link', 'show', device])).status !== 0, PATIENT);
  }
  assert.equal(await until('pods go on', () => ask('a', address), PATIENT), await podAddress('a'));
});

test('a node that is deleted loses its block and its routes', async () => {
  const [first, second, third] = nodes;
  await calico.cluster.removeNode(third);
  await until('its block is free', async () => !(await blocksByNode(calico)).has(third.name), PATIENT);
  const blocks = await blocksByNode(calico);
  await expectRoutes(first, await directRoutes(first, blocks));
  await expectRoutes(second, await directRoutes(second, blocks));
  for (const node of [first, second]) await expectRoutes(node, await directRoutes(node, undefined, 6), 6);
});

test('clean-up leaves nothing on the node and gives its blocks back', async () => {
  const [first, second] = nodes;
  await calico.agent(second).stop();
  await calico.cleanUp(second);
  for (const family of ['-4', '-6']) assert.equal((await second.run('ip', family, 'route', 'show', 'proto', 'bird')).trim(), '');
  assert.doesNotMatch(await second.run('ip6tables', '-S'), /CALICO/);
  assert.doesNotMatch(await second.run('nft', 'list', 'tables'), /muster/);
  assert.equal((await second.try('birdc', ['-s', join(second.directory, 'calico', 'bird.ctl'), 'show', 'status'])).status, 1);
  assert.ok(!(await blocksByNode(calico)).has(second.name));
  await expectRoutes(first, await directRoutes(first));
});
