import { isIPv4 } from 'node:net';
import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import { createInformer } from '../../client/informer.ts';
import { type NetworkInterface, readInterfaces, readRouteTo } from '../../host/network-interfaces.ts';
import type { NftTable } from '../../host/nft-table.ts';
import type { RunProgram } from '../../host/run-program.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type Component, ComponentGroup } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { ChangeSignal } from '../../std/sync-runner.ts';
import { createAgentLife } from '../agent-life.ts';
import { allowForwarding, FLANNEL_FORWARD } from '../forward-rules.ts';
import { createReportedLooks } from '../reported-looks.ts';
import { bridgeOf, type CniConf } from './cni-conf.ts';
import { forwardingChanges, planForwarding } from './forwarding-plan.ts';
import { readForwarding, writeForwarding } from './kernel-forwarding.ts';
import { annotationName, isRangeInside, leaseAnnotations, leaseOf, podRangeOf, vxlanData } from './lease.ts';
import { masqueradeRules } from './masquerade.ts';
import type { NetConf } from './net-conf.ts';
import { type NetworkPaths, writeNetworkFiles } from './network-files.ts';
import { chooseInterface, type InterfaceWish, type OuterInterface } from './outer-interface.ts';
import { applyTunnelDevice, planTunnelDevice, podMtu, tunnelName } from './tunnel-device.ts';

export interface FlannelOptions {
  /** May list and watch nodes and patch nodes/status. */
  readonly client: Client;
  readonly nodeName: string;
  readonly conf: NetConf;
  readonly cniConf: CniConf;
  readonly wish: InterfaceWish;
  /** The interface is the one that leads there; undefined: that of the default route. */
  readonly reach: string | undefined;
  readonly paths: NetworkPaths;
  /** The table of masquerading rules; undefined: the CNI plugin masquerades. */
  readonly masquerade: { readonly table: NftTable; readonly random: boolean } | undefined;
  readonly forwardRules: boolean;
  readonly annotationPrefix: string;
  /** Whether the Node's condition NetworkUnavailable is set to False. */
  readonly setNodeCondition: boolean;
  readonly run: RunProgram;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** How often everything is looked at though nothing was heard of. */
  readonly resyncMs: number;
}

export interface FlannelAgent extends Component {
  /** Whether the last look ended well. */
  readonly isHealthy: boolean;
}

const LEAST_MS = 100;
const RETRY_MS = 2000;
/** Told of at a time. */
const MOST_PROBLEMS = 10;

/**
 * A node's part of flannel's network: tells by the Node object where its pods are reached, and keeps the kernel's routes, and neighbours and
 * forwarding entries of the vxlan device, as the other Nodes' objects say. Everything is compared with what there is, at each change and
 * now and then, so it may end and begin at any time; packets go their way meanwhile. Ready when pods can have addresses.
 */
