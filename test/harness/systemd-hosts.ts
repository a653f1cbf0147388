/** Whole hosts for e2e tests: systemd as process 1, sshd, containerd; each in a network namespace of its own on one bridge. As root. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createMounts } from '../../src/host/mounts.ts';
import { abandonedRecords, writeRecord } from './abandoned.ts';
import { archiveOf, BUSYBOX, type TestImage } from './images.ts';
import { namespacesOf, removeNamespace } from './node-links.ts';
import { killProcess } from './processes.ts';
import { type CommandResult, runCommand, runOrFail } from './run-command.ts';
import { makeBridge, type Network, writeSshConfig } from './systemd-host-network.ts';
import { HOST_KEY, systemdImage } from './systemd-image.ts';
import { missingPrograms } from './tools.ts';
import { until } from './until.ts';

export interface SystemdHost {
  readonly name: string;
  readonly address: string;
  /** Runs a line of shell on it as root, by ssh; fails unless that ends with 0. Answers its output. */
  shell(line: string): Promise<string>;
  /** The same, whatever it ends with. */
  tryShell(line: string): Promise<CommandResult>;
  /** Gives its containerd images, busybox among them. */
  importImages(images?: readonly TestImage[]): Promise<void>;
  /** Ends it as when its power goes: nothing of it runs on. What it wrote stays. */
  powerOff(): Promise<void>;
  /** Resolves when sshd answers. */
  powerOn(): Promise<void>;
  /** Makes another of the same name and address in its place, on which nothing is yet. */
  replace(): Promise<void>;
}

export interface SystemdHosts extends AsyncDisposable {
  readonly hosts: readonly SystemdHost[];
  /** A directory for this test. */
  readonly directory: string;
  /** Of the hosts' network; nobody has it. */
  readonly freeAddress: string;
  /** A configuration for ssh by which the hosts' addresses can be reached as root. */
  readonly sshConfig: string;
}

export interface SystemdHostsOptions {
  /** The last numbers of their addresses, in the order of the names. Default from 11 on. */
  readonly numbers?: readonly number[];
  /** What they see of this machine and cannot change: a path there for each path here. */
  readonly shared?: Readonly<Record<string, string>>;
  /** They know each other's names, and root of each may go to all others by ssh. */
  readonly acquainted?: boolean;
}

const BOOT_MS = 240_000;
/** Of one line of shell. */
const LINE_MS = 400_000;
const OWN = 'mstr';
const PREFIX = 'muster-hosts-';
const RECORD = 'owner.json';

/** Makes hosts of these names and resolves when all have booted. Disposing of them leaves nothing. */
export async function startSystemdHosts(names: readonly string[], options: SystemdHostsOptions = {}): Promise<SystemdHosts> {
  requirePrograms();
  await removeAbandoned();
  await using stack = new AsyncDisposableStack();
  const image = await systemdImage();
  const directory = await mkdtemp(join(tmpdir(), PREFIX));
  stack.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const id = randomBytes(3).toString('hex');
  await writeRecord(join(directory, RECORD), { id });
  const network = await makeBridge(`${OWN}${id}`);
  stack.defer(() => runOrFail('ip', ['link', 'delete', network.bridge]).then(() => undefined));
  const sshConfig = await writeSshConfig(directory, image, network.prefix);
  const addressOf = (i: number) => `${network.prefix}.${options.numbers?.[i] ?? i + 11}`;
  const acquaintances = options.acquainted ? names.map((name, i) => `${addressOf(i)} ${name}\n`).join('') : '';
  const common = { network, directory, image, sshConfig, acquaintances, shared: options.shared ?? {} };
  const hosts = names.map((name, i) => new Host({ ...common, name, id: `${id}${i}`, address: addressOf(i) }));
  for (const host of hosts) stack.defer(() => host.remove());
  await Promise.all(hosts.map((host) => host.make().then(() => host.powerOn())));
  const resources = stack.move();
  const freeAddress = `${network.prefix}.200`;
  return { hosts, directory, freeAddress, sshConfig, [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose]() };
}

