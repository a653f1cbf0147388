/** Takes away all that a containerd made for a test, whatever state it was left in: killed, in the middle of a start, or gone. */
import { lstatSync } from 'node:fs';
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathsOf } from './containerd-config.ts';
import { killProcess } from './processes.ts';
import { runCommand } from './run-command.ts';
import { until } from './until.ts';

const CNI_RESULTS = '/var/lib/cni/results';

export interface Leftovers {
  readonly root: string;
  readonly network: string;
  readonly cniBinDir: string;
  /** Of what it ran in; a namespace that has gone has taken its interfaces and rules with it. */
  readonly namespace?: string;
}

/** What goes before a program that is to run in a network namespace; mounts stay as they are, unlike with `ip netns exec`. */
export function inNamespace(name: string | undefined): readonly string[] {
  return name === undefined ? [] : ['nsenter', `--net=/run/netns/${name}`, '--'];
}

/** Ends when no process, mount, network, cgroup or file of it is left. Its own containerd process must have ended. */
export async function removeLeftovers(leftovers: Leftovers): Promise<void> {
  const { root, network } = leftovers;
  await endPods(leftovers);
  // Not there when no pod ever had the network.
  if (leftovers.namespace === undefined) await runCommand('ip', ['link', 'delete', network]);
  await unmountBelow(root);
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
}

/** What a machine's loss of power does to a containerd that has ended: its pods are gone, with all that is in memory. */
export async function losePower(leftovers: Leftovers): Promise<void> {
  const { state } = pathsOf(leftovers);
  await endPods(leftovers);
  await unmountBelow(state);
  await rm(state, { recursive: true, force: true, maxRetries: 5 });
}

/** Kills all containers and takes their networks down, without asking containerd. */
async function endPods(leftovers: Leftovers): Promise<void> {
  const { root } = leftovers;
  const paths = pathsOf(leftovers);
  const bundles = join(paths.state, 'io.containerd.runtime.v2.task', 'k8s.io');
  const ids = await namesIn(bundles);
  const shims = await processesWith(['-address', paths.socket]);
  const sockets = await Promise.all(ids.map((id) => textOf(join(bundles, id, 'address'))));
  for (const pid of shims) kill(pid);
  await removeCgroups(ids);
  for (const id of ids) kill(Number(await textOf(join(bundles, id, 'init.pid'))));
  for (const socket of sockets) await rm(socket.replace(/^unix:\/\//, '') || join(root, 'none'), { force: true });
  await removeNetworks(leftovers, new Set(ids));
}

/** Calls each plugin for what it was asked to make and never to take back: addresses, veth pairs, firewall rules. */
async function removeNetworks({ network, cniBinDir, namespace }: Leftovers, ids: ReadonlySet<string>): Promise<void> {
  for (const file of await namesIn(CNI_RESULTS)) {
    const own = file.startsWith(`${network}-`);
    // A node's network may have any name, and is taken down with the node's namespace: only the record of it is left.
    if (!own && !(namespace !== undefined && [...ids].some((id) => file.includes(id)))) continue;
    if (namespace !== undefined) {
      await rm(join(CNI_RESULTS, file), { force: true });
      continue;
    }
    const text = await textOf(join(CNI_RESULTS, file));
    if (text === '') continue;
    const cached = JSON.parse(text) as CachedResult;
    const list = JSON.parse(Buffer.from(cached.config, 'base64').toString()) as {
      cniVersion: string;
      name: string;
      plugins: { type: string; capabilities?: Record<string, boolean> }[];
    };
    for (const plugin of list.plugins.toReversed()) {
      const runtimeConfig = Object.fromEntries(
        Object.entries(cached.capabilityArgs ?? {}).filter(([name]) => plugin.capabilities?.[name]),
      );
      const input = { ...plugin, cniVersion: list.cniVersion, name: list.name, prevResult: cached.result, runtimeConfig };
      await runCommand(join(cniBinDir, plugin.type), [], {
        input: JSON.stringify(input),
        env: {
          CNI_COMMAND: 'DEL',
          CNI_CONTAINERID: cached.containerId,
          CNI_NETNS: '',
          CNI_IFNAME: cached.ifName,
          CNI_PATH: cniBinDir,
          CNI_ARGS: (cached.cniArgs ?? []).map((pair) => pair.join('=')).join(';'),
        },
      });
    }
    await rm(join(CNI_RESULTS, file), { force: true });
    await rm(join(CNI_RESULTS, `cni-loopback-${cached.containerId}-lo`), { force: true });
  }
}

interface CachedResult {
  readonly containerId: string;
  /** base64 */
  readonly config: string;
  readonly ifName: string;
  readonly cniArgs?: readonly (readonly [string, string])[];
  readonly capabilityArgs?: Readonly<Record<string, unknown>>;
  readonly result: unknown;
}

/** Kills what runs in the containers' cgroups, of all hierarchies, and removes them. */
async function removeCgroups(ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const groups = await cgroupsNamed(new Set(ids), '/sys/fs/cgroup', 0);
  for (const group of groups) {
    await until(`cgroup ${group} is gone`, async () => {
      for (const pid of (await textOf(join(group, 'cgroup.procs'))).split('\n')) kill(Number(pid));
      await rmdir(group).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
      return true;
    });
  }
}

/** Deepest first. */
async function cgroupsNamed(ids: ReadonlySet<string>, directory: string, depth: number): Promise<string[]> {
  if (depth > 8) return [];
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []); // gone in the meantime
  const found: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const path = join(directory, entry.name);
    found.push(...(await cgroupsNamed(ids, path, depth + 1)));
    // cgroupfs calls a container's group by its id, systemd `cri-containerd-<id>.scope`.
    const id = entry.name.replace(/^.*-/, '').replace(/\.scope$/, '');
    if (ids.has(id)) found.push(path);
  }
  return found;
}

async function unmountBelow(root: string): Promise<void> {
  const mounts = (await textOf('/proc/self/mountinfo'))
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${root}/`));
  for (const path of mounts.toReversed()) await runCommand('umount', ['-l', path]);
  const device = lstatSync(root, { throwIfNoEntry: false })?.dev;
  const left = (await textOf('/proc/self/mountinfo')).split('\n').filter((line) => line.split(' ')[4]?.startsWith(`${root}/`));
  // Removing files through a mount that is still there could remove somebody else's.
  if (device !== undefined && left.length > 0) throw new Error(`these mounts are still there:\n${left.join('\n')}`);
}

async function processesWith(args: readonly [string, string]): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await namesIn('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const words = (await textOf(`/proc/${pid}/cmdline`)).split('\0');
    if (words.some((word, at) => word === args[0] && words[at + 1] === args[1])) found.push(Number(pid));
  }
  return found;
}

function kill(pid: number): void {
  if (Number.isInteger(pid) && pid > 1) killProcess(pid);
}

async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort(); // not there: nothing in it
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => ''); // not there, or gone in the meantime: nothing in it
}