export function createFlannelAgent(options: FlannelOptions): FlannelAgent {
  const { client, nodeName, conf, clock, logger, annotationPrefix: prefix } = options;
  const nodes = createInformer<V1Node>({ client, kind: nodeKind, clock, logger, random: options.random });
  const changes = new ChangeSignal();
  const group = new ComponentGroup();

  const looks = createReportedLooks({
    logger,
    sync,
    tellUp: () => logger.info('The network of pods is up', { node: nodeName, backend: conf.backend.type, network: conf.network }),
  });
  const isOwn = (node: V1Node) => node.metadata?.name === nodeName;
  const facts = (node: V1Node) =>
    JSON.stringify([
      leaseOf(node, prefix),
      isOwn(node) && [node.spec?.podCIDR, node.metadata?.annotations, networkCondition(node)],
    ]);

  async function findOuter(node: V1Node): Promise<{ outer: OuterInterface; interfaces: readonly NetworkInterface[] }> {
    const { run, wish, reach } = options;
    const interfaces = await readInterfaces(run);
    const isNamed = wish.interfaces.length > 0 || wish.patterns.length > 0;
    const usual = isNamed ? undefined : (await readRouteTo(run, reach ?? 'default'))?.device;
    const annotation = annotationName(prefix, 'public-ip-overwrite');
    const overwrite = node.metadata?.annotations?.[annotation];
    const isAddress = overwrite !== undefined && isIPv4(overwrite);
    looks.sayOnce('overwrite', overwrite && !isAddress ? `${annotation}: ${JSON.stringify(overwrite)} is no IPv4 address` : '');
    const publicIp = isAddress ? overwrite : wish.publicIp;
    return { interfaces, outer: chooseInterface(interfaces, { ...wish, publicIp }, usual) };
  }

  async function sync(why: 'change' | 'period', signal: AbortSignal): Promise<void> {
    const { run: runProgram, masquerade, forwardRules } = options;
    const { backend, network } = conf;
    const run: RunProgram = (program, args, more) => runProgram(program, args, { ...more, signal });
    const node = nodes.get(nodeName);
    if (!node) throw waiting(`node "${nodeName}" is not registered`);
    const subnet = podRangeOf(node);
    if (subnet === undefined) throw waiting(`node "${nodeName}" pod cidr not assigned`);
    if (!isRangeInside(subnet, network))
      throw waiting(`node "${nodeName}" pod cidr ${subnet} is not in the network ${network} of net-conf.json`);
    const { outer, interfaces } = await findOuter(node);
    const vxlan = backend.type === 'vxlan' ? backend : undefined;
    const stored = vxlanData(node.metadata?.annotations?.[annotationName(prefix, 'backend-data')]);
    const macBefore = stored && stored.vni === vxlan?.vni ? stored.mac : randomMac(options.random);
    const device = planTunnelDevice(backend, outer, { subnet, mac: macBefore });
    const mac = device && (await applyTunnelDevice(run, device, interfaces));
    await patchNode(node, {
      metadata: {
        annotations: leaseAnnotations(
          { publicIp: outer.publicIp, backendType: backend.type, ...(vxlan && mac && { vxlan: { vni: vxlan.vni, mac } }) },
          prefix,
        ),
      },
    });
    // What cannot be written for one node does not keep this one from having pods.
    const failure = await forward(run, outer, subnet).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (masquerade) {
      const full = why === 'period' && !(await masquerade.table.holds('postrouting', 'masquerade'));
      await masquerade.table.write(masqueradeRules({ network, subnet, random: masquerade.random }), { full, signal });
    }
    if (forwardRules) await allowForwarding(run, FLANNEL_FORWARD, [network]);
    await leaveOldRange(run, interfaces, subnet);
    const env = { network, subnet, mtu: podMtu(backend, outer), ipMasq: masquerade !== undefined };
    const other = await writeNetworkFiles(options.paths, options.cniConf, env);
    looks.sayOnce(
      'files',
      other === undefined ? '' : `the runtime uses the network configuration ${other}, which comes before flannel's`,
    );
    if (options.setNodeCondition && networkCondition(node) !== 'FlannelIsUp')
      await patchNode(node, { status: { conditions: [upCondition(clock.now())] } });
    if (failure !== undefined) throw failure;
  }

  /** A node that was deleted and came back has another range; the plugin does not use a bridge that has an address of the old one. */
  async function leaveOldRange(run: RunProgram, interfaces: readonly NetworkInterface[], subnet: string): Promise<void> {
    const name = bridgeOf(options.cniConf);
    const bridge = interfaces.find((one) => one.name === name && one.kind === 'bridge');
    for (const { ip, prefix: length } of bridge?.addresses ?? []) {
      if (isRangeInside(`${ip}/32`, subnet) || !isRangeInside(`${ip}/32`, conf.network)) continue;
      logger.warn('The node has another pod range than before; pods of the old one must be made anew', {
        bridge: name,
        ip,
        subnet,
      });
      await run('ip', ['address', 'delete', `${ip}/${length}`, 'dev', name]);
    }
  }

  async function forward(run: RunProgram, outer: OuterInterface, subnet: string): Promise<void> {
    const { backend } = conf;
    const tunnelDevice = tunnelName(backend);
    const leases = nodes.list().flatMap((node) => leaseOf(node, prefix) ?? []);
    const { device, publicIp, linkCidrs } = outer;
    const place = { nodeName, subnet, publicIp, device, linkCidrs, ...(tunnelDevice !== undefined && { tunnelDevice }) };
    const plan = planForwarding(conf, place, leases);
    const more = plan.problems.length - MOST_PROBLEMS;
    looks.sayOnce('nodes', [...plan.problems.slice(0, MOST_PROBLEMS), ...(more > 0 ? [`and ${more} more`] : [])].join('; '));
    const isVxlan = backend.type === 'vxlan';
    const actual = await readForwarding(run, isVxlan ? tunnelDevice : undefined);
    const written = forwardingChanges(actual, plan, {
      ...(tunnelDevice !== undefined && { tunnelDevice }),
      learning: isVxlan && backend.learning,
    });
    await writeForwarding(run, written);
    if (written.ip.length + written.bridge.length > 0)
      logger.debug(1, 'Wrote ways to pods of other nodes', { routes: plan.routes.length, changes: written });
  }

  /** Nothing is sent when the Node says so already. */
  async function patchNode(
    node: V1Node,
    patch: { metadata?: { annotations: Readonly<Record<string, string>> }; status?: object },
  ) {
    const present = new Map(Object.entries(node.metadata?.annotations ?? {}));
    const wanted = Object.entries(patch.metadata?.annotations ?? {});
    if (!patch.status && wanted.every(([name, value]) => present.get(name) === value)) return;
    await client.resource<V1Node>(nodeKind).patch(nodeName, patch, { type: 'strategic', subresource: 'status' });
  }

  const life = createAgentLife({
    ...{ group, changes, clock, minIntervalMs: LEAST_MS, maxIntervalMs: options.resyncMs, retryMs: RETRY_MS, look: looks.look },
    informers: [nodes],
    watch() {
      nodes.onChange(({ type, object, previous }) => {
        if (type !== 'updated' || !previous || facts(object) !== facts(previous)) changes.set();
      });
    },
  });
  return {
    name: 'flannel',
    done: life.done,
    get isHealthy() {
      return looks.isHealthy;
    },
    start: life.start,
  };
}

/** The reason why the network is there; undefined when nobody has said that it is. */
const networkCondition = ({ status }: V1Node): string | undefined =>
  status?.conditions?.find(({ type, status: value }) => type === 'NetworkUnavailable' && value === 'False')?.reason;

function upCondition(nowMs: number): object {
  const now = formatTime(nowMs);
  return {
    type: 'NetworkUnavailable',
    status: 'False',
    reason: 'FlannelIsUp',
    message: 'Flannel is running on this node',
    lastTransitionTime: now,
    lastHeartbeatTime: now,
  };
}

/** Locally administered, of one machine. */
function randomMac(random: () => number): string {
  const bytes = Array.from({ length: 6 }, () => Math.floor(random() * 256));
  const [first = 0, ...rest] = bytes;
  return [(first & 0xfc) | 0x02, ...rest].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

const waiting = (message: string) => new CodedError(message, { code: 'NODE_NOT_READY' });