interface HostSettings {
  readonly name: string;
  /** Unique on the machine, and short: interfaces are named so. */
  readonly id: string;
  readonly address: string;
  readonly network: Network;
  readonly directory: string;
  readonly image: string;
  readonly sshConfig: string;
  /** Lines of /etc/hosts for all hosts; empty when they do not know each other. */
  readonly acquaintances: string;
  readonly shared: Readonly<Record<string, string>>;
}

class Host implements SystemdHost {
  readonly name: string;
  readonly address: string;
  readonly #settings: HostSettings;
  readonly #root: string;
  readonly #namespace: string;
  #process: ChildProcess | undefined;

  constructor(settings: HostSettings) {
    this.name = settings.name;
    this.address = settings.address;
    this.#settings = settings;
    this.#root = join(settings.directory, settings.name);
    this.#namespace = `${OWN}-${settings.id}`;
  }

  async make(): Promise<void> {
    const { image, directory, acquaintances } = this.#settings;
    for (const part of ['upper', 'work', 'tree', 'containerd', 'kubelet', 'etcd'])
      await mkdir(join(this.#root, part), { recursive: true });
    const upper = join(this.#root, 'upper');
    await mkdir(join(upper, 'root', '.ssh'), { recursive: true, mode: 0o700 });
    await mkdir(join(upper, 'etc'), { recursive: true });
    await writeFile(join(upper, 'root', '.ssh', 'authorized_keys'), await readFile(join(directory, 'id.pub')), { mode: 0o600 });
    await writeFile(join(upper, 'etc', 'hostname'), `${this.name}\n`);
    await writeFile(join(upper, 'etc', 'hosts'), `127.0.0.1 localhost\n${acquaintances || `${this.address} ${this.name}\n`}`);
    if (acquaintances) {
      await copyFile(join(directory, 'id'), join(upper, 'root', '.ssh', 'id_ed25519'));
      const key = await readFile(join(image, HOST_KEY), 'utf8');
      await writeFile(join(upper, 'root', '.ssh', 'known_hosts'), `* ${key}`);
    }
    await writeFile(join(upper, 'etc', 'machine-id'), `${randomBytes(16).toString('hex')}\n`);
    await writeFile(join(upper, 'etc', 'resolv.conf'), 'nameserver 127.0.0.1\n');
    await createMounts().mount({
      source: 'overlay',
      target: join(this.#root, 'tree'),
      fsType: 'overlay',
      options: [`lowerdir=${image}`, `upperdir=${upper}`, `workdir=${join(this.#root, 'work')}`],
    });
  }

  async #connect(): Promise<void> {
    const { id, network } = this.#settings;
    const inside = ['netns', 'exec', this.#namespace, 'ip'];
    await runOrFail('ip', ['netns', 'add', this.#namespace]);
    await runOrFail('ip', ['link', 'add', `v${id}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#namespace]);
    await runOrFail('ip', ['link', 'set', `v${id}`, 'master', network.bridge, 'up']);
    await runOrFail('ip', [...inside, 'link', 'set', 'lo', 'up']);
    await runOrFail('ip', [...inside, 'address', 'add', `${this.address}/24`, 'dev', 'eth0']);
    await runOrFail('ip', [...inside, 'link', 'set', 'eth0', 'up']);
    await runOrFail('ip', [...inside, 'route', 'add', 'default', 'via', `${network.prefix}.1`]);
  }

  async powerOn(): Promise<void> {
    await this.#connect();
    const log = openSync(join(this.#root, 'console.log'), 'a');
    const child = spawn('systemd-nspawn', this.#arguments(), {
      stdio: ['ignore', log, log],
      // The network's kernel parameters are the namespace's own, all others the machine's.
      env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '0', SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network' },
    });
    closeSync(log);
    this.#process = child;
    await until(
      `host ${this.name} has booted`,
      async () => {
        if (child.exitCode !== null || child.signalCode !== null) return true;
        // Where the machine has no inotify instance left for now, containerd runs without its main part.
        const { status } = await this.tryShell(
          'ctr plugins ls | grep -q "cri .*ok" || { systemctl restart containerd.service; ctr plugins ls | grep -q "cri .*ok"; }',
        );
        return status === 0;
      },
      { timeoutMs: BOOT_MS, intervalMs: 250 },
    );
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`host ${this.name} ended:\n${await readFile(join(this.#root, 'console.log'), 'utf8')}`);
  }

  #arguments(): string[] {
    const bind = (part: string, target: string) => `--bind=${join(this.#root, part)}:${target}`;
    return [
      '--quiet',
      '--register=no',
      '--keep-unit',
      `--network-namespace-path=/run/netns/${this.#namespace}`,
      `--directory=${join(this.#root, 'tree')}`,
      `--machine=${OWN}-${this.#settings.id}`,
      `--hostname=${this.name}`,
      '--capability=all',
      '--system-call-filter=@keyring bpf',
      '--console=pipe',
      '--resolv-conf=off',
      '--timezone=off',
      // Layers cannot lie on layers; what is synced should be on a disk.
      bind('containerd', '/var/lib/containerd'),
      bind('kubelet', '/var/lib/kubelet'),
      bind('etcd', '/var/lib/etcd'),
      ...Object.entries(this.#settings.shared).map(([here, there]) => `--bind-ro=${here}:${there}`),
      '--boot',
    ];
  }

  async powerOff(): Promise<void> {
    const child = this.#process;
    if (!child) return;
    this.#process = undefined;
    if (child.exitCode === null && child.signalCode === null) {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    }
    // Who started it does not always take its first process along, which has all others with it.
    await until(
      `nothing of host ${this.name} runs`,
      async () => {
        const { stdout } = await runCommand('ip', ['netns', 'pids', this.#namespace]);
        for (const pid of stdout.split('\n').filter(Boolean)) killProcess(Number(pid));
        return stdout.trim() === '';
      },
      { timeoutMs: BOOT_MS, intervalMs: 20 },
    );
    // Routes, rules and interfaces go with the power, too.
    await removeNamespace(this.#namespace);
    await runCommand('ip', ['link', 'delete', `v${this.#settings.id}`]); // gone with the namespace, or a little later
  }

  async replace(): Promise<void> {
    await this.remove();
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
    await this.make();
    await this.powerOn();
  }

  async remove(): Promise<void> {
    await this.powerOff();
    await removeNamespace(this.#namespace);
    await createMounts().unmountAll(this.#root, { lazy: true });
  }

  tryShell(line: string): Promise<CommandResult> {
    return runCommand('ssh', ['-F', this.#settings.sshConfig, this.address, line], { timeoutMs: LINE_MS });
  }

  async importImages(images: readonly TestImage[] = []): Promise<void> {
    await writeFile(join(this.#root, 'containerd', 'images.tar'), archiveOf([{ names: [BUSYBOX], cmd: ['sh'] }, ...images]));
    await this.shell('ctr -n k8s.io images import /var/lib/containerd/images.tar && rm /var/lib/containerd/images.tar');
  }

  async shell(line: string): Promise<string> {
    const { status, signal, stdout, stderr } = await this.tryShell(line);
    if (status !== 0) throw new Error(`${this.name}: ${line} ended with ${status ?? signal}:\n${stderr}${stdout}`);
    return stdout;
  }
}

const PROGRAMS: Readonly<Record<string, string>> = {
  debootstrap: 'debootstrap',
  'systemd-nspawn': 'systemd-container',
  ssh: 'openssh-client',
  ip: 'iproute2',
};

function requirePrograms(): void {
  const missing = missingPrograms(PROGRAMS);
  if (missing.length > 0) throw new Error(missing.join('\n'));
  if (process.getuid?.() !== 0) throw new Error('whole hosts need root: run this test as root');
}

/** Cleans up after runs that were killed, whose hosts would run on. */
async function removeAbandoned(): Promise<void> {
  for (const { path, made } of abandonedRecords<{ id: string }>(`${PREFIX}*/${RECORD}`)) {
    for (const namespace of await namespacesOf(`${OWN}-${made.id}`)) await removeNamespace(namespace);
    await runCommand('ip', ['link', 'delete', `${OWN}${made.id}`]); // it may not have been made yet
    await createMounts().unmountAll(dirname(path), { lazy: true });
    await rm(dirname(path), { recursive: true, force: true, maxRetries: 5 });
  }
}
