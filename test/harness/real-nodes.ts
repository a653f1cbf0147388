/**
 * A control plane on this machine and several nodes, each a network namespace of its own: with its own address, containerd and kubelet,
 * which joined by TLS bootstrap. For e2e tests, as root. Any number of them run side by side.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import type { V1Node } from '../../src/api/gen/types.ts';
import type { Client } from '../../src/client/client.ts';
import type { ClusterOptions } from '../../src/cluster/options.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { createMounts } from '../../src/host/mounts.ts';
import { readKubeconfig, resolveContext } from '../../src/pki/kubeconfig.ts';
import { type ComponentProcess, PROGRAM, startProgram } from './component-process.ts';
import { type Containerd, type ContainerdOptions, startContainerd } from './containerd.ts';
import { inNamespace } from './containerd-leftovers.ts';
import { type Kubectl, type KubectlVersion, kubectl } from './kubectl.ts';
import { KubeletProcess, makeCgroupRoot, removeCgroups } from './kubelet-process.ts';
import { type NodeLink, type NodeLinks, openNodeLinks } from './node-links.ts';
import { routeBetweenNodes } from './routed-pods.ts';
import { type CommandResult, type RunOptions, runCommand } from './run-command.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export interface RealNodesOptions {
  /** Default 3. They are called `node-1`, `node-2`, … */
  readonly nodes?: number;
  /**
   * `routes` (the default): the harness writes the CNI configuration and routes between nodes, with nothing of Muster's in it. `none`: nodes
   * stay NotReady, and nobody waits for them, until the test gives them a network. A function is given each node when it is registered
   * and has its pod range (also one that is added later, or has been booted again); nodes are waited for when it has ended for all of them.
   */
  readonly network?: 'routes' | 'none' | ((node: RealNode, cluster: RealNodes) => Promise<void>);
  /** Of every node. */
  readonly containerd?: Pick<ContainerdOptions, 'images' | 'extraConfig'>;
  /** More of every node's KubeletConfiguration. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** More flags of every kubelet. */
  readonly flags?: readonly string[];
  /** Of the control plane, which runs in this process: `nodeMonitorGracePeriodMs` for one. */
  readonly cluster?: Pick<
    ClusterOptions,
    'store' | 'nodeMonitorGracePeriodMs' | 'ipv6Ranges' | 'runtimeConfig' | 'legacyServiceAccountTokens' | 'logger'
  >;
  /** Of the wire between the nodes. Default 1500. */
  readonly mtu?: number;
  /** Nodes have addresses of IPv6, too. Default false. */
  readonly ipv6?: boolean;
}

export interface RealNodes extends AsyncDisposable {
  readonly cluster: Cluster;
  /** An administrator's. */
  readonly client: Client;
  /** Of the API server, as nodes and this machine reach it. */
  readonly server: string;
  /** An administrator's, as a file. */
  readonly kubeconfig: string;
  /** A directory of the test's own. */
  readonly directory: string;
  /** What the nodes' addresses are in. */
  readonly nodeCidr: string;
  readonly nodes: readonly RealNode[];
  kubectl(version?: KubectlVersion): Kubectl;
  /** One more; Ready unless there is no network. */
  addNode(): Promise<RealNode>;
  /** As `kubectl delete node`, when its machine is gone: everything of it ends. */
  removeNode(node: RealNode): Promise<void>;
}

