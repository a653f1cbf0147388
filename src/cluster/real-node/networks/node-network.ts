import { readdir } from 'node:fs/promises';
import { readInterfaces } from '../../../host/network-interfaces.ts';
import { ProgramError, type RunProgram } from '../../../host/run-program.ts';
import { NEEDED_PLUGINS, requireCniPlugins } from '../../../network/cni/plugins.ts';
import { foreignNetwork } from '../../../network/cni/pod-network.ts';
import { CodedError } from '../../../std/coded-error.ts';
import type { Logger } from '../../../std/logger.ts';
import type { ControlPlane } from '../../control-plane.ts';
import type { RealNodeRecord } from '../../data-directory.ts';
import type { ClusterConfig, NetworkPlugin } from '../../options.ts';

/** What makes the network of a real node's pods. */
export interface NodeNetwork {
  /** Whether pods are on the cluster's own bridge. */
  readonly hasBridge: boolean;
  /** Whether pods' packets pass this machine's packet filter as ours does it, so that we enforce policies. */
  readonly isOurs: boolean;
  /** What pods here have addresses of, besides the Node's `podCIDRs`. */
  morePodCidrs(): readonly string[];
  /** Before the rules that need it. */
  prepare(): Promise<void>;
  /** Gives pods addresses: when rules for them are there. Resolves when it works, or will be tried again. */
  start(): Promise<void>;
  /** Pods go on. */
  stop(): Promise<void>;
}

export interface NodeNetworkOptions {
  readonly real: RealNodeRecord;
  readonly nodeName: string;
  /** Of the node. */
  readonly address: string;
  readonly nodeDirectory: string;
  readonly config: ClusterConfig;
  readonly controlPlane: Pick<ControlPlane, 'adminTransport'>;
  /** Told when `morePodCidrs` answers something else. */
  readonly onPodCidrs: () => void;
  readonly logger: Logger;
  readonly run: RunProgram;
}

/** The plugins that each way uses. */
const PLUGINS: Readonly<Record<Exclude<NetworkPlugin, 'none'>, readonly string[]>> = {
  bridge: NEEDED_PLUGINS,
  flannel: NEEDED_PLUGINS,
  calico: ['ptp', 'host-local', 'loopback', 'portmap'],
};
/** What the runtime is given by flannel's and Calico's way. */
const OWN_FILE = { flannel: '10-flannel.conflist', calico: '10-calico.conflist' } as const;
const IS_CONFIGURATION = /\.(conf|conflist|json)$/;

/** The one that was asked for; a bridge where nothing was, unless the runtime has a network that somebody brought. */
export async function openNodeNetwork(options: NodeNetworkOptions): Promise<NodeNetwork> {
  const { network } = options.real;
  switch (network.plugin) {
    case 'flannel':
      return (await import('./flannel-network.ts')).createFlannelNetwork(options);
    case 'calico':
      return (await import('./calico-network.ts')).createCalicoNetwork(options);
    default: {
      const isForeign =
        network.plugin === 'none' || (await foreignNetwork(network.configurationDirectory, network.name)) !== undefined;
      return (await import('./bridge-network.ts')).createBridgeNetwork(options, isForeign);
    }
  }
}

/**
 * Fails when this machine cannot have the network that was asked for.
 *
 * @param isKnown the cluster has had it already
 * @throws CodedError CNI_PLUGINS_MISSING, NETWORK_TAKEN, BIRD_MISSING
 */
export async function requireNetwork(
  { network }: RealNodeRecord,
  { pluginDirectories, isKnown, run }: { pluginDirectories: readonly string[]; isKnown: boolean; run: RunProgram },
): Promise<void> {
  const { plugin, configurationDirectory, name } = network;
  if (plugin === 'none') return;
  const foreign = await foreignNetwork(configurationDirectory, name);
  // Whoever brings a network brings its plugins.
  if (plugin === undefined) return foreign === undefined ? requireCniPlugins(pluginDirectories) : undefined;
  const own = plugin === 'bridge' ? undefined : OWN_FILE[plugin];
  const others = (await configurationsIn(configurationDirectory)).filter((file) => file !== `90-${name}.conflist`);
  // Exactly one network for pods: the runtime would take whichever comes first by its name.
  const other = others.find((file) => !(isKnown && file === own));
  if (other !== undefined)
    throw taken(plugin, `${configurationDirectory} has ${other} of another network already; remove it, or use network none`);
  await requireCniPlugins(pluginDirectories, undefined, PLUGINS[plugin]);
  if (plugin === 'calico') await requireBird(run);
  if (!isKnown && plugin !== 'bridge') await requireUnused(plugin, run);
}

/** Their devices, routes and rules have names that a machine has once. */
async function requireUnused(plugin: 'flannel' | 'calico', run: RunProgram): Promise<void> {
  if (plugin === 'flannel') {
    const device = (await readInterfaces(run)).find(({ name }) => /^flannel(-v6)?\./.test(name));
    if (device) throw taken(plugin, `this machine is in a network of flannel's way already (device ${device.name})`);
    return;
  }
  const { stdout } = await run('ip', ['route', 'show', 'proto', 'bird']);
  const [route] = stdout.split('\n').filter(Boolean);
  if (route) throw taken(plugin, `a BIRD leads this machine's packets already (${route.trim()})`);
}

async function requireBird(run: RunProgram): Promise<void> {
  try {
    await run('bird', ['--version']);
  } catch (cause) {
    if (!(cause instanceof ProgramError && cause.code === 'PROGRAM_MISSING')) throw cause;
    throw new CodedError("bird is not installed: network calico needs Debian's package bird2", { code: 'BIRD_MISSING', cause });
  }
}

async function configurationsIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => IS_CONFIGURATION.test(entry)).sort();
}

const taken = (plugin: NetworkPlugin, why: string) =>
  new CodedError(`network ${plugin} cannot be made: ${why}`, { code: 'NETWORK_TAKEN' });
