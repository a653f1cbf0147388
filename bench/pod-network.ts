/**
 * How fast packets of pods travel between nodes: two nodes in network namespaces on one machine, a pod on each, and their networks in turns:
 * plain routes of the test's own, and flannel's host-gw and vxlan. Beside it the nodes themselves, without pods. Both ends share the machine's
 * processors, so the figures say what a network costs beside the others, not what a wire could do.
 *
 *     node bench/pod-network.ts [SECONDS]
 *
 * Prints one JSON line a network: gigabits a second through one TCP connection; microseconds of one byte there and back, median and 99th
 * percentile; the size of a packet. As root.
 */
import { podKind } from '../src/api/core/v1/pod.ts';
import type { V1Pod } from '../src/api/gen/types.ts';
import { startProgram } from '../test/harness/component-process.ts';
import { flannelNetwork } from '../test/harness/flannel.ts';
import { BUSYBOX } from '../test/harness/images.ts';
import { type RealNode, type RealNodes, type RealNodesOptions, startRealNodes } from '../test/harness/real-nodes.ts';
import { runOrFail } from '../test/harness/run-command.ts';
import { until } from '../test/harness/until.ts';
import { report } from './bench-cluster.ts';

const seconds = Number(process.argv[2] ?? 5);

/** Sinks what comes to port 5001; sends back each byte that comes to port 5002. */
const SERVER = `
const { createServer } = require('net');
createServer((s) => { s.on('error', () => {}); s.resume(); }).listen(5001);
createServer({ noDelay: true }, (s) => { s.on('error', () => {}); s.pipe(s); }).listen(5002, () => console.log('listening'));
`;

const CLIENT = `
const { connect } = require('net');
const [, address, seconds] = process.argv;
const block = Buffer.alloc(1 << 20);
function stream() {
  return new Promise((resolve, reject) => {
    let sent = 0;
    const socket = connect(5001, address, () => {
      const start = performance.now();
      const more = () => {
        const ms = performance.now() - start;
        if (ms > seconds * 1000) { socket.destroy(); resolve(sent * 8 / ms / 1e6); return; }
        socket.write(block, () => { sent += block.length; more(); });
      };
      for (let i = 0; i < 4; i++) more();
    }).on('error', reject);
  });
}
function pings(count) {
  return new Promise((resolve, reject) => {
    const times = [];
    const socket = connect({ port: 5002, host: address, noDelay: true }, () => {
      let start = performance.now();
      socket.write('x');
      socket.on('data', () => {
        times.push((performance.now() - start) * 1000);
        if (times.length === count) { socket.destroy(); times.sort((a, b) => a - b); resolve(times); return; }
        start = performance.now();
        socket.write('x');
      });
    }).on('error', reject);
  });
}
(async () => {
  await pings(1000);
  const times = await pings(10000);
  const gbps = await stream();
  console.log(JSON.stringify({ gbps: Number(gbps.toFixed(2)), roundTripUs: { median: Math.round(times[5000]), p99: Math.round(times[9900]) } }));
})();
`;

/** A program that runs in a pod's or a node's network. */
type Place = readonly string[];

async function measure(name: string, from: Place, to: Place, address: string, mtu: number): Promise<void> {
  const [program = '', ...args] = [...to, process.execPath, '-e', SERVER];
  await using server = startProgram(program, args);
  await server.waitForOutput(/listening/);
  const [client = '', ...rest] = [...from, process.execPath, '-e', CLIENT, address, String(seconds)];
  const result = JSON.parse(await runOrFail(client, rest));
  report({ bench: 'pod-network', network: name, ...result, mtu });
}

/** A pod's network and address. */
async function startPod(cluster: RealNodes, node: RealNode): Promise<{ place: Place; address: string; mtu: number }> {
  const pods = cluster.client.resource<V1Pod>(podKind, 'default');
  const name = `on-${node.name}`;
  const containers = [{ name: 'c', image: BUSYBOX, command: ['sleep', '10000'] }];
  await pods.create({ metadata: { name }, spec: { nodeName: node.name, terminationGracePeriodSeconds: 0, containers } });
  const status = await until(`${name} runs`, async () => {
    const { status: now } = await pods.get(name);
    return now?.phase === 'Running' && now.podIP ? now : false;
  });
  const id = status.containerStatuses?.[0]?.containerID?.replace(/^containerd:\/\//, '') ?? '';
  const task = (await node.containerd.ctr('tasks', 'ls')).split('\n').find((line) => line.startsWith(id));
  const pid = task?.split(/\s+/)[1] ?? '';
  const place = ['nsenter', `--net=/proc/${pid}/ns/net`, '--'];
  const [link] = JSON.parse(await runOrFail('nsenter', [...place.slice(1), 'ip', '-json', 'link', 'show', 'eth0'])) as {
    mtu: number;
  }[];
  return { place, address: status.podIP ?? '', mtu: link?.mtu ?? 0 };
}

const networks: Readonly<Record<string, RealNodesOptions['network']>> = {
  'plain routes': 'routes',
  'flannel host-gw': flannelNetwork({ Type: 'host-gw' }).connect,
  'flannel vxlan': flannelNetwork({ Type: 'vxlan' }).connect,
};

for (const [name, network] of Object.entries(networks)) {
  await using cluster = await startRealNodes({ nodes: 2, network });
  const [first, second] = cluster.nodes as [RealNode, RealNode];
  const inside = (node: RealNode) => ['nsenter', `--net=/run/netns/${node.namespace}`, '--'];
  if (name === 'plain routes') await measure('none: node to node', inside(first), inside(second), second.address, 1500);
  const [from, to] = [await startPod(cluster, first), await startPod(cluster, second)];
  await measure(name, from.place, to.place, to.address, to.mtu);
}
