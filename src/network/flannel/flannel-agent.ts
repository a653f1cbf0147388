import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import { createInformer } from '../../client/informer.ts';
import type { RunProgram } from '../../host/run-program.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type Component, ComponentGroup } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { ChangeSignal } from '../../std/sync-runner.ts';
import { createAgentLife } from '../agent-life.ts';
import { createReportedLooks } from '../reported-looks.ts';
import { bridgeOf, type CniConf } from './cni-conf.ts';
import {
  createFamilyNetwork,
  type FamilyNetworkPart,
  type FamilyPlace,
  type FlannelWish,
  type Masquerade,
} from './family-network.ts';
import { leaseAnnotations, leaseOf } from './lease.ts';
import type { NetConf } from './net-conf.ts';
import { type NetworkPaths, writeNetworkFiles } from './network-files.ts';
import { podMtu } from './tunnel-device.ts';

export interface FlannelOptions {
  /** May list and watch nodes and patch nodes/status. */
  readonly client: Client;
  readonly nodeName: string;
  readonly conf: NetConf;
  readonly cniConf: CniConf;
  readonly wish: FlannelWish;
  /** The interface is the one that leads there; undefined: that of the default route. */
  readonly reach: string | undefined;
  readonly paths: NetworkPaths;
  /** Undefined: the CNI plugin masquerades. */
  readonly masquerade: Masquerade | undefined;
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
    tellUp: () =>
      logger.info('The network of pods is up', {
        node: nodeName,
        backend: conf.backend.type,
        networks: conf.networks.map(({ cidr }) => cidr),
      }),
  });
  const isOwn = (node: V1Node) => node.metadata?.name === nodeName;
  const facts = (node: V1Node) =>
    JSON.stringify([
      conf.networks.map(({ family }) => leaseOf(node, prefix, family)),
      isOwn(node) && [node.spec?.podCIDR, node.spec?.podCIDRs, node.metadata?.annotations, networkCondition(node)],
    ]);
  const parts = conf.networks.map((network) =>
    createFamilyNetwork({
      ...{
        nodeName,
        network,
        annotationPrefix: prefix,
        logger,
        random: options.random,
        wish: options.wish,
        reach: options.reach,
      },
      ...{ backend: conf.backend, masquerade: options.masquerade, forwardRules: options.forwardRules },
      ...{ bridge: bridgeOf(options.cniConf), sayOnce: looks.sayOnce },
    }),
  );

  async function sync(why: 'change' | 'period', signal: AbortSignal): Promise<void> {
    const run: RunProgram = (program, args, more) => options.run(program, args, { ...more, signal });
    const node = nodes.get(nodeName);
    if (!node) throw waiting(`node "${nodeName}" is not registered`);
    const places: { part: FamilyNetworkPart; place: FamilyPlace }[] = [];
    for (const part of parts) places.push({ part, place: await part.prepare(run, node) });
    const annotations = Object.assign({}, ...places.map(({ place }) => leaseAnnotations(place.lease, prefix)));
    await patchNode(node, { metadata: { annotations } });
    // What cannot be written for one node does not keep this one from having pods.
    const failures: unknown[] = [];
    for (const { part, place } of places) {
      await part.forward(run, place, nodes.list()).catch((error: unknown) => failures.push(error));
      await part.settle(run, place, why, signal);
    }
    const other = await writeNetworkFiles(options.paths, options.cniConf, {
      ranges: places.map(({ place: { network, subnet } }) => ({ family: network.family, network: network.cidr, subnet })),
      mtu: Math.min(...places.map(({ place }) => podMtu(conf.backend, place.outer))),
      ipMasq: options.masquerade !== undefined,
    });
    looks.sayOnce(
      'files',
      other === undefined ? '' : `the runtime uses the network configuration ${other}, which comes before flannel's`,
    );
    if (options.setNodeCondition && networkCondition(node) !== 'FlannelIsUp')
      await patchNode(node, { status: { conditions: [upCondition(clock.now())] } });
    if (failures.length > 0) throw failures[0];
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

const waiting = (message: string) => new CodedError(message, { code: 'NODE_NOT_READY' });
