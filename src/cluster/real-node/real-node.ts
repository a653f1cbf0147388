import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../host/run-program.ts';
import { createKubelet } from '../../kubelet/kubelet.ts';
import { createKubeletMetrics } from '../../kubelet/metrics/kubelet-metrics.ts';
import type { Machine } from '../../kubelet/node/machine.ts';
import { type OpenRuntime, openRuntime } from '../../kubelet/open-runtime.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CreateKubelet } from '../cluster-node.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { NodeRecord, RealNodeRecord } from '../data-directory.ts';
import { type RunningKubelet, runningKubelet } from '../hollow-kubelet.ts';
import { canListen, freePort, KUBELET_PORT } from '../node-addresses.ts';
import type { ClusterConfig } from '../options.ts';
import { addClusterAddress, clusterAddresses, removeClusterAddress } from './cluster-addresses.ts';
import { createClusterDns } from './cluster-dns.ts';
import { type ClusterPolicies, createClusterPolicies } from './cluster-policies.ts';
import { createClusterServices, requirePacketFilter } from './cluster-services.ts';
import { type NodeNetwork, openNodeNetwork, requireNetwork } from './networks/node-network.ts';
import { nodeNameOf, planRealNode, realConfiguration, realNodePaths } from './real-node-plan.ts';
import type { RestartedPart } from './restarted-part.ts';
import { chooseRuntime } from './survey-runtime.ts';

/** This machine as a node of the cluster: its pods run. */
export interface RealNode {
  readonly record: NodeRecord;
  /** Where pods find the API server; the machine has the address from `addApiAddress` on. */
  readonly apiAddress: string;
  /** Of the pods of all nodes. */
  readonly podRange: string | undefined;
  addApiAddress(): Promise<void>;
  removeApiAddress(): Promise<void>;
  kubelet(record: NodeRecord, controlPlane: ControlPlane): CreateKubelet;
  /** Takes away all that it has left on this machine; its kubelet must have ended. */
  remove(clusterDirectory: string): Promise<void>;
}

/**
 * Finds out whether and how this machine can be a node. Starts nothing.
 *
 * @returns undefined where `auto` finds no runtime to use
 * @throws CodedError RUNTIME_UNREACHABLE, RUNTIME_FORBIDDEN, RUNTIME_IN_USE, CNI_PLUGINS_MISSING, NETWORK_TAKEN, BIRD_MISSING, PACKET_FILTER_MISSING,
 * POD_RANGES_TAKEN
 */
export async function openRealNode(config: ClusterConfig, directory: string, machine: Machine): Promise<RealNode | undefined> {
  const { runtime, containerRuntimeEndpoint: endpoint, knownNodes, logger } = config;
  const known = knownNodes.find(({ real }) => real);
  const survey = await chooseRuntime({
    runtime: runtime === 'auto' ? 'auto' : 'containerd',
    endpoint,
    known: known !== undefined,
    userId: process.getuid?.(),
  });
  if ('why' in survey) {
    if (config.network !== undefined)
      throw new CodedError(
        `network ${config.network} is for pods that run, and no container runtime can be used: ${survey.why}`,
        {
          code: 'RUNTIME_UNREACHABLE',
        },
      );
    logger.info('Pods are hollow: no container runtime can be used', { reason: survey.why });
    return undefined;
  }
  const real =
    known?.real ??
    planRealNode(survey, {
      clusterDirectory: directory,
      clusterName: config.name,
      network: config.network,
      nodes: (config.nodes ?? 0) + 1,
      taken: Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)),
    });
  const isKnown = known !== undefined;
  await requireNetwork(real, { pluginDirectories: survey.cniPluginDirectories, isKnown, run: runProgram });
  await requirePacketFilter(runProgram);
  const apiAddress = clusterAddresses(real.network.bridge).api;
  const record = known ?? { name: nodeNameOf(machine.hostname), ...(await endpointOf(machine)), real };
  return {
    record,
    apiAddress,
    podRange: real.network.podRange,
    addApiAddress: () => addClusterAddress(apiAddress, runProgram),
    removeApiAddress: () => removeClusterAddress(apiAddress, runProgram),
    async remove(clusterDirectory) {
      const { removeRealNode } = await import('./remove-real-node.ts');
      await removeRealNode(record, clusterDirectory, config.clock);
    },
    kubelet:
      ({ real: recorded = real }, controlPlane) =>
      (options) =>
        createRealKubelet(options, recorded, controlPlane, machine),
  };
}

