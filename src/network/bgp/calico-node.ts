import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import { formatTime } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import { createInformer } from '../../client/informer.ts';
import type { NftTable } from '../../host/nft-table.ts';
import type { RunProgram } from '../../host/run-program.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type Component, ComponentGroup } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { ChangeSignal } from '../../std/sync-runner.ts';
import { createAgentLife } from '../agent-life.ts';
import { allowForwarding, CALICO_FORWARD } from '../forward-rules.ts';
import { cidrRange, formatAddress } from '../policy/address-ranges.ts';
import { createReportedLooks } from '../reported-looks.ts';
import { ANNOTATIONS, planBgp } from './bgp-plan.ts';
import { birdConfiguration, tunnelMode } from './bird-configuration.ts';
import type { BirdDaemon } from './bird-daemon.ts';
import { keepBlocks, releaseBlock } from './block-keeper.ts';
import {
  type BgpConfiguration,
  type BgpPeer,
  type BlockAffinity,
  bgpConfigurationKind,
  bgpPeerKind,
  blockAffinityKind,
  type IpPool,
  ipPoolKind,
} from './calico-kinds.ts';
import { ensureDefaultPool, ensureKinds, readPools } from './calico-objects.ts';
import { addressesInUse, type CniPlaces, networksBefore, writeConflist } from './cni-files.ts';
import { detectAddress } from './detect-address.ts';
import { createIdleBlocks, idleBlocks } from './idle-blocks.ts';
import { poolRules } from './pool-rules.ts';
import type { CalicoSettings } from './settings.ts';
import { closeTunnel, openTunnel } from './tunnel-device.ts';
import { closeVxlan, openVxlan } from './vxlan-network.ts';
import { tunnelMac } from './vxlan-plan.ts';

export interface CalicoNodeOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly settings: CalicoSettings;
  readonly bird: BirdDaemon;
  /** That of `poolRules`. */
  readonly rules: NftTable;
  readonly cni: CniPlaces;
  readonly run: RunProgram;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Told when the node's blocks are others. */
  readonly onBlocks?: () => void;
}

export interface CalicoNode extends Component {
  /** Whether the last look ended well. */
  readonly isHealthy: boolean;
  /** This node's. */
  readonly blocks: readonly string[];
  readonly metrics: CalicoState;
}

/** What metrics tell. */
export interface CalicoState {
  readonly blocks: number;
  readonly addressesInUse: number;
  readonly peers: number;
}

const LEAST_MS = 200;
const RETRY_MS = 2000;
/** So often somebody looks how full the blocks are, and whether all stands still. */
const LOOK_MS = 10_000;
/** Without these nothing will come of trying again. */
const HOPELESS = new Set(['IPIP_MISSING', 'BIRD_MISSING', 'PROGRAM_MISSING']);

/**
 * A node's part of Calico's network: tells where the node is by annotations of its Node, takes blocks of addresses, has BIRD announce
 * them to the other nodes, and gives the runtime its CNI configuration. Each look compares all of it with what there is, so it may end
 * and begin again at any time; BIRD and the routes go on meanwhile. Ready when pods can have addresses.
 */
