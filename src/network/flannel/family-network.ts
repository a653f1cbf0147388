import { isIP } from 'node:net';
import type { V1Node } from '../../api/gen/types.ts';
import type { Family } from '../../api/machinery/ip.ts';
import { addressesOf, type NetworkInterface, readInterfaces, readRouteTo } from '../../host/network-interfaces.ts';
import type { NftTable } from '../../host/nft-table.ts';
import type { RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import { allowForwarding, FLANNEL_FORWARD } from '../forward-rules.ts';
import type { ReportedLooks } from '../reported-looks.ts';
import { forwardingChanges, planForwarding } from './forwarding-plan.ts';
import { readForwarding, writeForwarding } from './kernel-forwarding.ts';
import { isRangeInside, leaseOf, type OwnLease, overwriteAnnotation, podRangeOf, storedVxlan } from './lease.ts';
import { masqueradeRules } from './masquerade.ts';
import type { Backend, FamilyNetwork } from './net-conf.ts';
import { chooseInterface, type InterfaceWish, type OuterInterface } from './outer-interface.ts';
import { applyTunnelDevice, planTunnelDevice, tunnelName } from './tunnel-device.ts';

/** What is asked of the interface to other nodes, for both families. */
export interface FlannelWish extends Omit<InterfaceWish, 'publicIp'> {
  readonly publicIp: Readonly<Record<Family, string | undefined>>;
}

/** Tables of masquerading rules, and whether ports are chosen at random. */
export interface Masquerade {
  readonly tables: Readonly<Record<Family, NftTable>>;
  readonly random: boolean;
}

export interface FamilyNetworkOptions {
  readonly nodeName: string;
  readonly network: FamilyNetwork;
  readonly backend: Backend;
  readonly wish: FlannelWish;
  readonly reach: string | undefined;
  readonly masquerade: Masquerade | undefined;
  readonly forwardRules: boolean;
  /** That pods are on. */
  readonly bridge: string;
  readonly annotationPrefix: string;
  readonly logger: Logger;
  readonly sayOnce: ReportedLooks['sayOnce'];
  /** Numbers in [0, 1). */
  readonly random: () => number;
}

/** Where this node's pods of one family are, and how others reach them. */
export interface FamilyPlace {
  readonly network: FamilyNetwork;
  readonly subnet: string;
  readonly outer: OuterInterface;
  readonly interfaces: readonly NetworkInterface[];
  readonly lease: OwnLease;
}

export interface FamilyNetworkPart {
  /** Makes the device that packets go through. @throws CodedError NODE_NOT_READY, INTERFACE_MISSING, BACKEND_IMPOSSIBLE */
  prepare(run: RunProgram, node: V1Node): Promise<FamilyPlace>;
  /** Leads packets to the pods of other nodes. */
  forward(run: RunProgram, place: FamilyPlace, nodes: readonly V1Node[]): Promise<void>;
  /** Rules about pods' packets, and the bridge's addresses. */
  settle(run: RunProgram, place: FamilyPlace, why: 'change' | 'period', signal: AbortSignal): Promise<void>;
}

/** Told of at a time. */
const MOST_PROBLEMS = 10;

/** One family's part of flannel's network on this node; each is compared with what there is, and may be asked for at any time. */
export function createFamilyNetwork(options: FamilyNetworkOptions): FamilyNetworkPart {
  const { nodeName, network, backend, wish, annotationPrefix: prefix, bridge, logger, sayOnce } = options;
  const { family, cidr } = network;
  const tunnelDevice = tunnelName(backend, family);
  const isVxlan = backend.type === 'vxlan';

  function rangeOf(node: V1Node): string {
    const subnet = podRangeOf(node, family);
    if (subnet === undefined) throw waiting(`node "${nodeName}" pod cidr not assigned${family === 6 ? ' (of IPv6)' : ''}`);
    if (isRangeInside(subnet, cidr)) return subnet;
    throw waiting(`node "${nodeName}" pod cidr ${subnet} is not in the network ${cidr} of net-conf.json`);
  }

  async function findOuter(run: RunProgram, node: V1Node, interfaces: readonly NetworkInterface[]): Promise<OuterInterface> {
    const isNamed = wish.interfaces.length > 0 || wish.patterns.length > 0;
    const usual = isNamed
      ? undefined
      : await (options.reach === undefined ? readRouteTo(run, 'default', family) : readRouteTo(run, options.reach));
    const annotation = overwriteAnnotation(prefix, family);
    const overwrite = node.metadata?.annotations?.[annotation];
    const isAddress = overwrite !== undefined && isIP(overwrite) === family;
    const complaint = overwrite && !isAddress ? `${annotation}: ${JSON.stringify(overwrite)} is no IPv${family} address` : '';
    sayOnce(`overwrite ${family}`, complaint);
    const publicIp = isAddress ? overwrite : wish.publicIp[family];
    return chooseInterface(interfaces, { ...wish, publicIp }, usual?.device, family);
  }

  return {
    async prepare(run, node) {
      const subnet = rangeOf(node);
      const interfaces = await readInterfaces(run);
      const outer = await findOuter(run, node, interfaces);
      const stored = storedVxlan(node, prefix, family);
      const macBefore = stored && isVxlan && stored.vni === backend.vni ? stored.mac : randomMac(options.random);
      const device = planTunnelDevice(backend, outer, { subnet, mac: macBefore });
      const mac = device && (await applyTunnelDevice(run, device, interfaces));
      const vxlan = isVxlan && mac ? { vni: backend.vni, mac } : undefined;
      const lease = { family, publicIp: outer.publicIp, backendType: backend.type, ...(vxlan && { vxlan }) };
      return { network, subnet, outer, interfaces, lease };
    },
    async forward(run, { subnet, outer }, nodes) {
      const leases = nodes.flatMap((node) => leaseOf(node, prefix, family) ?? []);
      const { device, publicIp, linkCidrs } = outer;
      const place = { nodeName, subnet, publicIp, device, linkCidrs, ...(tunnelDevice !== undefined && { tunnelDevice }) };
      const plan = planForwarding({ backend, network: cidr }, place, leases);
      const more = plan.problems.length - MOST_PROBLEMS;
      const told = [...plan.problems.slice(0, MOST_PROBLEMS), ...(more > 0 ? [`and ${more} more`] : [])];
      sayOnce(`nodes ${family}`, told.join('; '));
      const actual = await readForwarding(run, family, isVxlan ? tunnelDevice : undefined);
      const written = forwardingChanges(actual, plan, {
        ...(tunnelDevice !== undefined && { tunnelDevice }),
        learning: isVxlan && backend.learning,
      });
      await writeForwarding(run, written);
      if (written.ip.length + written.bridge.length > 0)
        logger.debug(1, 'Wrote ways to pods of other nodes', { routes: plan.routes.length, changes: written });
    },
    async settle(run, { subnet, interfaces }, why, signal) {
      const { masquerade, forwardRules } = options;
      if (masquerade) {
        const table = masquerade.tables[family];
        const full = why === 'period' && !(await table.holds('postrouting', 'masquerade'));
        const rules = masqueradeRules({ family, network: cidr, subnet, random: masquerade.random });
        await table.write(rules, { full, signal });
      }
      if (forwardRules) await allowForwarding(run, FLANNEL_FORWARD, [cidr], family);
      await leaveOldRange(run, interfaces, subnet);
    },
  };

  /** A node that was deleted and came back has another range; the plugin does not use a bridge that has an address of the old one. */
  async function leaveOldRange(run: RunProgram, interfaces: readonly NetworkInterface[], subnet: string): Promise<void> {
    const present = interfaces.find((one) => one.name === bridge && one.kind === 'bridge');
    for (const { ip, prefix: length } of present ? addressesOf(present, family) : []) {
      const address = `${ip}/${family === 4 ? 32 : 128}`;
      if (isRangeInside(address, subnet) || !isRangeInside(address, cidr)) continue;
      logger.warn('The node has another pod range than before; pods of the old one must be made anew', { bridge, ip, subnet });
      await run('ip', ['address', 'delete', `${ip}/${length}`, 'dev', bridge]);
    }
  }
}

/** Locally administered, of one machine. */
function randomMac(random: () => number): string {
  const bytes = Array.from({ length: 6 }, () => Math.floor(random() * 256));
  const [first = 0, ...rest] = bytes;
  return [(first & 0xfc) | 0x02, ...rest].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

const waiting = (message: string) => new CodedError(message, { code: 'NODE_NOT_READY' });
