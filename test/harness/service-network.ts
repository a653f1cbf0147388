import { randomBytes } from 'node:crypto';
import { type ComponentProcess, PROGRAM, startProgram } from './component-process.ts';
import { runCommand, runOrFail } from './run-command.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { missingTools } from './tools.ts';
import { until } from './until.ts';

/*
 *   client 192.168.77.2 ──── 192.168.77.1 node 10.244.0.1 ──┬── p1 10.244.0.11
 *   (outside)                  (rules)                      └── p2 10.244.0.12
 *
 * Each is a network namespace of its own. The API server stays where it is: a unix socket leads to it from the node.
 */

export const NODE_IP = '192.168.77.1';
export const CLIENT_IP = '192.168.77.2';
export const POD_IPS = { p1: '10.244.0.11', p2: '10.244.0.12' } as const;
type Place = 'node' | 'client' | 'p1' | 'p2';

export interface ServiceNetwork extends AsyncDisposable {
  /** What a program prints when it runs at a place; fails with what it said when it fails. */
  run(place: Place, ...command: string[]): Promise<string>;
  /** What a TCP server answers, or why there is no answer: `refused`, `timeout`. */
  tcp(place: Place, address: string): Promise<string>;
  udp(place: Place, ip: string, port: number, fromPort?: number): Promise<string>;
  /** Runs kube-proxy on the node. */
  startProxy(...args: string[]): ComponentProcess;
}

/** A server that answers each connection and each datagram with its name and the sender's address. */
const ECHO = `
const name = process.argv[1];
require('net').createServer((s) => { s.on('error', () => {}); s.end(name + ' ' + s.remoteAddress + '\\n'); }).listen(8080, '0.0.0.0');
const u = require('dgram').createSocket('udp4');
u.on('message', (m, from) => u.send(name + ' ' + from.address + '\\n', from.port, from.address));
u.bind(5353, () => console.log('listening'));
`;

/** @param apiPort where the API server listens on this machine's loopback */
export async function openServiceNetwork(apiPort: number): Promise<ServiceNetwork> {
  const missing = missingTools();
  if (missing.length > 0) throw new Error(`missing: ${missing.join(', ')}`);
  const id = randomBytes(3).toString('hex');
  const directory = await temporaryDirectory();
  const processes: ComponentProcess[] = [];
  const namespace = (place: Place) => `kp${id}-${place}`;
  const inside = (place: Place, ...command: string[]) => ['netns', 'exec', namespace(place), ...command];
  const close = async () => {
    // What asks goes before the ways that it asks by: those end with their connections.
    for (const child of processes.toReversed()) await child.stop();
    for (const place of ['node', 'client', 'p1', 'p2'] as const) await runCommand('ip', ['netns', 'del', namespace(place)]);
    await directory[Symbol.asyncDispose]();
  };
  const run: ServiceNetwork['run'] = (place, ...command) => runOrFail('ip', inside(place, ...command));
  const start = (program: string, ...args: string[]) => {
    const child = startProgram(program, args);
    processes.push(child);
    return child;
  };
  try {
    for (const place of ['node', 'client', 'p1', 'p2'] as const) {
      await runOrFail('ip', ['netns', 'add', namespace(place)]);
      await run(place, 'ip', 'link', 'set', 'lo', 'up');
    }
    const links = [
      ['client', CLIENT_IP, NODE_IP],
      ['p1', POD_IPS.p1, '10.244.0.1'],
      ['p2', POD_IPS.p2, '10.244.0.1'],
    ] as const;
    for (const [place, ip, gateway] of links) {
      await run('node', 'ip', 'link', 'add', `to-${place}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace(place));
      await run('node', 'ip', 'addr', 'add', `${gateway}/32`, 'dev', `to-${place}`);
      await run('node', 'ip', 'link', 'set', `to-${place}`, 'up');
      await run('node', 'ip', 'route', 'add', `${ip}/32`, 'dev', `to-${place}`, 'src', gateway);
      await run(place, 'ip', 'addr', 'add', `${ip}/32`, 'dev', 'eth0');
      await run(place, 'ip', 'link', 'set', 'eth0', 'up');
      await run(place, 'ip', 'route', 'add', `${gateway}/32`, 'dev', 'eth0');
      await run(place, 'ip', 'route', 'add', 'default', 'via', gateway);
    }
    // Redirects, as of a pod that reaches itself, count towards the limit of ICMP errors: a refusal would be left out.
    await run('node', 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.icmp_ratelimit=0');
    await run('node', 'ip', 'route', 'add', 'default', 'via', CLIENT_IP);
    const socket = directory.file('api');
    start('socat', `UNIX-LISTEN:${socket},fork`, `TCP:127.0.0.1:${apiPort}`);
    start('ip', ...inside('node', 'socat', `TCP-LISTEN:${apiPort},bind=127.0.0.1,fork,reuseaddr`, `UNIX-CONNECT:${socket}`));
    for (const place of ['p1', 'p2'] as const)
      await start('ip', ...inside(place, process.execPath, '-e', ECHO, place)).waitForOutput(/listening/);
    await until('the way to the API server is open', async () =>
      /LISTEN/.test(await run('node', 'ss', '-ltn', `sport = :${apiPort}`)),
    );
  } catch (error) {
    await close();
    throw error;
  }
  return {
    run,
    async tcp(place, address) {
      const { status, stdout } = await runCommand(
        'ip',
        inside(place, 'curl', '-s', '--http0.9', '-m', '2', `http://${address}/`),
      );
      if (stdout !== '') return stdout.trim();
      return status === 28 ? 'timeout' : status === 7 ? 'refused' : `curl ${status}`;
    },
    async udp(place, ip, port, fromPort) {
      const to = `UDP4:${ip}:${port}${fromPort ? `,sourceport=${fromPort},reuseaddr` : ''}`;
      const { stdout, stderr } = await runCommand('ip', inside(place, 'socat', '-t', '1', '-T', '1', '-', to), { input: 'x' });
      return stdout.trim() || (/refused/.test(stderr) ? 'refused' : 'timeout');
    },
    startProxy: (...args) => start('ip', ...inside('node', process.execPath, PROGRAM, 'kube-proxy', ...args)),
    [Symbol.asyncDispose]: close,
  };
}