export interface RealNode {
  readonly name: string;
  readonly address: string;
  /** Undefined unless nodes have addresses of IPv6. */
  readonly address6: string | undefined;
  /** The network namespace's name. */
  readonly namespace: string;
  /** The interface to the other nodes. */
  readonly device: string;
  /** Its first pod range. */
  readonly podCidr: string;
  /** Of its own; containerd and kubelet have theirs below or beside. */
  readonly directory: string;
  readonly containerd: Containerd;
  readonly kubelet: ComponentProcess;
  /** The node's own kubeconfig. */
  readonly kubeconfig: string;
  /** Runs a program in the node's network namespace; answers its output, and fails with what it said when it fails. */
  run(program: string, ...args: string[]): Promise<string>;
  /** Its end, whatever that is. */
  try(program: string, args: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** Starts a program there, which is ended with the node. */
  start(program: string, ...args: string[]): ComponentProcess;
  /** The same for `muster <command> …`. */
  startMuster(command: string, ...args: string[]): ComponentProcess;
  /** Pulls the cable out. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Ends the kubelet, by default as a crash does; its pods go on. */
  killKubelet(signal?: NodeJS.Signals): Promise<void>;
  startKubelet(changes?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Loses power and comes back, with its network: no other process, interface, route or rule of before is there. */
  reboot(): Promise<void>;
  /** Resolves when it is Ready and its API serves. */
  waitReady(): Promise<void>;
}

export async function startRealNodes(options: RealNodesOptions = {}): Promise<RealNodes> {
  await using stack = new AsyncDisposableStack();
  const links = stack.use(await openNodeLinks({ mtu: options.mtu, ipv6: options.ipv6 }));
  const directory = stack.use(await temporaryDirectory());
  const cluster = stack.use(await startCluster({ ...options.cluster, nodes: 0, bindAddress: links.hostAddress }));
  const kubeconfig = directory.file('admin.kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
  const { server, caPem = '' } = await resolveContext(await readKubeconfig(kubeconfig));
  const client = cluster.client();
  const { network = 'routes' } = options;
  const nodes: MachineNode[] = [];
  let made = 0;

  const connect = async (some: readonly MachineNode[]) => {
    if (network === 'routes') await routeBetweenNodes(nodes);
    else if (network !== 'none') await Promise.all(some.map((node) => network(node, handle)));
  };
  const add = async (count: number): Promise<MachineNode[]> => {
    const added = await Promise.all(
      Array.from({ length: count }, async () => {
        const name = `node-${++made}`;
        const entrance = { server, caPem, client };
        const node: MachineNode = await openNode({
          ...{ name, links, entrance, options },
          directory: directory.file(name),
          connect: () => connect([node]),
        });
        nodes.push(node);
        await node.register();
        return node;
      }),
    );
    await connect(added);
    if (network !== 'none') await Promise.all(added.map((node) => node.waitReady()));
    return added;
  };
  const handle: RealNodes = {
    cluster,
    client,
    server,
    kubeconfig,
    directory: directory.path,
    nodeCidr: links.cidr,
    get nodes() {
      return nodes.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
    },
    kubectl: (version = '1.35') => kubectl(version, kubeconfig, directory.path),
    async addNode() {
      const [node] = await add(1);
      return node as MachineNode;
    },
    async removeNode(gone) {
      const at = nodes.findIndex(({ name }) => name === gone.name);
      const [node] = at < 0 ? [] : nodes.splice(at, 1);
      await node?.[Symbol.asyncDispose]();
      await client.resource<V1Node>(nodeKind).delete(gone.name);
    },
    async [Symbol.asyncDispose]() {
      await resources[Symbol.asyncDispose]();
    },
  };
  stack.defer(async () => {
    const ends = await Promise.allSettled(nodes.map((node) => node[Symbol.asyncDispose]()));
    const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    if (failures.length > 0) throw new AggregateError(failures, 'nodes were not cleaned up');
  });
  await add(options.nodes ?? 3);
  const resources = stack.move();
  return handle;
}

interface NodeSettings {
  readonly name: string;
  readonly links: NodeLinks;
  readonly entrance: { readonly server: string; readonly caPem: string; readonly client: Client };
  readonly directory: string;
  readonly options: RealNodesOptions;
  /** Gives its pods their network. */
  readonly connect: () => Promise<void>;
}

async function openNode({ name, links, entrance, directory, options, connect }: NodeSettings): Promise<MachineNode> {
  await using stack = new AsyncDisposableStack();
  await mkdir(directory, { recursive: true });
  const { path: cgroupRoot, hierarchies } = await makeCgroupRoot();
  // Last, when containerd and all that it ran have ended.
  stack.defer(() => removeCgroups(hierarchies.map((mount) => join(mount, cgroupRoot))));
  const link = await links.add();
  stack.defer(() => link.remove());
  const { namespace, address } = link;
  const containerd = stack.use(await startContainerd({ ...options.containerd, namespace, network: false }));
  stack.defer(() => createMounts().unmountAll(directory));
  const resolvConf = join(directory, 'resolv.conf');
  // No name server: what is not the cluster's cannot be asked for from here.
  await writeFile(resolvConf, '');
  const kubelet = new KubeletProcess({
    name,
    entrance,
    containerd,
    directory,
    cgroupRoot,
    address,
    port: 10_250,
    prefix: inNamespace(namespace),
    configuration: { resolvConf, ...options.configuration },
    flags: [...(options.flags ?? []), ...(link.address6 === undefined ? [] : [`--node-ip=${address},${link.address6}`])],
  });
  stack.defer(() => kubelet.removePods());
  return new MachineNode({ kubelet, containerd, link, directory, connect, resources: stack.move() });
}

interface NodeParts {
  readonly kubelet: KubeletProcess;
  readonly containerd: Containerd;
  readonly link: NodeLink;
  readonly directory: string;
  readonly connect: () => Promise<void>;
  readonly resources: AsyncDisposableStack;
}

class MachineNode implements RealNode, AsyncDisposable {
  readonly containerd: Containerd;
  readonly directory: string;
  readonly #parts: NodeParts;
  readonly #programs = new Set<ComponentProcess>();
  #podCidr: string | undefined;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.containerd = parts.containerd;
    this.directory = parts.directory;
  }

  get name(): string {
    return this.#parts.kubelet.name;
  }

  get address(): string {
    return this.#parts.link.address;
  }

  get address6(): string | undefined {
    return this.#parts.link.address6;
  }

  get namespace(): string {
    return this.#parts.link.namespace;
  }

  get device(): string {
    return this.#parts.link.device;
  }

  get kubelet(): ComponentProcess {
    return this.#parts.kubelet.process;
  }

  get kubeconfig(): string {
    return this.#parts.kubelet.kubeconfig;
  }

  get podCidr(): string {
    if (this.#podCidr === undefined) throw new Error(`node ${this.name} has no pod range yet`);
    return this.#podCidr;
  }

  /** Resolves when there is a Node object with a pod range. */
  async register(): Promise<void> {
    const { kubelet } = this.#parts;
    await kubelet.start();
    await this.#readRange();
  }

  async #readRange(): Promise<void> {
    const node = await this.#parts.kubelet.waitNode('has a pod range', ({ spec }) => spec?.podCIDR !== undefined);
    this.#podCidr = node.spec?.podCIDR;
  }

  try(program: string, args: readonly string[], options?: RunOptions): Promise<CommandResult> {
    const [file = '', ...rest] = [...inNamespace(this.namespace), program, ...args];
    return runCommand(file, rest, options);
  }

  async run(program: string, ...args: string[]): Promise<string> {
    const { status, signal, stdout, stderr } = await this.try(program, args);
    if (status !== 0)
      throw new Error(`${program} ${args.join(' ')} on ${this.name} ended with ${status ?? signal}:\n${stderr}${stdout}`);
    return stdout;
  }

  start(program: string, ...args: string[]): ComponentProcess {
    const [file = '', ...rest] = [...inNamespace(this.namespace), program, ...args];
    const started = startProgram(file, rest);
    this.#programs.add(started);
    return started;
  }

  startMuster(command: string, ...args: string[]): ComponentProcess {
    return this.start(process.execPath, PROGRAM, command, ...args);
  }

  cut(): Promise<void> {
    return this.#parts.link.cut();
  }

  mend(): Promise<void> {
    return this.#parts.link.mend();
  }

  killKubelet(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    return this.#parts.kubelet.kill(signal);
  }

  startKubelet(changes?: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#parts.kubelet.start(changes);
  }

  async reboot(): Promise<void> {
    const { kubelet, containerd, link, connect } = this.#parts;
    const programs = [...this.#programs];
    this.#programs.clear();
    for (const program of programs) program.signal('SIGKILL');
    await kubelet.kill('SIGKILL');
    await containerd.losePower();
    await link.reset();
    await containerd.restart();
    await kubelet.start();
    await connect();
  }

  async waitReady(): Promise<void> {
    await this.#parts.kubelet.waitReady();
    // Another one when its Node was deleted meanwhile.
    await this.#readRange();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#programs].map((program) => program.stop()));
    await this.#parts.resources[Symbol.asyncDispose]();
  }
}
