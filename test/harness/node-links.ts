/** Network namespaces that are machines on one wire: each with an address, a way out, and a link that can be cut. As root. */
import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { abandonedRecords, writeRecord } from './abandoned.ts';
import { inNamespace } from './containerd-leftovers.ts';
import { killProcess } from './processes.ts';
import { runCommand, runOrFail } from './run-command.ts';
import { unusedPrefix } from './unused-prefix.ts';

/*
 *   this machine <prefix>.1 ────┐
 *                               │  bridge, in a namespace of its own
 *        node <prefix>.11 ──────┤  (<prefix>.254, which answers "no route" to all that goes further)
 *        node <prefix>.12 ──────┘
 *
 * The bridge is not this machine's own, so that its packet filter sees nothing of what nodes say to each other.
 */

export interface NodeLinks extends AsyncDisposable {
  /** Of this machine, as nodes see it: an API server for them listens here. */
  readonly hostAddress: string;
  /** Of all nodes and this machine: `10.3.7.0/24`. */
  readonly cidr: string;
  add(): Promise<NodeLink>;
}

export interface NodeLink {
  /** By ip-netns(8). */
  readonly namespace: string;
  readonly address: string;
  /** Of IPv6, when it was asked for. */
  readonly address6: string | undefined;
  /** Its only interface: `eth0`. */
  readonly device: string;
  /** Takes its link down, as when a cable is pulled. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Ends what runs in it and makes it anew, as a machine that lost power: no interface, route or rule of before is there. */
  reset(): Promise<void>;
  /** Ends what still runs in it, and takes it away. */
  remove(): Promise<void>;
}

export interface NodeLinksOptions {
  /** Of the nodes' interfaces. Default 1500. */
  readonly mtu?: number;
  /** Nodes have addresses of IPv6, too, and a default route that leads nowhere. Default false. */
  readonly ipv6?: boolean;
}

const PREFIX = 'mtn';
const RECORD = 'muster-links-';
const FIRST_NODE = 11;
const DEVICE = 'eth0';

export async function openNodeLinks({ mtu = 1500, ipv6 = false }: NodeLinksOptions = {}): Promise<NodeLinks> {
  if (process.getuid?.() !== 0) throw new Error('network namespaces need root: run this test as root');
  await removeAbandoned();
  const id = `${PREFIX}${randomBytes(3).toString('hex')}`;
  const record = join(tmpdir(), `${RECORD}${id}.json`);
  // Read by a later run when this one is killed before it can clean up.
  await writeRecord(record, { id });
  // Outside of what clusters give to pods and services.
  const prefix = unusedPrefix(10, 1, 64);
  // A unique local one (RFC 4193) of the same numbers.
  const prefix6 = `fd4d:${prefix.replaceAll('.', ':')}:`;
  const hostAddress = `${prefix}.1`;
  const hub = `${id}-hub`;
  const ip = (...args: string[]) => runOrFail('ip', args);
  const close = async () => {
    for (const namespace of await namespacesOf(`${id}-`)) await removeNamespace(namespace);
    await rm(record, { force: true });
  };
  try {
    await addNamespace(hub);
    await ip('-n', hub, 'link', 'add', 'hub', 'mtu', String(mtu), 'type', 'bridge');
    await ip('-n', hub, 'address', 'add', `${prefix}.254/24`, 'dev', 'hub');
    await ip('-n', hub, 'link', 'set', 'hub', 'up');
    await ip('-n', hub, 'route', 'add', 'unreachable', 'default');
    if (ipv6) await ip('-n', hub, 'address', 'add', `${prefix6}:254/64`, 'dev', 'hub', 'nodad');
    await ip('link', 'add', id, 'mtu', String(mtu), 'type', 'veth', 'peer', 'name', 'host', 'netns', hub);
    await ip('-n', hub, 'link', 'set', 'host', 'mtu', String(mtu), 'master', 'hub', 'up');
    await ip('address', 'add', `${hostAddress}/24`, 'dev', id);
    await ip('link', 'set', id, 'up');
  } catch (error) {
    await close();
    throw error;
  }
  let count = 0;
  return {
    hostAddress,
    cidr: `${prefix}.0/24`,
    async add() {
      const number = FIRST_NODE + count++;
      const namespace = `${id}-${number}`;
      const address = `${prefix}.${number}`;
      const address6 = ipv6 ? `${prefix6}:${number}` : undefined;
      const port = `n${number}`;
      const open = async () => {
        await addNamespace(namespace);
        const peer = ['peer', 'name', port, 'mtu', String(mtu), 'netns', hub];
        await ip('-n', namespace, 'link', 'add', DEVICE, 'mtu', String(mtu), 'type', 'veth', ...peer);
        await ip('-n', hub, 'link', 'set', port, 'master', 'hub', 'up');
        await ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', DEVICE);
        await ip('-n', namespace, 'link', 'set', DEVICE, 'up');
        await ip('-n', namespace, 'route', 'add', 'default', 'via', `${prefix}.254`);
        if (address6 === undefined) return;
        await ip('-n', namespace, 'address', 'add', `${address6}/64`, 'dev', DEVICE, 'nodad');
        await ip('-n', namespace, 'route', 'add', 'default', 'via', `${prefix6}:254`);
      };
      await open();
      return {
        namespace,
        address,
        address6,
        device: DEVICE,
        cut: async () => void (await ip('-n', hub, 'link', 'set', port, 'down')),
        mend: async () => void (await ip('-n', hub, 'link', 'set', port, 'up')),
        reset: async () => {
          await removeNamespace(namespace);
          // The namespace's end takes the link away a little later than the call.
          await runCommand('ip', ['-n', hub, 'link', 'delete', port]);
          await open();
        },
        remove: () => removeNamespace(namespace),
      };
    },
    [Symbol.asyncDispose]: close,
  };
}

async function addNamespace(name: string): Promise<void> {
  await runOrFail('ip', ['netns', 'add', name]);
  await runOrFail('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  const [program = '', ...args] = inNamespace(name);
  // As machines for Kubernetes are set up. A new namespace would have this machine's settings.
  await runOrFail(program, [...args, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
}

/** Ends all that runs in it first: a namespace lives on as long as a process does. */
export async function removeNamespace(name: string): Promise<void> {
  const { stdout } = await runCommand('ip', ['netns', 'pids', name]); // gone already: none
  for (const pid of stdout.split('\n').filter(Boolean)) killProcess(Number(pid));
  const { status, stderr } = await runCommand('ip', ['netns', 'delete', name]);
  if (status !== 0 && !/No such file/.test(stderr)) throw new Error(`ip netns delete ${name}: ${stderr}`);
}

/** Those whose names begin so. */
export async function namespacesOf(prefix: string): Promise<string[]> {
  return (await readdir('/run/netns').catch(() => [])).filter((name) => name.startsWith(prefix)); // no directory: none
}

/** Cleans up after runs that were killed. */
async function removeAbandoned(): Promise<void> {
  for (const { path, made } of abandonedRecords<{ id: string }>(`${RECORD}*.json`)) {
    for (const namespace of await namespacesOf(`${made.id}-`)) await removeNamespace(namespace);
    await rm(path, { force: true });
  }
}
