import { createHash } from 'node:crypto';
import { readFile, statfs } from 'node:fs/promises';
import { arch, availableParallelism, hostname, networkInterfaces, release, totalmem } from 'node:os';
import { type HugePages, readHugePages } from '../cgroups/huge-pages.ts';

/** What a node says of the machine that it is. Read once and shared by all kubelets of a process. */
export interface Machine {
  readonly hostname: string;
  /** Go's word: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly operatingSystem: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly storageBytes: number;
  /** IPv4 before IPv6, none of the loopback's and links' own. */
  readonly addresses: readonly string[];
  readonly hasSystemd: boolean;
  /** The lines of /proc/swaps after its heading. */
  readonly activeSwaps: readonly string[];
  /** Of each size that the kernel knows. */
  readonly hugePages?: readonly HugePages[];
}

const GO_ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/** Reads what Linux says of itself. What cannot be read is left empty, as upstream does. */
export async function readMachine(rootDirectory = '/'): Promise<Machine> {
  const read = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).trim();
  const [osRelease, machineId, bootId, uuid, swaps, routes, systemd, disk, hugePages] = await Promise.all([
    read('/etc/os-release'),
    read('/etc/machine-id'),
    read('/proc/sys/kernel/random/boot_id'),
    read('/sys/class/dmi/id/product_uuid'),
    read('/proc/swaps'),
    read('/proc/net/route'),
    statfs('/run/systemd/system').then(
      () => true,
      () => false,
    ),
    statfs(rootDirectory).catch(() => undefined),
    readHugePages().catch(() => []),
  ]);
  const os = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1];
  return {
    hostname: hostname().toLowerCase(),
    architecture: GO_ARCHITECTURES[arch()] ?? arch(),
    operatingSystem: 'linux',
    kernelVersion: release(),
    osImage: os || 'Linux',
    machineId,
    systemUuid: uuid || machineId,
    bootId,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    storageBytes: disk ? disk.blocks * disk.bsize : 0,
    addresses: orderAddresses(networkInterfaces(), routes),
    hasSystemd: systemd,
    activeSwaps: swaps.split('\n').slice(1),
    hugePages,
  };
}

/**
 * The addresses that others reach this machine by: of the interface that the default route leaves by first, since bridges and tunnels
 * have addresses too; IPv4 before IPv6.
 *
 * @param interfaces as `os.networkInterfaces()` tells them
 * @param routes as /proc/net/route tells them
 */
export function orderAddresses(interfaces: ReturnType<typeof networkInterfaces>, routes: string): string[] {
  const lines = routes.split('\n').map((line) => line.split('\t'));
  const outward = new Set(lines.filter(([, destination]) => destination === '00000000').map(([name]) => name));
  const all = Object.entries(interfaces).flatMap(([name, list]) => (list ?? []).map((entry) => ({ ...entry, name })));
  const usable = all.filter(
    ({ internal, address }) => !internal && !address.startsWith('fe80') && !address.startsWith('169.254.'),
  );
  const rank = ({ family, name }: (typeof all)[number]) => (family === 'IPv6' ? 2 : 0) + (outward.has(name) ? 0 : 1);
  return usable.sort((a, b) => rank(a) - rank(b)).map(({ address }) => address);
}

/** The machine with ids of its own for one of several nodes on it, the same each time. */
export function machineOfNode(machine: Machine, nodeName: string): Machine {
  const digest = createHash('sha256').update(`${machine.machineId}/${nodeName}`).digest('hex');
  const uuid = [digest.slice(0, 8), digest.slice(8, 12), digest.slice(12, 16), digest.slice(16, 20), digest.slice(20, 32)].join(
    '-',
  );
  return { ...machine, machineId: digest.slice(0, 32), systemUuid: uuid };
}
