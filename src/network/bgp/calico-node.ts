import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import type { Family } from '../../api/machinery/ip.ts';
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
import { createReportedLooks } from '../reported-looks.ts';
import { ANNOTATIONS, DEFAULT_AS, FAMILY_ANNOTATIONS, planBgp } from './bgp-plan.ts';
import { birdConfiguration, hashedRouterId, tunnelMode } from './bird-configuration.ts';
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
import { ensureDefaultPools, ensureKinds, type Pool, readPools } from './calico-objects.ts';
import { addressesInUse, type CniPlaces, networksBefore, writeConflist } from './cni-files.ts';
import { detectAddress } from './detect-address.ts';
import {
  ANNOTATION_NAMES,
  annotationOf,
  annotationsOf,
  FAMILIES,
  type FamilyView,
  firstOf,
  tunnelMtu,
  viewOf,
} from './family-view.ts';
import { createIdleBlocks, idleBlocks } from './idle-blocks.ts';
import { poolRules } from './pool-rules.ts';
import type { CalicoSettings } from './settings.ts';
import { closeTunnel, openTunnel } from './tunnel-device.ts';
import { closeVxlan, openVxlan } from './vxlan-network.ts';

export interface CalicoNodeOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly settings: CalicoSettings;
  readonly bird: BirdDaemon;
  /** Those of `poolRules`. */
  readonly rules: Readonly<Record<Family, NftTable>>;
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
  /** Families that this node's network has had since this process began, or that its Node tells of. */
  const used = new Set<Family>([
    ...(settings.ip === undefined ? [] : [4 as const]),
    ...(settings.ip6 === undefined ? [] : [6 as const]),
  ]);
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
    const { pools: known, problems } = readPools(pools.list(), node);
    looks.sayOnce('pools', problems.join('; '));
    const inUse = await addressesInUse(cni);
    const addresses = await findAddresses(node);
    await takeBlocks(
      node,
      addresses.map(({ family }) => ({ family, pools: known.filter((pool) => pool.family === family && pool.forNode) })),
      inUse,
    );
    const views = addresses.map((one) => viewOf(one, known, blocks));
    const mode = tunnelMode(known);
    const tunnelAddress = mode === 'Never' ? undefined : firstOf(blocks, 4);
    if (tunnelAddress !== undefined) await openTunnel(run, { address: tunnelAddress, mtu: settings.ipipMtu });
    else if (annotationOf(node, ANNOTATIONS.tunnelAddress) !== undefined) await closeTunnel(run);
    for (const family of FAMILIES)
      if (
        views.find((view) => view.family === family)?.vxlanAddress === undefined &&
        annotationOf(node, FAMILY_ANNOTATIONS[family].vxlanAddress) !== undefined
      )
        await closeVxlan(run, family);
    for (const family of FAMILIES) if (annotationOf(node, FAMILY_ANNOTATIONS[family].address) !== undefined) used.add(family);
    const self = await annotate(node, {
      ...{ [ANNOTATIONS.tunnelAddress]: tunnelAddress ?? null },
      ...annotationsOf(nodeName, views),
      ...(settings.asNumber !== undefined && { [ANNOTATIONS.asNumber]: String(settings.asNumber) }),
    });
    const peerCount = await tellBird(self, views);
    for (const view of views) {
      const { family, address, vxlanAddress, vxlanPools } = view;
      if (vxlanAddress === undefined) continue;
      const objects = { nodeName, family, address, pools: vxlanPools, nodes: nodes.list(), affinities: affinities.list() };
      const unreached = await openVxlan(run, { ...objects, settings: settings.vxlan[family], tunnelAddress: vxlanAddress });
      looks.sayOnce(`vxlan ${family}`, unreached.join('; '));
    }
    for (const family of FAMILIES) if (used.has(family)) await writeRules(family, known, { why, signal });
    await writeConflist(cni, givesAddresses, settings.mtu ?? tunnelMtu(views, settings, mode !== 'Never'));
    const before = await networksBefore(cni);
    looks.sayOnce(
      'files',
      before.length > 0 ? `the runtime uses the network configuration ${before[0]}, which comes before Calico's` : '',
    );
    await tellThatItIsUp(node);
    state = { blocks: blocks.length, addressesInUse: inUse.length, peers: peerCount };
  }

  /** The node's, one of each family that the settings ask for. */
  async function findAddresses(node: V1Node): Promise<readonly { readonly family: Family; readonly address: string }[]> {
    const wanted = [
      { family: 4 as const, ip: settings.ip },
      { family: 6 as const, ip: settings.ip6 },
    ];
    const found: { family: Family; address: string }[] = [];
    for (const { family, ip } of wanted)
      if (ip !== undefined) found.push({ family, address: await detectAddress(run, ip, node, family) });
    return found;
  }

  /** Answers how many sessions it is to have. */
  async function tellBird(self: V1Node, views: readonly FamilyView[]): Promise<number> {
    const objects = {
      nodeName,
      nodes: nodes.list().map((one) => (one.metadata?.name === nodeName ? self : one)),
      configuration: configurations.get('default'),
      peers: peers.list(),
    };
    const families = views.map((view) => ({
      ...view,
      plan: planBgp({ ...objects, family: view.family }),
    }));
    looks.sayOnce('peers', [...new Set(families.flatMap(({ plan }) => plan.problems))].join('; '));
    // One that was used before and is not any more: BIRD takes its routes away.
    const left = FAMILIES.filter((family) => used.has(family) && !views.some((view) => view.family === family)).map((family) => ({
      ...{ family, address: family === 4 ? '127.0.0.1/32' : '::1/128', blocks: [], pools: [] },
      plan: { asNumber: families[0]?.plan.asNumber ?? DEFAULT_AS, peers: [], otherAddresses: [], problems: [] },
    }));
    const [four] = views.filter(({ family }) => family === 4);
    const { routerId = four?.address.split('/')[0] ?? 'hash', backend, logSeverity } = settings;
    if (backend === 'bird')
      await bird.ensure(
        birdConfiguration({
          ...{ families: [...families, ...left], keepRoutes: true, logSeverity, logFile: bird.logFile },
          routerId: routerId === 'hash' ? hashedRouterId(nodeName) : routerId,
        }),
      );
    return families.reduce((sum, { plan }) => sum + plan.peers.length, 0);
  }

  async function writeRules(
    family: Family,
    known: readonly Pool[],
    { why, signal }: { readonly why: 'change' | 'period'; readonly signal: AbortSignal },
  ): Promise<void> {
    const own = known.filter((pool) => pool.family === family);
    const full = why === 'period' && own.length > 0 && !(await rules[family].holds('prerouting', 'oif'));
    await rules[family].write(poolRules(own, family), { full, signal });
    const networks = own.map(({ cidr }) => cidr);
    await allowForwarding(run, CALICO_FORWARD, networks, family);
  }

  async function takeBlocks(
    node: V1Node,
    wanted: readonly { readonly family: Family; readonly pools: readonly Pool[] }[],
    inUse: readonly string[],
  ): Promise<void> {
    const kept: string[] = [];
    for (const { family, pools: own } of wanted) {
      // A network of one family may have no pool of the other.
      const isNeeded = own.length > 0 || wanted.every((one) => one.pools.length === 0);
      kept.push(
        ...(await keepBlocks(
          { client, logger },
          { node, family, pools: own, usedAddresses: inUse, known: affinities.list(), isNeeded },
        )),
      );
    }
    const lost = blocks.filter((block) => !kept.includes(block));
    const { withheld, due } = findIdle(idleBlocks(kept, inUse), clock.now());
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
      await ensureDefaultPools(client, settings, { logger, random });
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
    ANNOTATION_NAMES.map((name) => metadata?.annotations?.[name]),
    status?.addresses,
  ]);
