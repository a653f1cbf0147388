/** A kubelet as a process of its own that joins by TLS bootstrap and runs real pods in a containerd of its own. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, readlink, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { certificateSigningRequestKind } from '../../src/api/certificates/v1/certificate-signing-request.ts';
import { KUBELET_SERVING, withCondition } from '../../src/api/certificates/v1/signer-conditions.ts';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import { secretKind } from '../../src/api/core/v1/secret.ts';
import type { V1CertificateSigningRequest, V1Node, V1Secret } from '../../src/api/gen/types.ts';
import type { Client } from '../../src/client/client.ts';
import { unlessReason } from '../../src/client/unless-reason.ts';
import { bootstrapTokenSecret, splitBootstrapToken, TOKEN_NAMESPACE } from '../../src/cluster/bootstrap-token.ts';
import { bootstrapKubeconfig } from '../../src/cluster/kubeconfigs.ts';
import { mountsBelow, parseMountInfo } from '../../src/host/mount-info.ts';
import { type ComponentProcess, PROGRAM, startProgram } from './component-process.ts';
import type { Containerd } from './containerd.ts';
import { runCommand } from './run-command.ts';
import { until } from './until.ts';

/** Where and with what rights a node joins. */
export interface ClusterEntrance {
  /** `https://…`, as the node reaches it. */
  readonly server: string;
  readonly caPem: string;
  /** An administrator's. */
  readonly client: Client;
}

export interface KubeletSettings {
  readonly name: string;
  readonly entrance: ClusterEntrance;
  readonly containerd: Containerd;
  /** Of the node: kubeconfigs, keys, logs and the kubelet's root are below. */
  readonly directory: string;
  readonly cgroupRoot: string;
  /** Where it listens, and its --node-ip. */
  readonly address: string;
  readonly port: number;
  /** Goes before every program that belongs to the node: `['nsenter', '--net=…']`. Default: nothing. */
  readonly prefix?: readonly string[];
  /** More of the KubeletConfiguration. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** More flags. */
  readonly flags?: readonly string[];
}

const NODE_READY_MS = 120_000;

export class KubeletProcess {
  readonly name: string;
  readonly root: string;
  readonly podLogs: string;
  readonly manifests: string;
  readonly port: number;
  readonly #settings: KubeletSettings;
  #process: ComponentProcess | undefined;
  #joined = false;

  constructor(settings: KubeletSettings) {
    const { directory, name, port } = settings;
    this.#settings = settings;
    this.name = name;
    this.root = join(directory, 'kubelet');
    this.podLogs = join(directory, 'logs', 'pods');
    this.manifests = join(directory, 'manifests');
    this.port = port;
  }