export function createCalicoNode(options: CalicoNodeOptions): CalicoNode {
  const { client, nodeName, settings, bird, rules, cni, run, clock, logger, random, onBlocks = () => undefined } = options;
  const informer = <T extends object>(kind: ResourceKind) =>
    createInformer<T & { metadata?: object }>({ client, kind, clock, logger, random });
  const nodes = informer<V1Node>(nodeKind);
  const pools = informer<IpPool>(ipPoolKind);
  const affinities = informer<BlockAffinity>(blockAffinityKind);
  const configurations = informer<BgpConfiguration>(bgpConfigurationKind);
  const peers = informer<BgpPeer>(bgpPeerKind);
  const changes = new ChangeSignal();
  const group = new ComponentGroup();
  const findIdle = createIdleBlocks();
  let blocks: readonly string[] = [];
  /** Of those, the ones that new pods get addresses of. */
  let givesAddresses: readonly string[] = [];
  let state: CalicoState = { blocks: 0, addressesInUse: 0, peers: 0 };

  const looks = createReportedLooks({
    logger,
    sync,
    tellUp: () => logger.info('The network of pods is up', { node: nodeName, blocks: blocks.join(', ') }),
  });

  async function sync(why: 'change' | 'period', signal: AbortSignal): Promise<void> {
    const node = nodes.get(nodeName);
    if (!node) throw new CodedError(`node "${nodeName}" is not registered`, { code: 'NODE_NOT_READY' });
    const address = await detectAddress(run, settings.ip, node);
    const { pools: known, problems } = readPools(pools.list(), node);
    looks.sayOnce('pools', problems.join('; '));
    const inUse = await addressesInUse(cni);
    await takeBlocks(node, { pools: known.filter(({ forNode }) => forNode), inUse });
    const mode = tunnelMode(known);
    const tunnelAddress = mode === 'Never' ? undefined : firstAddress(blocks[0]!);
    if (tunnelAddress !== undefined) await openTunnel(run, { address: tunnelAddress, mtu: settings.ipipMtu });
    else if (node.metadata?.annotations?.[ANNOTATIONS.tunnelAddress] !== undefined) await closeTunnel(run);
    const vxlanPools = known.filter(({ vxlanMode }) => vxlanMode !== 'Never');
    const vxlanAddress = vxlanPools.length > 0 ? firstAddress(blocks[0]!) : undefined;
    if (vxlanAddress === undefined && node.metadata?.annotations?.[ANNOTATIONS.vxlanAddress] !== undefined) await closeVxlan(run);
    const annotations = {
      [ANNOTATIONS.address]: address,
      [ANNOTATIONS.tunnelAddress]: tunnelAddress ?? null,
      [ANNOTATIONS.vxlanAddress]: vxlanAddress ?? null,
      [ANNOTATIONS.vxlanMac]: vxlanAddress === undefined ? null : tunnelMac(nodeName),
      ...(settings.asNumber !== undefined && { [ANNOTATIONS.asNumber]: String(settings.asNumber) }),
    };
    const self = await annotate(node, annotations);
    const plan = planBgp({
      nodeName,
      nodes: nodes.list().map((one) => (one.metadata?.name === nodeName ? self : one)),
      configuration: configurations.get('default'),
      peers: peers.list(),
    });
    looks.sayOnce('peers', plan.problems.join('; '));
    if (settings.backend === 'bird')
      await bird.ensure(
        birdConfiguration({
          ...{ address, plan, blocks, pools: known, keepRoutes: true, logSeverity: settings.logSeverity },
          routerId: settings.routerId ?? address.split('/')[0]!,
          logFile: bird.logFile,
        }),
      );
    if (vxlanAddress !== undefined) {
      const objects = { nodeName, address, pools: vxlanPools, nodes: nodes.list(), affinities: affinities.list() };
      const unreached = await openVxlan(run, { ...objects, settings: settings.vxlan, tunnelAddress: vxlanAddress });
      looks.sayOnce('vxlan', unreached.join('; '));
    }
    const full = why === 'period' && !(await rules.holds('prerouting', 'oif'));
    await rules.write(poolRules(known), { full, signal });
    await allowForwarding(
      run,
      CALICO_FORWARD,
      known.map(({ cidr }) => cidr),
    );
    const mtu = settings.mtu ?? (vxlanAddress ? settings.vxlan.mtu : mode === 'Never' ? undefined : settings.ipipMtu);
    await writeConflist(cni, givesAddresses, mtu);
    const before = await networksBefore(cni);
    looks.sayOnce(
      'files',
      before.length > 0 ? `the runtime uses the network configuration ${before[0]}, which comes before Calico's` : '',
    );
    await tellThatItIsUp(node);
    state = { blocks: blocks.length, addressesInUse: inUse.length, peers: plan.peers.length };
  }

  async function takeBlocks(node: V1Node, wanted: { pools: ReturnType<typeof readPools>['pools']; inUse: readonly string[] }) {
    const kept = await keepBlocks(
      { client, logger },
      { node, pools: wanted.pools, usedAddresses: wanted.inUse, known: affinities.list() },
    );
    const lost = blocks.filter((block) => !kept.includes(block));
    const { withheld, due } = findIdle(idleBlocks(kept, wanted.inUse), clock.now());
    for (const block of due) await releaseBlock({ client, logger }, nodeName, block);
    givesAddresses = kept.filter((block) => !withheld.includes(block));
    if (lost.length > 0) logger.error("Blocks of addresses are no longer this node's; its pods in them are cut off", { lost });
    const changed = kept.length !== blocks.length || lost.length > 0;
    blocks = kept.filter((block) => !due.includes(block));
    if (changed || due.length > 0) onBlocks();
  }

  /** Answers the Node as it is then. Nothing is sent when it says so already. */
  async function annotate(node: V1Node, annotations: Readonly<Record<string, string | null>>): Promise<V1Node> {
    const present = new Map(Object.entries(node.metadata?.annotations ?? {}));
    if (Object.entries(annotations).every(([name, value]) => (present.get(name) ?? null) === value)) return node;
    return client
      .resource<V1Node>(nodeKind)
      .patch(nodeName, { metadata: { annotations } }, { type: 'strategic', subresource: 'status' });
  }

  async function tellThatItIsUp({ status }: V1Node): Promise<void> {
    const condition = status?.conditions?.find(({ type }) => type === 'NetworkUnavailable');
    if (condition?.status === 'False' && condition.reason === 'CalicoIsUp') return;
    const now = formatTime(clock.now());
    const up = {
      ...{ type: 'NetworkUnavailable', status: 'False', reason: 'CalicoIsUp', message: 'Calico is running on this node' },
      ...{ lastTransitionTime: now, lastHeartbeatTime: now },
    };
    await client
      .resource<V1Node>(nodeKind)
      .patch(nodeName, { status: { conditions: [up] } }, { type: 'strategic', subresource: 'status' });
  }

  const life = createAgentLife({
    ...{ group, changes, clock, minIntervalMs: LEAST_MS, maxIntervalMs: LOOK_MS, retryMs: RETRY_MS, look: looks.look },
    informers: [nodes, pools, affinities, configurations, peers],
    async prepare(signal) {
      await ensureKinds(client, clock, signal);
      await ensureDefaultPool(client, settings.defaultPool, logger);
    },
    watch() {
      nodes.onChange(({ type, object, previous }) => {
        if (type !== 'updated' || !previous || facts(object) !== facts(previous)) changes.set();
      });
      for (const one of [pools, affinities, configurations, peers]) one.onChange(() => changes.set());
    },
    isHopeless: (error) => error instanceof CodedError && HOPELESS.has(error.code),
  });
  return {
    name: 'calico-node',
    done: life.done,
    get isHealthy() {
      return looks.isHealthy;
    },
    get blocks() {
      return blocks;
    },
    get metrics() {
      return state;
    },
    start: life.start,
  };
}

/** What of a Node other nodes' sessions depend on; its heartbeats do not matter. */
const facts = ({ metadata, status }: V1Node): string =>
  JSON.stringify([
    metadata?.uid,
    metadata?.labels,
    Object.values(ANNOTATIONS).map((name) => metadata?.annotations?.[name]),
    status?.addresses,
  ]);

/** The gateway's, which host-local gives to no pod. */
function firstAddress(block: string): string | undefined {
  const range = cidrRange(block);
  return range && formatAddress(range.first + 1n, 4);
}