/** The machine's own address, so that its pods and others reach the kubelet. */
async function endpointOf({ addresses }: Machine): Promise<{ address: string; port: number }> {
  const address = addresses[0] ?? '127.0.0.1';
  return { address, port: (await canListen(address, KUBELET_PORT)) ? KUBELET_PORT : await freePort() };
}

function createRealKubelet(
  { name, address, port, directory, config, logger }: Parameters<CreateKubelet>[0],
  real: RealNodeRecord,
  controlPlane: ControlPlane,
  machine: Machine,
): RunningKubelet {
  const { clock, random } = config;
  const { bridge, podRange } = real.network;
  const configuration = realConfiguration(real, directory, controlPlane.caFile);
  const dns = createClusterDns({
    address: clusterAddresses(bridge).dns,
    config,
    controlPlane,
    logger: logger.child({ part: 'dns' }),
    run: runProgram,
  });
  let services: RestartedPart | undefined;
  let policies: ClusterPolicies | undefined;
  let network: NodeNetwork | undefined;
  const stopParts = async (): Promise<void> => {
    await Promise.all([network?.stop(), dns.stop(), services?.stop(), policies?.stop()]);
  };
  const life = new AbortController();
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => undefined); // who only starts it is told by `start`
  let opened: OpenRuntime | undefined;
  let running: RunningKubelet | undefined;

  async function start(): Promise<void> {
    const metrics = createKubeletMetrics();
    opened = await openRuntime({
      name: 'containerd',
      endpoint: real.endpoint,
      rootDirectory: realNodePaths(directory).root,
      configuration,
      metrics,
      clock,
      logger,
      random,
    });
    const kubelet = createKubelet({
      nodeName: name,
      paths: {
        kubeconfig: join(directory, 'kubeconfig'),
        bootstrapKubeconfig: join(directory, 'bootstrap-kubeconfig'),
        certificateDirectory: join(directory, 'pki'),
      },
      configuration,
      runtime: opened.runtime,
      ...(opened.podPaths && { podPaths: opened.podPaths }),
      metrics,
      clock,
      logger,
      random,
      nodeIps: [address],
      machine,
      listen: { address, port },
    });
    running = runningKubelet(kubelet, `node ${name}`);
    // Another kubelet takes its place, with a DNS server and a proxy of its own.
    const whole = async ({ ended: kubeletEnded }: RunningKubelet) => {
      try {
        await kubeletEnded;
      } finally {
        await stopParts();
      }
    };
    whole(running).then(ended.resolve, ended.reject);
    const answering = dns.start();
    await running.start();
    const common = { nodeName: name, config, controlPlane, run: runProgram };
    const pods = await openNodeNetwork({
      ...{ ...common, real, address, nodeDirectory: directory, logger: logger.child({ part: 'network' }) },
      onPodCidrs: () => policies?.refresh(),
    });
    network = pods;
    const { hasBridge, isOurs } = pods;
    await pods.prepare();
    services = createClusterServices({
      ...{ ...common, address, bridge, hasBridge, ...(isOurs && { podRange }) },
      logger: logger.child({ part: 'kube-proxy' }),
    });
    // Who brings a network enforces policies in it.
    policies = isOurs
      ? createClusterPolicies({
          ...{ ...common, bridge, hasBridge, morePodCidrs: () => pods.morePodCidrs() },
          logger: logger.child({ part: 'network-policy' }),
        })
      : undefined;
    if (!life.signal.aborted) await Promise.all([answering, services.start(), policies?.start()]);
    if (!life.signal.aborted) await pods.start();
  }

  return {
    ended: ended.promise,
    async start() {
      try {
        await start();
      } catch (error) {
        await stopParts();
        await running?.stop();
        opened?.close();
        throw error;
      }
    },
    async stop() {
      life.abort(new DOMException(`node ${name} is stopped`, 'AbortError'));
      await running?.stop();
      await stopParts();
      opened?.close();
    },
  };
}