  get process(): ComponentProcess {
    if (!this.#process) throw new Error('the kubelet does not run');
    return this.#process;
  }

  /** Its own way to the API server, once it has joined. */
  get kubeconfig(): string {
    return join(this.#settings.directory, 'kubeconfig');
  }

  async start(changes: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { directory, containerd, address, configuration, flags = [], prefix = [] } = this.#settings;
    const file = (name: string) => join(directory, name);
    await mkdir(this.manifests, { recursive: true });
    if (!this.#joined) await this.#prepareToJoin(file('bootstrap-kubeconfig'));
    await writeFile(file('config.json'), JSON.stringify({ ...this.#configuration(), ...configuration, ...changes }));
    const [program = '', ...args] = [
      ...prefix,
      process.execPath,
      PROGRAM,
      'kubelet',
      `--bootstrap-kubeconfig=${file('bootstrap-kubeconfig')}`,
      `--kubeconfig=${this.kubeconfig}`,
      `--cert-dir=${file('pki')}`,
      `--root-dir=${this.root}`,
      `--config=${file('config.json')}`,
      `--hostname-override=${this.name}`,
      `--node-ip=${address}`,
      '--runtime=containerd',
      `--container-runtime-endpoint=${containerd.endpoint}`,
      ...flags,
    ];
    this.#process = startProgram(program, args);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const { process } = this;
    process.signal(signal);
    await process.exited;
    this.#process = undefined;
  }

  /** Resolves with the Node when `condition` holds; serving certificates are approved meanwhile. */
  async waitNode(what: string, condition: (node: V1Node) => boolean): Promise<V1Node> {
    const nodes = this.#settings.entrance.client.resource<V1Node>(nodeKind);
    const asked = async () => {
      if (this.process.exitStatus !== undefined) throw new Error(`the kubelet ended:\n${this.process.output}`);
      await this.#approveServing();
      const node = await unlessReason(nodes.get(this.name), 'NotFound');
      if (node && condition(node)) return node;
      throw new Error(`not yet; the kubelet has said:\n${this.process.output.slice(-4000)}`);
    };
    return until(`node ${this.name} ${what}`, asked, { timeoutMs: NODE_READY_MS, intervalMs: 200 });
  }

  /** The node is Ready, and its API has a certificate of the cluster's. */
  async waitReady(): Promise<void> {
    await this.waitNode('is Ready', isReady);
    // The request for a serving certificate may come after that.
    const serves = async () => {
      await this.#approveServing();
      return this.#shakesHands();
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

  /** Requests for serving certificates stay open until somebody approves them by hand, which is the test here. */
  async #approveServing(): Promise<void> {
    const requests = this.#settings.entrance.client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
    for (const csr of (await requests.list()).items) {
      const { signerName, username } = csr.spec;
      if (signerName !== KUBELET_SERVING || username !== `system:node:${this.name}` || csr.status?.conditions?.length) continue;
      const decided = withCondition(csr, { type: 'Approved', reason: 'Test', message: 'a node of the test', nowMs: Date.now() });
      await unlessReason(requests.update(decided, { subresource: 'approval' }), 'Conflict');
    }
  }

  async #prepareToJoin(path: string): Promise<void> {
    const { directory, entrance } = this.#settings;
    const token = `${randomBytes(3).toString('hex')}.${randomBytes(8).toString('hex')}`;
    const secret = bootstrapTokenSecret({
      ...splitBootstrapToken(token),
      description: `joins node ${this.name}`,
      expiresMs: Date.now() + 3_600_000,
      usages: ['authentication'],
      groups: [],
    });
    await entrance.client.resource<V1Secret>(secretKind, TOKEN_NAMESPACE).create(secret);
    await writeFile(path, bootstrapKubeconfig({ server: entrance.server, caPem: entrance.caPem, token }), { mode: 0o600 });
    await writeFile(join(directory, 'ca.crt'), entrance.caPem);
  }

  /** Whether its API has a certificate to show. */
  async #shakesHands(): Promise<boolean> {
    const { address, prefix = [] } = this.#settings;
    const [program = '', ...args] = [...prefix, 'curl', '-sk', '-o', '/dev/null', '-m', '10', `https://${address}:${this.port}/`];
    return (await runCommand(program, args)).status === 0;
  }

  #configuration(): Record<string, unknown> {
    const { directory, cgroupRoot, address } = this.#settings;
    return {
      kind: 'KubeletConfiguration',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      address,
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

export function isReady({ status }: V1Node): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

/** Makes a kubelet's own root in each hierarchy; answers its path there and where those are mounted. Roots of test runs that were killed go. */
export async function makeCgroupRoot(): Promise<{ readonly path: string; readonly hierarchies: readonly string[] }> {
  const mounts = parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8'));
  const places = mounts.filter(({ fsType }) => fsType === 'cgroup' || fsType === 'cgroup2').map(({ mountPoint }) => mountPoint);
  const prefix = await cgroupPrefix();
  for (const place of places) await removeDeadRoots(place, prefix);
  const name = `${prefix}${process.pid}-${randomBytes(4).toString('hex')}`;
  for (const place of places) await mkdir(join(place, name), { recursive: true });
  return { path: `/${name}`, hierarchies: places };
}

/** Process ids mean something only in their own namespace, and hierarchies may be shared with others. */
async function cgroupPrefix(): Promise<string> {
  const [namespace = '0'] = /\d+/.exec(await readlink('/proc/self/ns/pid')) ?? [];
  return `muster-test-${namespace}-`;
}

/** What a test run that was killed could not take away itself. Two who do so at once do not disturb each other. */
async function removeDeadRoots(hierarchy: string, prefix: string): Promise<void> {
  for (const name of await readdir(hierarchy)) {
    const pid = name.startsWith(prefix) ? Number(/^\d+/.exec(name.slice(prefix.length))?.[0]) : Number.NaN;
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    await until(`cgroup ${name} of a test run that has ended is gone`, async () => {
      await endProcesses(join(hierarchy, name));
      await removeCgroups([join(hierarchy, name)]);
      return true;
    });
  }
}

async function endProcesses(group: string): Promise<void> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []); // gone
  for (const entry of entries) if (entry.isDirectory()) await endProcesses(join(group, entry.name));
  const pids = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => ''); // gone
  // Processes of other namespaces are shown as 0.
  for (const pid of pids.split('\n').map(Number)) if (pid > 1 && isAlive(pid)) process.kill(pid, 'SIGKILL');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Bottom up. Their processes have ended with containerd's. */
export async function removeCgroups(paths: readonly string[]): Promise<void> {
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
