/** The machine itself as a node, with two pods and somebody outside: for a guest, which nobody else uses and where processes are dear. */
import { connect, type Socket } from 'node:net';
import { type ComponentProcess, startProgram } from './component-process.ts';
import { runCommand, runOrFail } from './run-command.ts';
import { until } from './until.ts';

/*
 *   client 192.168.77.2 ──── 192.168.77.1 this machine 10.244.0.1 ──┬── p1 10.244.0.11
 *                                                                   └── p2 10.244.0.12
 */

export const NODE_IP = '192.168.77.1';
export const CLIENT_IP = '192.168.77.2';
export const POD_IPS = { p1: '10.244.0.11', p2: '10.244.0.12' } as const;
type Place = 'client' | 'p1' | 'p2';

export interface OneMachineNetwork extends AsyncDisposable {
  /** What a server answers to a connection from a place, or nothing. Servers at port 8080 say their name and the sender's address. */
  ask(from: Place | 'node', ip: string, port: number): Promise<string>;
  /** A connection from this machine; servers at port 9090 send back what they get. */
  hold(ip: string, port: number): Promise<Socket>;
}

/** Opens it in this process's network namespace. */
export async function openOneMachineNetwork(): Promise<OneMachineNetwork> {
  const links = [
    ['client', CLIENT_IP, NODE_IP],
    ['p1', POD_IPS.p1, '10.244.0.1'],
    ['p2', POD_IPS.p2, '10.244.0.1'],
  ] as const;
  const lines = links.flatMap(([place, ip, gateway]) => [
    `ip netns add ${place}`,
    `ip link add to-${place} type veth peer name eth0 netns ${place}`,
    `ip address add ${gateway}/32 dev to-${place}`,
    `ip link set to-${place} up`,
    `ip route add ${ip}/32 dev to-${place} src ${gateway}`,
    `ip -n ${place} link set lo up`,
    `ip -n ${place} address add ${ip}/32 dev eth0`,
    `ip -n ${place} link set eth0 up`,
    `ip -n ${place} route add ${gateway}/32 dev eth0`,
    `ip -n ${place} route add default via ${gateway}`,
  ]);
  await runOrFail('sh', ['-ec', `${lines.join('\n')}\nip route add default via ${CLIENT_IP}`]);
  const servers: ComponentProcess[] = [];
  const inside = (place: Place, ...command: string[]) => [`--net=/run/netns/${place}`, ...command];
  for (const place of ['p1', 'p2'] as const) {
    const listen = (port: number) => `TCP-LISTEN:${port},fork,reuseaddr`;
    servers.push(startProgram('nsenter', inside(place, 'socat', '-U', listen(8080), `SYSTEM:echo ${place} $SOCAT_PEERADDR`)));
    servers.push(startProgram('nsenter', inside(place, 'socat', listen(9090), 'EXEC:cat')));
  }
  const ask: OneMachineNetwork['ask'] = async (from, ip, port) => {
    const command = ['busybox', 'nc', '-w', '5', ip, String(port)];
    const [file = '', ...args] = from === 'node' ? command : ['nsenter', ...inside(from, ...command)];
    return (await runCommand(file, args)).stdout.trim();
  };
  for (const place of ['p1', 'p2'] as const)
    await until(`${place} answers`, async () => (await ask('node', POD_IPS[place], 8080)).startsWith(place));
  return {
    ask,
    hold: (ip, port) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: ip, port }, () => resolve(socket)).once('error', reject);
      }),
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server.stop();
      for (const [place] of links) await runCommand('ip', ['netns', 'delete', place]);
    },
  };
}
