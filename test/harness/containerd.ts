import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { abandonedRecords, writeRecord } from './abandoned.ts';
import { type ContainerdPlan, cniConfiguration, configToml, pathsOf } from './containerd-config.ts';
import { inNamespace, type Leftovers, losePower, removeLeftovers } from './containerd-leftovers.ts';
import { BUSYBOX, importImages, type TestImage } from './images.ts';
import { runOrFail } from './run-command.ts';
import { isExecutable, missingPrograms } from './tools.ts';
import { until } from './until.ts';
import { unusedPrefix } from './unused-prefix.ts';

export interface ContainerdOptions {
  /** The name of what it starts sandboxes from. There is no such image: the driver brings its own. */
  readonly sandboxImage?: string;
  /** Beside `registry.test/busybox:1`, which is always there. */
  readonly images?: readonly TestImage[];
  /** Where its directory is made: a small disk of the test's own. Default: where temporary files are. */
  readonly directory?: string;
  /** False: no CNI configuration, so that the network is not ready. */
  readonly network?: boolean;
  /** More of config.toml: tables of its own at the end. */
  readonly extraConfig?: string;
  /** The network namespace it runs in, by the name that ip-netns(8) gave it. Default: this process's own. */
  readonly namespace?: string;
}

/** A containerd (Debian's) with a root, sockets and pod network of its own. */
export interface Containerd extends AsyncDisposable {
  /** `unix:///tmp/…/c.sock` */
  readonly endpoint: string;
  readonly socketPath: string;
  /** A directory of this test's own; containerd's is below it. */
  readonly root: string;
  readonly stateDir: string;
  readonly cniConfDir: string;
  readonly cniBinDir: string;
  /** `<registry>/hosts.toml` in it says where a registry's images come from. */
  readonly registryConfDir: string;
  readonly network: { readonly name: string; readonly bridge: string; readonly podCidr: string; readonly hostAddress: string };
  readonly sandboxImage: string;
  readonly pid: number | undefined;
  /** All that it has logged. */
  log(): string;
  /** `ctr -n k8s.io …`; answers its output. */
  ctr(...args: string[]): Promise<string>;
  importImages(images: readonly TestImage[]): Promise<void>;
  /** Ends containerd as a service manager does. Pods go on. */
  stop(): Promise<void>;
  /** The same with SIGKILL. */
  kill(): Promise<void>;
  /** Ends it and all its pods at once and forgets what a machine keeps in memory. */
  losePower(): Promise<void>;
  /** Starts it again where it was; ends it first if it runs. Resolves when it answers. */
  restart(): Promise<void>;
}

const DEFAULT_SANDBOX_IMAGE = 'registry.test/pause:1';
const PREFIX = 'muster-ctrd-';
const RECORD = 'owner.json';
const START_MS = 60_000;
const OVERLAYFS_MAGIC = 0x794c7630;
const CNI_BIN_DIRS = ['/usr/lib/cni', '/opt/cni/bin'];

/** Programs that containers need, with the Debian package that has each. */
const PROGRAMS: Readonly<Record<string, string>> = {
  containerd: 'containerd',
  'containerd-shim-runc-v2': 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  ip: 'iproute2',
  iptables: 'iptables',
  mount: 'mount',
};

/** Starts one and resolves when its CRI plugin answers. Disposing of it removes every container, mount, network and cgroup it made. */
export async function startContainerd(options: ContainerdOptions = {}): Promise<Containerd> {
  const cniBinDir = requirePrograms();
  await removeAbandoned();
  const root = await mkdtemp(join(options.directory ?? tmpdir(), PREFIX));
  const network = `mt${randomBytes(5).toString('hex')}`;
  const leftovers: Leftovers = { root, network, cniBinDir, ...(options.namespace && { namespace: options.namespace }) };
  // Read by a later run when this one is killed before it can clean up.
  await writeRecord(join(root, RECORD), leftovers);
  const plan: ContainerdPlan = {
    root,
    network,
    cniBinDir,
    snapshotter: (await statfs(root)).type === OVERLAYFS_MAGIC ? 'native' : 'overlayfs',
    sandboxImage: options.sandboxImage ?? DEFAULT_SANDBOX_IMAGE,
    podCidr: `${unusedPrefix(10, 100, 250)}.0/24`,
    extraConfig: options.extraConfig ?? '',
  };
  const containerd = handleOf(plan, leftovers);
  try {
    await writeConfiguration(plan, options.network ?? true);
    await containerd.restart();
    await containerd.importImages([{ names: [BUSYBOX, 'registry.test/busybox:latest'], cmd: ['sh'] }, ...(options.images ?? [])]);
    return containerd;
  } catch (error) {
    await containerd[Symbol.asyncDispose]();
    throw error;
  }
}

