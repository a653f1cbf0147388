/** Pods as network policies see them: network namespaces on a node's bridge, each a Pod of an API server. For e2e tests, as root. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { type ComponentProcess, startProgram } from './component-process.ts';
import { inNamespace } from './containerd-leftovers.ts';
import type { NodeLink } from './node-links.ts';
import { runOrFail } from './run-command.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { until } from './until.ts';

export interface Probe {
  readonly address: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

export interface PolicyPod {
  readonly name: string;
  /** IPv4, then IPv6. */
  readonly addresses: readonly [string, string];
  /** Whether something answers. */
  probe(probe: Probe): Promise<boolean>;
}

export interface PolicyPods extends AsyncDisposable {
  readonly bridge: string;
  /** Of this node's pods. */
  readonly podCidrs: readonly [string, string];
  /** Listens on 80 and 81, TCP and UDP, in both families. */
  add(name: string): Promise<PolicyPod>;
  /** The same probes from the node itself. */
  readonly node: PolicyPod;
}

/** How long nothing comes before it counts as blocked. */
const PATIENCE_MS = 1000;

/** Answers on ports, and probes others when told by a line on a unix socket. */
const PROBER = `
const [name, socket, listens] = process.argv.slice(1);
const net = require('net'), dgram = require('dgram');
const probe = ({ address, port, protocol }) => new Promise((resolve) => {
  if (protocol === 'TCP') {
    const s = net.connect({ host: address, port });
    const end = (answer) => { clearTimeout(timer); s.destroy(); resolve(answer); };
    const timer = setTimeout(() => end(false), ${PATIENCE_MS});
    s.on('connect', () => end(true)).on('error', () => end(false));
    return;
  }
  const u = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
  const send = () => u.send('?', port, address, () => {});
  const again = setInterval(send, ${PATIENCE_MS / 4});
  const end = (answer) => { clearTimeout(timer); clearInterval(again); u.close(); resolve(answer); };
  const timer = setTimeout(() => end(false), ${PATIENCE_MS});
  u.on('message', () => end(true)).on('error', () => {});
  send();
});
if (listens) for (const port of [80, 81]) {
  net.createServer((s) => { s.on('error', () => {}); s.end(name); }).listen(port, '::');
  const u = dgram.createSocket('udp6');
  u.on('message', (m, from) => u.send(name, from.port, from.address));
  u.bind(port, '::');
}
net.createServer((s) => {
  s.on('error', () => {});
  require('readline').createInterface(s).on('line', async (line) => s.end(JSON.stringify(await probe(JSON.parse(line))) + '\\n'));
}).listen(socket, () => console.log('ready'));
`;

export async function openPolicyPods(node: NodeLink): Promise<PolicyPods> {
  const id = randomBytes(3).toString('hex');
  const bridge = `mstr-${id}`;
  const directory = await temporaryDirectory();
  const processes: ComponentProcess[] = [];
  const namespaces: string[] = [];
  const onNode = (...args: string[]) => runOrFail('ip', ['-n', node.namespace, ...args]);
  const close = async () => {
    await Promise.all(processes.map((child) => child.stop()));
    for (const namespace of namespaces) await runOrFail('ip', ['netns', 'delete', namespace]);
    await directory[Symbol.asyncDispose]();
  };
  const start = async (name: string, namespace: string, listens: boolean): Promise<(probe: Probe) => Promise<boolean>> => {
    const socket = directory.file(`${name.replace('/', '.')}.sock`);
    const [program = '', ...args] = inNamespace(namespace);
    const child = startProgram(program, [...args, process.execPath, '-e', PROBER, name, socket, listens ? 'yes' : '']);
    processes.push(child);
    await child.waitForOutput(/ready/, 60_000);
    return (probe) => ask(socket, probe);
  };
  try {
    await onNode('link', 'add', bridge, 'type', 'bridge');
    await onNode('address', 'add', '10.244.7.1/24', 'dev', bridge);
    await onNode('address', 'add', 'fd44:7::1/64', 'dev', bridge, 'nodad');
    await onNode('link', 'set', bridge, 'up');
    const probeFromNode = await start('node', node.namespace, false);
    let count = 10;
    return {
      bridge,
      podCidrs: ['10.244.7.0/24', 'fd44:7::/64'],
      node: { name: 'node', addresses: ['10.244.7.1', 'fd44:7::1'], probe: probeFromNode },
      async add(name) {
        const number = count++;
        const namespace = `npt${id}-${number}`;
        const addresses = [`10.244.7.${number}`, `fd44:7::${number}`] as const;
        await runOrFail('ip', ['netns', 'add', namespace]);
        namespaces.push(namespace);
        const inside = (...args: string[]) => runOrFail('ip', ['-n', namespace, ...args]);
        await onNode('link', 'add', `v${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
        await onNode('link', 'set', `v${number}`, 'master', bridge, 'up');
        await inside('link', 'set', 'lo', 'up');
        await inside('address', 'add', `${addresses[0]}/24`, 'dev', 'eth0');
        await inside('address', 'add', `${addresses[1]}/64`, 'dev', 'eth0', 'nodad');
        await inside('link', 'set', 'eth0', 'up');
        await inside('route', 'add', 'default', 'via', '10.244.7.1');
        await inside('-6', 'route', 'add', 'default', 'via', 'fd44:7::1');
        return { name, addresses, probe: await start(name, namespace, true) };
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function ask(socket: string, probe: Probe): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket);
    connection.on('error', reject);
    createInterface(connection).once('line', (line) => resolve(JSON.parse(line) as boolean));
    connection.write(`${JSON.stringify(probe)}\n`);
  });
}

export interface Wanted {
  readonly port?: number;
  readonly protocol?: Probe['protocol'];
  /** 0: IPv4, 1: IPv6. */
  readonly family?: 0 | 1;
  readonly allowed: (from: string, to: string) => boolean;
}

/** Waits until exactly what is allowed passes between all pods, each with each. Fails with what was otherwise at the end. */
export async function expectMatrix(pods: readonly PolicyPod[], wanted: Wanted): Promise<void> {
  const { port = 80, protocol = 'TCP', family = 0, allowed } = wanted;
  let wrong: string[] = [];
  try {
    await until(
      'exactly what is allowed passes',
      async () => {
        const pairs = pods.flatMap((from) => pods.map((to) => ({ from, to })));
        const passed = await Promise.all(
          pairs.map(({ from, to }) => from.probe({ address: to.addresses[family], port, protocol })),
        );
        wrong = pairs.flatMap(({ from, to }, i) =>
          passed[i] === allowed(from.name, to.name) ? [] : [`${from.name} → ${to.name} ${passed[i] ? 'passed' : 'did not pass'}`],
        );
        return wrong.length === 0;
      },
      { timeoutMs: 60_000 },
    );
  } catch (error) {
    throw new Error(`${protocol} ${port}, IPv${family === 0 ? 4 : 6}:\n${wrong.join('\n')}`, { cause: error });
  }
}
