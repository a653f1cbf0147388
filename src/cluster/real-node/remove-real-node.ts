import { createMounts } from '../../host/mounts.ts';
import { removeTree } from '../../host/remove-tree.ts';
import { runProgram } from '../../host/run-program.ts';
import { kernelCgroupFiles } from '../../kubelet/cgroups/cgroup-files.ts';
import { readCgroupMounts } from '../../kubelet/cgroups/cgroup-mounts.ts';
import { parseCgroupName } from '../../kubelet/cgroups/cgroup-names.ts';
import { createCgroupTree } from '../../kubelet/cgroups/cgroup-tree.ts';
import { createSystemdSlices } from '../../kubelet/cgroups/systemd-slices.ts';
import { type CriClient, createCriClient } from '../../kubelet/runtime/cri/api/cri-client.ts';
import { removePodNetwork } from '../../network/cni/pod-network.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { nodeDirectory } from '../cluster-node.ts';
import type { NodeRecord, RealNodeRecord } from '../data-directory.ts';
import { clusterAddresses, removeClusterAddress } from './cluster-addresses.ts';
import { removeClusterPolicies } from './cluster-policies.ts';
import { removeClusterServices } from './cluster-services.ts';
import { bridgeNetwork, realNodePaths } from './real-node-plan.ts';

const CALL_MS = 60_000;
/** Sandboxes that are taken down at the same time. */
const AT_ONCE = 8;

/**
 * Takes away all that a real node of a cluster has left on this machine: pods, mounts, cgroups, network and files. Its kubelet must have
 * ended. May be called again after a failure.
 *
 * @param clusterDirectory as the record was made for it
 * @throws CodedError PODS_REMAIN when the runtime does not answer; others' own when something of theirs cannot be removed
 */
export async function removeRealNode(node: NodeRecord, clusterDirectory: string, clock: Clock): Promise<void> {
  const { real, name } = node;
  if (!real) return;
  const directory = nodeDirectory(clusterDirectory, name);
  const { root, podLogs } = realNodePaths(directory);
  await removePods(real, podLogs);
  await createMounts().unmountAll(root);
  await removeCgroups(real, clock);
  if (real.network.plugin === 'flannel')
    await (await import('./networks/flannel-network.ts')).removeFlannelNetwork(real, directory, runProgram);
  if (real.network.plugin === 'calico')
    await (await import('./networks/calico-network.ts')).removeCalicoNetwork(real, directory, runProgram, clock);
  await removePodNetwork(real.network.configurationDirectory, bridgeNetwork(real, directory, []), runProgram);
  await removeClusterServices(real.network.bridge, runProgram);
  await removeClusterPolicies(real.network.bridge, runProgram);
  for (const address of Object.values(clusterAddresses(real.network.bridge))) await removeClusterAddress(address, runProgram);
  await removeTree(directory);
}

async function removePods({ endpoint }: RealNodeRecord, podLogs: string): Promise<void> {
  const cri = createCriClient({ endpoint, requestTimeoutMs: CALL_MS });
  try {
    const { items } = await cri.call('ListPodSandbox', {});
    const waiting = items.map(({ id }) => id);
    const worker = async () => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop())
        if (await isOurs(cri, id, podLogs)) await removePod(cri, id);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } catch (cause) {
    throw new CodedError(
      `cannot take down the pods at ${endpoint}: ${(cause as Error).message}; when the container runtime runs, "muster down" can be tried again`,
      { code: 'PODS_REMAIN', cause },
    );
  } finally {
    cri.close();
  }
}

async function removePod(cri: CriClient, id: string): Promise<void> {
  await cri.call('StopPodSandbox', { pod_sandbox_id: id });
  await cri.call('RemovePodSandbox', { pod_sandbox_id: id });
}

/** A pod is known by where it logs: that directory is the node's own. */
async function isOurs(cri: CriClient, id: string, podLogs: string): Promise<boolean> {
  const { info } = await cri.call('PodSandboxStatus', { pod_sandbox_id: id, verbose: true });
  return logDirectoryOf(info).startsWith(`${podLogs}/`);
}

/** Of containerd's verbose answer, which has the request that made the sandbox. */
export function logDirectoryOf(info: ReadonlyMap<string, string> | Readonly<Record<string, string>>): string {
  const text = info instanceof Map ? info.get('info') : (info as Readonly<Record<string, string>>)['info'];
  try {
    const { config } = JSON.parse(text ?? '') as { config?: { log_directory?: unknown } };
    return typeof config?.log_directory === 'string' ? config.log_directory : '';
  } catch {
    return ''; // a runtime that tells nothing of it: not known to be ours
  }
}

async function removeCgroups({ cgroupRoot, cgroupDriver: driver }: RealNodeRecord, clock: Clock): Promise<void> {
  const mounts = await readCgroupMounts();
  const slices = driver === 'systemd' ? createSystemdSlices({ run: runProgram, version: mounts.version, clock }) : undefined;
  const kill = (pid: number) => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  const tree = createCgroupTree({ mounts, files: kernelCgroupFiles, driver, ...(slices && { slices }), clock, kill });
  await tree.remove(parseCgroupName(cgroupRoot, driver));
}