async function writeConfiguration(plan: ContainerdPlan, network: boolean): Promise<void> {
  const paths = pathsOf(plan);
  for (const directory of [paths.cniConfDir, paths.registryConfDir]) await mkdir(directory, { recursive: true });
  await writeFile(paths.config, configToml(plan));
  if (network) await writeFile(join(paths.cniConfDir, '10-muster.conflist'), JSON.stringify(cniConfiguration(plan)));
}

function handleOf(plan: ContainerdPlan, leftovers: Leftovers): Containerd {
  const { root, network, podCidr } = plan;
  const paths = pathsOf(plan);
  const logFile = join(root, 'containerd.log');
  let running: ChildProcess | undefined;

  const end = async (signal: NodeJS.Signals) => {
    const child = running;
    running = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  };
  const log = () => readFileSync(logFile, 'utf8');
  const ctr = (...args: string[]) => runOrFail('ctr', ['-a', paths.socket, '-n', 'k8s.io', ...args]);
  const start = async () => {
    const output = openSync(logFile, 'a');
    const [program = '', ...args] = [...inNamespace(leftovers.namespace), 'containerd', '-c', paths.config];
    const child = spawn(program, args, { stdio: ['ignore', output, output] });
    closeSync(output);
    running = child;
    const ended = () => child.exitCode !== null || child.signalCode !== null;
    const state = await until(
      'containerd answers',
      async () =>
        ended() ? 'ended' : /^io\.containerd\.grpc\.v1\s+cri\s.*\b(ok|error)\b/m.exec(await ctr('plugins', 'ls'))?.[1],
      { timeoutMs: START_MS },
    );
    if (state !== 'ok') throw new Error(`${whyNot(log())}\ncontainerd is not ready (${state}):\n${log()}`);
  };
  const handle: Containerd = {
    endpoint: `unix://${paths.socket}`,
    socketPath: paths.socket,
    root,
    stateDir: paths.state,
    cniConfDir: paths.cniConfDir,
    cniBinDir: plan.cniBinDir,
    registryConfDir: paths.registryConfDir,
    network: { name: network, bridge: network, podCidr, hostAddress: podCidr.replace(/\.0\/24$/, '.1') },
    sandboxImage: plan.sandboxImage,
    get pid() {
      return running?.pid;
    },
    log,
    ctr,
    importImages: (images) => importImages(handle, images),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async losePower() {
      await end('SIGKILL');
      await losePower(leftovers);
    },
    async restart() {
      await end('SIGTERM');
      await start();
    },
    async [Symbol.asyncDispose]() {
      await end('SIGKILL');
      await removeLeftovers(leftovers);
    },
  };
  return handle;
}

/** What to do about it, where that is known. */
function whyNot(log: string): string {
  return /fsnotify watcher: too many open files/.test(log)
    ? 'too many programs on this machine watch files: sysctl -w fs.inotify.max_user_instances=1024'
    : '';
}

/** Cleans up after runs that were killed, so that they do not wear the machine out. */
async function removeAbandoned(): Promise<void> {
  for (const { path, made } of abandonedRecords<Leftovers>(`${PREFIX}*/${RECORD}`)) {
    const leftovers = { ...made, root: dirname(path) };
    await endContainerdOf(leftovers);
    await removeLeftovers(leftovers);
  }
}

async function endContainerdOf(owner: Leftovers): Promise<void> {
  const { config } = pathsOf(owner);
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0'); // ended in the meantime
    if (words[1] === '-c' && words[2] === config) process.kill(Number(pid), 'SIGKILL');
  }
}

/** Answers where the CNI plugins are; fails with what to install. */
function requirePrograms(): string {
  const missing = missingPrograms(PROGRAMS);
  const cniBinDir = CNI_BIN_DIRS.find((directory) =>
    ['bridge', 'portmap', 'host-local', 'loopback'].every((name) => isExecutable(join(directory, name))),
  );
  if (cniBinDir === undefined) missing.push('the CNI plugins are missing: apt-get install containernetworking-plugins');
  if (missing.length > 0 || cniBinDir === undefined) throw new Error(missing.join('\n'));
  if (process.getuid?.() !== 0) throw new Error('containers need root: run this test as root');
  return cniBinDir;
}
