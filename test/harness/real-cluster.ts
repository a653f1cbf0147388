/** A control plane, and one node with real pods: a kubelet of its own process on a containerd of its own. For e2e tests, as root. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { bootstrapTokenSecret, splitBootstrapToken } from '../../src/cluster/bootstrap-token.ts';
import { mountsBelow, parseMountInfo } from '../../src/host/mount-info.ts';
import { createMounts } from '../../src/host/mounts.ts';
import { formatKubeconfig } from '../../src/pki/kubeconfig.ts';
import { type ComponentProcess, startComponent } from './component-process.ts';
import { type Containerd, type ContainerdOptions, startContainerd } from './containerd.ts';
import { lastingPort } from './free-port.ts';
import { type Kubectl, type KubectlVersion, kubectl } from './kubectl.ts';
import { type MusterHome, musterHome, type UpResult } from './muster.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { until } from './until.ts';

export interface RealClusterOptions {
  readonly containerd?: ContainerdOptions;
  /** More of the KubeletConfiguration. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** More flags of the kubelet. */
  readonly flags?: readonly string[];
  /** Of `muster up`. */
  readonly up?: readonly string[];
}

export interface RealCluster extends AsyncDisposable {
  readonly home: MusterHome;
  readonly up: UpResult;
  readonly containerd: Containerd;
  readonly nodeName: string;
  /** `--root-dir` of the kubelet. */
  readonly root: string;
  readonly podLogs: string;
  /** A directory of static pods. */
  readonly manifests: string;
  /** Below each cgroup hierarchy. */
  readonly cgroupRoot: string;
  /** Of its secured API, on 127.0.0.1. */
  readonly port: number;
  readonly kubelet: ComponentProcess;
  kubectl(version: KubectlVersion): Kubectl;
  /** Ends the kubelet, by default as a crash does; its pods go on. */
  killKubelet(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again where it was. */
  startKubelet(changes?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Fails when anything of the node's pods is left: directories, mounts, cgroups, sandboxes. */
  expectNothingLeft(): Promise<void>;
}

const NODE_READY_MS = 60_000;

/** Resolves when the node is Ready. */
export async function startRealCluster(options: RealClusterOptions = {}): Promise<RealCluster> {
  await using stack = new AsyncDisposableStack();
  const cgroupRoot = `/muster-test-${randomBytes(4).toString('hex')}`;
  const hierarchies = await makeCgroupRoot(cgroupRoot);
  // Last, when containerd and all that it ran have ended.
  stack.defer(() => removeCgroups(hierarchies.map((mount) => join(mount, cgroupRoot))));
  const [home, containerd] = await Promise.all([
    musterHome().then((opened) => stack.use(opened)),
    startContainerd(options.containerd).then((opened) => stack.use(opened)),
  ]);
  const up = await home.up('--nodes', '0', ...(options.up ?? []));
  const directory = stack.use(await temporaryDirectory());
  stack.defer(() => createMounts().unmountAll(directory.path));
  const node = new NodeProcess({ home, containerd, directory: directory.path, cgroupRoot, port: await lastingPort(), options });
  stack.defer(() => node.removePods());
  await node.start();
  const kubectlOf = (version: KubectlVersion) => kubectl(version, home.kubeconfig, home.path);
  await node.waitReady();
  const resources = stack.move();
  return {
    home,
    up,
    containerd,
    nodeName: node.name,
    root: node.root,
    podLogs: node.podLogs,
    manifests: node.manifests,
    cgroupRoot,
    port: node.port,
    get kubelet() {
      return node.process;
    },
    kubectl: kubectlOf,
    killKubelet: (signal = 'SIGKILL') => node.kill(signal),
    startKubelet: (changes) => node.start(changes),
    async expectNothingLeft() {
      const nothing = async () => {
        const left = await node.leftovers(hierarchies);
        if (left !== '') throw new Error(`still there:\n${left}`);
        return true;
      };
      await until('no pod of the node has left anything behind', nothing, { timeoutMs: 60_000 });
    },
    [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
  };
}

interface NodeSettings {
  readonly home: MusterHome;
  readonly containerd: Containerd;
  readonly directory: string;
  readonly cgroupRoot: string;
  readonly port: number;
  readonly options: RealClusterOptions;
}

class NodeProcess {
  readonly name = `real-${randomBytes(3).toString('hex')}`;
  readonly root: string;
  readonly podLogs: string;
  readonly manifests: string;
  readonly port: number;
  readonly #settings: NodeSettings;
  readonly #admin: Kubectl;
  #process: ComponentProcess | undefined;
  #joined = false;

  constructor(settings: NodeSettings) {
    const { directory, home, port } = settings;
    this.#settings = settings;
    this.#admin = kubectl('1.35', home.kubeconfig, home.path);
    this.root = join(directory, 'kubelet');
    this.podLogs = join(directory, 'logs', 'pods');
    this.manifests = join(directory, 'manifests');
    this.port = port;
  }

  get process(): ComponentProcess {
    if (!this.#process) throw new Error('the kubelet does not run');
    return this.#process;
  }

  async start(changes: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { directory, containerd, options } = this.#settings;
    const file = (name: string) => join(directory, name);
    await mkdir(this.manifests, { recursive: true });
    if (!this.#joined) await this.#prepareToJoin(file('bootstrap-kubeconfig'));
    await writeFile(
      file('config.json'),
      JSON.stringify({ ...(await this.#configuration()), ...options.configuration, ...changes }),
    );
    this.#process = startComponent('kubelet', [
      `--bootstrap-kubeconfig=${file('bootstrap-kubeconfig')}`,
      `--kubeconfig=${file('kubeconfig')}`,
      `--cert-dir=${file('pki')}`,
      `--root-dir=${this.root}`,
      `--config=${file('config.json')}`,
      `--hostname-override=${this.name}`,
      '--node-ip=127.0.0.1',
      '--runtime=containerd',
      `--container-runtime-endpoint=${containerd.endpoint}`,
      ...(options.flags ?? []),
    ]);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const { process } = this;
    process.signal(signal);
    await process.exited;
    this.#process = undefined;
  }

  /** The node is Ready, and its API has a certificate of the cluster's. */
  async waitReady(): Promise<void> {
    const ready = async () => {
      if (this.process.exitStatus !== undefined) throw new Error(`the kubelet ended:\n${this.process.output}`);
      await this.#approveServing();
      const { status, stdout } = await this.#admin.try([
        ...['get', 'node', this.name, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'],
      ]);
      if (status !== 0 || stdout !== 'True')
        throw new Error(`not yet; the kubelet has said:\n${this.process.output.slice(-4000)}`);
      return true;
    };
    await until('the node is Ready', ready, { timeoutMs: NODE_READY_MS, intervalMs: 200 });
    // The request for a serving certificate may come after that.
    const serves = async () => {
      await this.#approveServing();
      return shakesHands(this.port);
    };
    await until('its API has a certificate', serves, { timeoutMs: NODE_READY_MS, intervalMs: 200 });
    this.#joined = true;
  }

  /** As an administrator who empties a node: pods end in good order, then the kubelet. */
  async removePods(): Promise<void> {
    await rm(this.manifests, { recursive: true, force: true });
    if (!this.#process || this.#process.exitStatus !== undefined) return;
    await this.#process.stop();
  }

  /** What is left of pods, in words; empty when nothing is. */
  async leftovers(hierarchies: readonly string[]): Promise<string> {
    const { directory, containerd, cgroupRoot } = this.#settings;
    const left: string[] = [];
    for (const place of [join(this.root, 'pods'), this.podLogs, join(directory, 'logs', 'containers')])
      left.push(...(await readdir(place).catch(() => [])).map((name) => join(place, name)));
    const mounts = mountsBelow(parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8')), join(this.root, 'pods'));
    left.push(...mounts.map(({ mountPoint }) => mountPoint));
    for (const hierarchy of hierarchies) left.push(...(await podCgroups(join(hierarchy, cgroupRoot))));
    left.push(...(await containerd.ctr('containers', 'ls', '-q')).split('\n').filter(Boolean));
    return left.join('\n');
  }

  async #approveServing(): Promise<void> {
    const { items } = await this.#admin.json<{
      items: { metadata: { name: string }; spec: { signerName: string }; status?: object }[];
    }>('get csr');
    for (const { metadata, spec, status } of items)
      if (spec.signerName === 'kubernetes.io/kubelet-serving' && !(status && 'conditions' in status))
        await this.#admin.run(`certificate approve ${metadata.name}`);
  }

  async #prepareToJoin(path: string): Promise<void> {
    const token = `${randomBytes(3).toString('hex')}.${randomBytes(8).toString('hex')}`;
    const secret = bootstrapTokenSecret({
      ...splitBootstrapToken(token),
      description: `joins node ${this.name}`,
      expiresMs: Date.now() + 3_600_000,
      usages: ['authentication'],
      groups: [],
    });
    await this.#admin.run('create -n kube-system -f -', {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'Secret', ...secret }),
    });
    const { server, ca } = await this.#entrance();
    const text = formatKubeconfig({
      clusters: [{ name: 'kubernetes', cluster: { server, 'certificate-authority-data': ca } }],
      contexts: [{ name: 'default', context: { cluster: 'kubernetes', user: 'kubelet-bootstrap' } }],
      'current-context': 'default',
      users: [{ name: 'kubelet-bootstrap', user: { token } }],
    });
    await writeFile(path, text, { mode: 0o600 });
    await writeFile(join(this.#settings.directory, 'ca.crt'), Buffer.from(ca, 'base64'));
  }

  async #entrance(): Promise<{ readonly server: string; readonly ca: string }> {
    const text = await readFile(this.#settings.home.kubeconfig, 'utf8');
    return { server: /server: (\S+)/.exec(text)?.[1] ?? '', ca: /certificate-authority-data: (\S+)/.exec(text)?.[1] ?? '' };
  }

  async #configuration(): Promise<Record<string, unknown>> {
    const { directory, cgroupRoot } = this.#settings;
    return {
      kind: 'KubeletConfiguration',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      address: '127.0.0.1',
      port: this.port,
      healthzPort: 0,
      authentication: { x509: { clientCAFile: join(directory, 'ca.crt') } },
      clusterDNS: ['10.96.0.10'],
      clusterDomain: 'cluster.local',
      rotateCertificates: true,
      serverTLSBootstrap: true,
      podLogsDir: this.podLogs,
      staticPodPath: this.manifests,
      cgroupRoot,
      failSwapOn: false,
      // The machine that tests run on may be nearly full.
      evictionHard: { 'memory.available': '1Mi', 'nodefs.available': '0%', 'nodefs.inodesFree': '0%', 'imagefs.available': '0%' },
    };
  }
}

/** Whether a server on loopback has a certificate to show. */
function shakesHands(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => settle(true));
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('error', () => settle(false));
  });
}

/** Makes the kubelet's own root in each hierarchy; answers where those are mounted. */
async function makeCgroupRoot(name: string): Promise<readonly string[]> {
  const mounts = parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8'));
  const places = mounts.filter(({ fsType }) => fsType === 'cgroup' || fsType === 'cgroup2').map(({ mountPoint }) => mountPoint);
  for (const place of places) await mkdir(join(place, name), { recursive: true });
  return places;
}

/** Bottom up. Their processes have ended with containerd's. */
async function removeCgroups(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    await removeCgroups(entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name)));
    await rmdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

/** Cgroups of single pods below a root: `pod<uid>`, or with systemd's names. */
async function podCgroups(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  const pods = below.filter((directory) => /[/-]pod[0-9a-f]{8}/.test(directory));
  return [...pods, ...(await Promise.all(below.map(podCgroups))).flat()];
}
