/** A control plane, and one node with real pods: a kubelet of its own process on a containerd of its own. For e2e tests, as root. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { clientFromKubeconfig } from '../../src/client/kubeconfig-client.ts';
import { createMounts } from '../../src/host/mounts.ts';
import { readKubeconfig, resolveContext } from '../../src/pki/kubeconfig.ts';
import type { ComponentProcess } from './component-process.ts';
import { type Containerd, type ContainerdOptions, startContainerd } from './containerd.ts';
import { freePort } from './free-port.ts';
import { type Kubectl, type KubectlVersion, kubectl } from './kubectl.ts';
import { KubeletProcess, makeCgroupRoot, removeCgroups } from './kubelet-process.ts';
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

/** Resolves when the node is Ready. */
export async function startRealCluster(options: RealClusterOptions = {}): Promise<RealCluster> {
  await using stack = new AsyncDisposableStack();
  const { path: cgroupRoot, hierarchies } = await makeCgroupRoot();
  // Last, when containerd and all that it ran have ended.
  stack.defer(() => removeCgroups(hierarchies.map((mount) => join(mount, cgroupRoot))));
  const [home, containerd] = await Promise.all([
    musterHome().then((opened) => stack.use(opened)),
    startContainerd(options.containerd).then((opened) => stack.use(opened)),
  ]);
  const up = await home.up('--nodes', '0', ...(options.up ?? []));
  const directory = stack.use(await temporaryDirectory());
  stack.defer(() => createMounts().unmountAll(directory.path));
  const { server, caPem = '' } = await resolveContext(await readKubeconfig(home.kubeconfig));
  const client = await clientFromKubeconfig(home.kubeconfig);
  stack.defer(() => client.transport.close());
  const node = new KubeletProcess({
    ...options,
    name: `real-${randomBytes(3).toString('hex')}`,
    entrance: { server, caPem, client },
    containerd,
    directory: directory.path,
    cgroupRoot,
    address: '127.0.0.1',
    port: await freePort(),
  });
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
