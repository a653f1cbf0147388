/**
 * What a Service costs on the way between two pods: network namespaces on one machine with a node between them, asked directly and by the cluster
 * IP of the last of many Services, with nftables and with iptables. Each connection is new, as the way is chosen for the first packet alone.
 *
 *     node bench/service-path.ts [SERVICES] [SECONDS]
 *
 * Default 1,000 Services. Prints one JSON line a way: microseconds from opening a connection to one byte there and back, median and 99th percentile;
 * gigabits a second through one connection. As root.
 */
import { randomBytes } from 'node:crypto';
import type { V1EndpointSlice, V1Service } from '../src/api/gen/types.ts';
import { type RunProgram, runProgram } from '../src/host/run-program.ts';
import { createIptablesBackend } from '../src/proxy/iptables/backend.ts';
import { createNftablesBackend } from '../src/proxy/nftables/backend.ts';
import { type NodeSettings, planProxy } from '../src/proxy/plan/proxy-plan.ts';
import { silentLogger } from '../src/std/logger.ts';
import { startProgram } from '../test/harness/component-process.ts';
import { report } from './bench-cluster.ts';

const count = Number(process.argv[2] ?? 1000);
const seconds = Number(process.argv[3] ?? 3);
const id = `bs${randomBytes(3).toString('hex')}`;
const PORT = 5002;
const [CLIENT_IP, SERVER_IP] = ['10.244.0.2', '10.244.1.2'];
const inside = (place: string) => ['ip', 'netns', 'exec', `${id}-${place}`] as const;
const run: RunProgram = (program, args, options) => runProgram('ip', [...inside('node').slice(1), program, ...args], options);

const settings: NodeSettings = {
  family: 4,
  node: { name: 'n' },
  localTraffic: { by: 'source', cidr: '10.244.0.0/16' },
  masqueradeAll: false,
  masqueradeMark: 0x4000,
  nodePortAddresses: [],
  localhostNodePorts: false,
  conntrackLiberal: false,
};
const clusterIp = (i: number) => `10.96.${i >> 8}.${i & 255}`;
const services = Array.from(
  { length: count },
  (_, i): V1Service => ({
    metadata: { namespace: 'bench', name: `s${i}` },
    spec: { clusterIP: clusterIp(i), ports: [{ port: 80, protocol: 'TCP' }] },
  }),
);
const slices = services.map(
  ({ metadata }): V1EndpointSlice => ({
    metadata: { namespace: 'bench', labels: { 'kubernetes.io/service-name': metadata!.name! } },
    addressType: 'IPv4',
    ports: [{ port: PORT, protocol: 'TCP' }],
    endpoints: [{ addresses: [SERVER_IP] }],
  }),
);

/** Sends back what comes; a connection that begins with `s` is a stream, which is only read. */
const SERVER = `require('net').createServer({ noDelay: true }, (s) => {
  s.on('error', () => {});
  s.once('data', (first) => { if (first[0] === 115) s.resume(); else { s.write(first); s.pipe(s); } });
}).listen(${PORT}, () => console.log('listening'));`;

const CLIENT = `const { connect } = require('net');
const [, host, port, seconds] = process.argv;
const once = () => new Promise((resolve, reject) => {
  const start = performance.now();
  const socket = connect({ host, port, noDelay: true }, () => socket.write('x'));
  socket.once('data', () => { resolve((performance.now() - start) * 1000); socket.resetAndDestroy(); }).on('error', reject);
});
const stream = () => new Promise((resolve, reject) => {
  const block = Buffer.alloc(1 << 20, 's');
  let sent = 0;
  const socket = connect(port, host, () => {
    const start = performance.now();
    const more = () => {
      const ms = performance.now() - start;
      if (ms > seconds * 1000) { socket.destroy(); resolve(sent * 8 / ms / 1e6); return; }
      socket.write(block, () => { sent += block.length; more(); });
    };
    more();
  }).on('error', reject);
});
(async () => {
  for (let i = 0; i < 500; i++) await once();
  const times = [];
  for (let i = 0; i < 3000; i++) times.push(await once());
  times.sort((a, b) => a - b);
  console.log(JSON.stringify({ connectUs: { median: Math.round(times[1500]), p99: Math.round(times[2970]) }, gbps: Number((await stream()).toFixed(2)) }));
})();`;

async function measure(way: string, host: string, port: number): Promise<void> {
  const [program, ...args] = inside('client');
  const { stdout } = await runProgram(program, [...args, process.execPath, '-e', CLIENT, host, String(port), String(seconds)]);
  report({ bench: 'service-path', way, services: way === 'direct' ? 0 : count, ...JSON.parse(stdout) });
}

async function connectPod(place: string, address: string, gateway: string): Promise<void> {
  const ip = (...args: string[]) => runProgram('ip', args);
  await ip('-n', `${id}-node`, 'link', 'add', `to-${place}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${id}-${place}`);
  await ip('-n', `${id}-node`, 'address', 'add', `${gateway}/24`, 'dev', `to-${place}`);
  await ip('-n', `${id}-node`, 'link', 'set', `to-${place}`, 'up');
  await ip('-n', `${id}-${place}`, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  await ip('-n', `${id}-${place}`, 'link', 'set', 'eth0', 'up');
  await ip('-n', `${id}-${place}`, 'route', 'add', 'default', 'via', gateway);
}

try {
  for (const place of ['node', 'client', 'server']) await runProgram('ip', ['netns', 'add', `${id}-${place}`]);
  await connectPod('client', CLIENT_IP, '10.244.0.1');
  await connectPod('server', SERVER_IP, '10.244.1.1');
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
  const [program, ...args] = inside('server');
  await using server = startProgram(program, [...args, process.execPath, '-e', SERVER]);
  await server.waitForOutput(/listening/);
  await measure('direct', SERVER_IP, PORT);
  for (const backend of [
    createNftablesBackend({ family: 4, run, logger: silentLogger }),
    createIptablesBackend({ family: 4, run }),
  ]) {
    await backend.sync(planProxy(services, slices, settings), { full: true });
    await measure(backend.name, clusterIp(count - 1), 80);
    await backend.cleanUp();
  }
} finally {
  for (const place of ['client', 'server', 'node']) await runProgram('ip', ['netns', 'del', `${id}-${place}`]);
}
